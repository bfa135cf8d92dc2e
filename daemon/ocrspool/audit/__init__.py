"""The audit of one inbox: prove that every file is in exactly one place, or say what is wrong and repair it."""
