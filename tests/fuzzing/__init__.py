"""Functions that read what others have written, fed with bytes that nobody would write: `scripts/fuzz`.

A target (target.py) is a function of bytes. It raises if the code under test raises what it does not promise, or gives
an answer that cannot be right. `mutations.py` makes inputs out of seeds without a library, so that CI can run every
target. The command uses atheris where that is there: it keeps the inputs that reach new code.
"""
