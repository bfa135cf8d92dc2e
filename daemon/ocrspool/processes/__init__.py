"""Processes and threads: child processes and how to talk to them, what confines them, and as whom they act."""
