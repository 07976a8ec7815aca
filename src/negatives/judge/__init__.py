"""Judges: stages that add evidence about pairs. They never drop a row."""
