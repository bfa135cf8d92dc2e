"""Recognition: page pixels in, text lines out.

`net` is the seam to a runtime (one compiled model), `openvino` the bundled runtime, `models` finds model files,
`identity` states what a compiled engine depends on. `detect`, `crop`, `recognize`, `orientation` and `order` are
the steps of PP-OCR, independent of any runtime; `recognizer` runs them over a batch of pages.
"""
