"""Pickers: which of the kept candidates become the negatives."""
