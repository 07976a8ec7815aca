"""Negatives at generation time: what to write next, from what several predictions find probable."""
