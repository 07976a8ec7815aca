"""Captions of images: files whose rows have the path of an image and what is said of it."""
