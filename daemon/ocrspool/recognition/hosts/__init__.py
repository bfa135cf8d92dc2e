"""The hosts of a cluster, as the service sees them. Nothing here knows what carries the messages.

The service imports this package only if its configuration names a cluster. `seat.py` takes pages from the same queue as
the supervisors of the workers. It speaks with one child process, the bridge:

    → {"op": "join", "cluster": {...}, "log": {...}}       ← {"ready": {"dask": "..."}} or {"error": {...}}
                                                           ← {"scheduler": {"up": true, "reason": "", "dask": "..."}}*
                                                           ← {"host": {...}}*, {"gone": {"host": ..., ...}}*
    → {"op": "recognize", "host": "gpu1", "page": {"number": 7, ...}} + pixels
            ← {"page": {"number": 7, "answer": "...", "wire_seconds": 0.01}}
              or {"returned": {"number": 7, "reason": "...", "counts": true}}
    → {"op": "read_file", "host": "gpu1", "file": {"number": 8, "first": 0, "most": 16, "key": "...", ...}} + the file
            ← {"file": {"number": 8, "answer": "...", "wire_seconds": 0.01, "sent": 400000}}, or returned likewise
    → {"op": "forget_file", "key": "..."}

`answer` is what the host has said (answers.py, file_answers.py). A page or a file that is returned has no answer,
because the host has none. `counts` is false if the reason cannot lie in it: the host is leaving, or the scheduler was
lost.
"""
