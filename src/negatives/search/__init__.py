"""Exact nearest neighbours over vectors larger than memory."""
