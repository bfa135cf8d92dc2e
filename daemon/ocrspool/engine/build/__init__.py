"""From a plan to an engine in the cache: built, compared with a reference, published last."""
