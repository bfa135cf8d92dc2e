"""Recognition: page pixels in, text lines out.

`spec` is the interface to a runtime (one compiled model). `runtimes` has one module for each runtime. `models` finds
model files. `identity` states what a compiled engine depends on. `detection`, `reading` and `layout` hold the steps of
PP-OCR, independent of any runtime. `ocr` runs them over a batch of pages.
"""
