"""Pages to text: the recognizer, and what it knows about a page on the way."""
