"""The daemon: its life, the threads of its inboxes, and how all of it is."""
