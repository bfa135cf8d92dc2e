"""The published result: its schema, and how its engine is named."""
