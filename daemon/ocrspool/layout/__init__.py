"""Layout: where the lines of a page stand to each other, and the order in which they are read. Pure."""
