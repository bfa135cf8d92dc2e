"""Processes that assemble documents for the service (pipeline/assembler.py).

    → {"op": "limits"}                               ← {"ready": true, "missing": [...]}
    → {"op": "assemble", "sizes": [900, 31000]} + the parts
                                                     ← {"draft": {...}, "body": ...}, {"unreadable": "..."}
                                                       or {"failed": "..."}

The parts of a document are in a memory file, because a message that nobody takes would block the service: JSON, and
then the text of each page as its worker has written it. The body of the answer is the rendered pages, and then each
output of text.

messages.py is what both sides say, pool.py is the side of the service, child.py is the process.
"""
