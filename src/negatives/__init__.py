"""negatives: find, judge and pick the negatives that retrieval models learn from."""
