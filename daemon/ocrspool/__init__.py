"""ocrspool: files dropped into watched folders come out as JSON OCR results."""

__version__ = "0.2.0"
