"""Batchers: which training examples share a batch, in which order, and with which weight."""
