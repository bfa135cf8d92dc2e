"""Facts of this host, read without loading any runtime."""
