"""Untrusted files to page images, in a child process of their own: `python -m ocrspool.decode FD`.

Image codecs and PDFium abort, hang and eat memory on hostile files. A decoder that does so dies with its
file, and nothing else does. It opens no path: it is handed an open descriptor and hands back memory files.

`__main__` speaks the protocol, `document` opens whatever a descriptor holds, `media` tells what that is,
`image` (with `pixels` and `tiff`) and `pdf` (with `pdf_text`) decode it, `page` is what they hand out, `views` makes
the outputs that show pages, `limits` confines the process.
"""
