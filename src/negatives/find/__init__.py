"""Sources: stages that propose candidates from the corpus. One method or family a file."""
