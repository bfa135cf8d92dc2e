"""Detection: where the lines of a page are."""
