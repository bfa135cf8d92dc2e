"""Nets of one process that others call: pixels and answers in shared memory, requests and replies over a socket.

A caller opens some lines to the process that has the nets. Each is a socket and a memory file, and takes one call at a
time:

    → {"net": "recognition", "shape": [32, 48, 640, 3]}, the pixels at the start of the memory
            ← {"answers": [["int32", [32, 80], 0], ["float32", [32, 80], 10240]]}, with offsets into the memory
              or {"error": "lost", "message": "..."}

server.py has the nets, client.py calls them.
"""
