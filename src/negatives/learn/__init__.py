"""Losses, each usable by itself, and trainers on those of sentence-transformers."""
