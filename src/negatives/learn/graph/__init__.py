"""Models of knowledge graphs: PyKEEN's, trained with negatives of this library, and measured."""
