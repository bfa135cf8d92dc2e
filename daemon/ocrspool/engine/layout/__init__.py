"""In which order the lines of a page are read."""
