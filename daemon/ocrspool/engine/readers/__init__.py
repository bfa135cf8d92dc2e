"""Readers: what says which text a line shows. The nets of the engine are some, Tesseract is another."""
