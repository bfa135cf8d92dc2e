"""What runs a net: one module or folder for each runtime."""
