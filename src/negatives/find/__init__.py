"""Sources: stages that propose candidates from the corpus. Each file is one method or one family."""
