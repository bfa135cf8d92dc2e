"""Looks at everything that the program depends on, and says of each what was found and what to do.

Changes nothing, prints nothing, imports no runtime, and works where the configuration, the GPU or a package is missing.
"""
