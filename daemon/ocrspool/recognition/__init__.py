"""Page images become text: the pool of workers, as the service sees it. child.py is the worker process itself."""
