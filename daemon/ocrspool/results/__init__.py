"""The published result: its schema, and the name of its engine."""
