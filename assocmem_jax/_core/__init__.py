"""Stored pairs, the loop over them, and what a rule is."""
