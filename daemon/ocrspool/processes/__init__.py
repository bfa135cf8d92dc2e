"""Processes and threads: child processes and how to talk to them, what confines them, whom they act as."""
