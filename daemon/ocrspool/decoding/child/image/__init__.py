"""Image files other than TIFF."""
