"""What scripts/bench peers is made of: which files, who reads them, in which environments, and what is told of it."""
