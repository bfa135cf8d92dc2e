"""Files below folders to which others may write: reached by descriptors, step by step, and never through a link."""
