"""Untrusted files to page images, in a child process of their own: `python -m ocrspool.decoding.child FD`.

Image codecs and PDFium abort, hang and eat memory on hostile files. A decoder that does so dies with its
file, and nothing else does. It opens no path: it is handed an open descriptor and hands back memory files.

`__main__` speaks the protocol, `document` opens whatever a descriptor holds, `media` tells what that is,
`image` (with `pixels`, `png`, `jpeg`, `bmp` and all that is called `tiff`) and `pdf` (with `pdf_text`) decode it,
`page` is what they hand out, `sizes` and `strokes` say how many pixels of it are kept, `verdicts` says what a library's
message means, `ending` whether a file ends too early, `views` makes the outputs that show pages, `limits` confines the
process.

TIFF: `tiff` finds the pages, `libtiff` calls the library, `tiff_layout` says how samples are stored, `tiff_image` is a
page, `tiff_bands` and `samples` make 8-bit bands of samples, `tiff_damage` counts what is missing.
"""
