"""Programs for those who work on ocrspool. Nothing here is installed."""
