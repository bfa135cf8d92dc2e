"""Searchable PDF. Only decoders import this package: pikepdf reads files that may be hostile."""
