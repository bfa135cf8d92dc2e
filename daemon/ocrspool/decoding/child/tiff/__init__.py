"""TIFF files: where their pages are, and their pixels by libtiff."""
