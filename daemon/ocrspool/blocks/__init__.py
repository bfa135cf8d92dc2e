"""Blocks: lines become paragraphs, headings, list items and tables, by geometry alone. Pure: no I/O, no net."""
