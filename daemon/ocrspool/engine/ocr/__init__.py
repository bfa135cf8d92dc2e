"""Pages to text: the recognizer, and what it knows of a page on the way."""
