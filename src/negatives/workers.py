"""Processes that share out work, and never outlive the process that started them."""
