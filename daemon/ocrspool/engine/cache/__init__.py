"""The engine cache: which engine belongs to this machine and configuration, and whether the one on disk is it."""
