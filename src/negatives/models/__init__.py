"""What turns text into vectors or scores: one file per backend, opened by a short specification."""
