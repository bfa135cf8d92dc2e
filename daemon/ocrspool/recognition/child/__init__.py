"""The worker process: owns one engine on one device, and reads the pages that the service sends.

    → {"op": "load", "engine": {...}, "log": {...}}        ← {"stage": "..."}*, {"ready": {...}} or {"error": {...}}
    → {"op": "load", the same} + a socket to the process that has the engine             ← the same
    → {"op": "build", the same, "force": false, "source": null}
                                                           ← {"stage": "..."}*, {"built": {...}} or {"error": {...}}
    → {"op": "ping"}                                       ← {"pong": true}
    → {"op": "recognize", "page": {"number": 7, ...}} + pixels
            ← {"progress": true}*, {"page": {"number": 7, "seconds": {...}}, "body": the text, page_json.py}
              or {"fault": {"number": 7, "message": "..."}}, or {"error": {...}}

Pages may be sent while others are in work. Each is answered when the last of it has been read. A fault is one page's,
and the process goes on. An error is the engine's, and the service replaces the process. When reading a page raises an
error, the known page decides which of the two it is. The process writes nothing but what a build puts into the caches
of engines and models, and ends when its channel closes.

worker.py answers the service, engines.py loads and builds engines, __main__.py is the process. shared_engine.py is the
process that has the engine where several workers share one.
"""
