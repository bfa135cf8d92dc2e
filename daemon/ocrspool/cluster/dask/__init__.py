"""The only place that knows Dask (the library `distributed`)."""
