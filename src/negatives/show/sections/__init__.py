"""The sections of a report: one file each, from evidence to plain values, and its template.

A section is a function `figures(evidence) -> dict` of JSON-able values. Its template, NAME.html.j2
beside it, says how it looks; a section without one is shown as a table of its figures.
"""
