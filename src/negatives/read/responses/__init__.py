"""Responses of a language model: a prompt is a query, a response a document.

A response that is right, or to keep, is a positive; one that is wrong, or to forget, is a judged
negative (relevance 0). `shapes.py` says what a row may look like, `folder.py` which files belong
together. Rows of a prompt with a response and a label, and of preferences (prompt, chosen,
rejected), are pair files like any other, which the package `mined` reads.
"""
