"""Reading: the text of a line."""
