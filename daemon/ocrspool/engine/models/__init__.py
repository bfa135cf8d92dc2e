"""The models: where their files lie, what they say of themselves, and how published ones are fetched."""
