"""What comes in: which files count, when one is whole, and which inbox is next."""
