"""Untrusted files to page images, in a child process of its own: `python -m ocrspool.decoding.child FD`.

Image codecs and PDFium abort, hang and use up memory on hostile files. A decoder that does so dies with its file, and
nothing else does. It opens no path: it gets an open descriptor and returns memory files.

`__main__` speaks the protocol. `document` opens what a descriptor holds, and `media_type` tells what that is. `image`,
`pdf` and `tiff` decode it. `page` is what they hand out. `page_size` and `strokes` decide how many pixels of a page are
kept. `verdicts` translates the messages of libraries. `file_end` tells whether a file ends too early. `page_outputs`
makes the outputs that show pages. `confinement` limits the process.
"""
