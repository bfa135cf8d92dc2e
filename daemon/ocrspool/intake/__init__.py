"""The intake of files: which files count, when a file is whole, and which inbox is next."""
