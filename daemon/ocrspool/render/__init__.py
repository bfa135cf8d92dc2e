"""A document as bytes, one module for each output format."""
