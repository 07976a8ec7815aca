"""Choosers: which training examples a model learns from. `Chooser` is what they all are."""
