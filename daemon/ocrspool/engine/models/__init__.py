"""The models: where their files are, what they say about themselves, and how published ones are fetched."""
