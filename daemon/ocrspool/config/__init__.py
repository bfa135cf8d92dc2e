"""The configuration: its settings, how files become one, and whether it can work on this machine."""
