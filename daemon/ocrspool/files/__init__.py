"""Files below folders that others may write to: reached by descriptors, step by step, and never through a link."""
