"""Examine everything that the program depends on. Each finding says what was found and what to do.

It changes nothing, prints nothing and imports no runtime. It works if the configuration, the GPU or a package is
missing.
"""
