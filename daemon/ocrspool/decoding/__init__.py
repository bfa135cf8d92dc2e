"""Files become page images: the pool of decoders, as the service sees it. child/ is the confined process itself."""
