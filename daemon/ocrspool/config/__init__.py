"""The configuration: its settings, how files become one configuration, and whether it can work on this machine."""
