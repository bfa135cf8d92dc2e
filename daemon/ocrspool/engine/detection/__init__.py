"""Where the lines are."""
