"""A service whose workers have no engine: each page gets the text that an engine has read on such a page before."""
