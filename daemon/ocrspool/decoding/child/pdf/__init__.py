"""PDF files, by PDFium: pages, and what a PDF says beside its pictures."""
