"""Makes the reference pages of docs/, the man pages and the shell completions out of the program itself."""
