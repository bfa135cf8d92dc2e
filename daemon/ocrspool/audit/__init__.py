"""Proves of one inbox that every file is in exactly one place, or says what is wrong; mends what is safe to mend."""
