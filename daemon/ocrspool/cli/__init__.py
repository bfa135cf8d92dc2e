"""The command line: the only place that prints and that picks exit codes."""
