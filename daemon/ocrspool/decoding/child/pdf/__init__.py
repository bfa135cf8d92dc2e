"""PDF files, by PDFium: pages, and the content that a PDF has beside its pages."""
