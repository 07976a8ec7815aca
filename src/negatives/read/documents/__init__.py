"""Documents as people have them, read as passages: `read_passages` and `write_passages`.

Files of text, Markdown, HTML and PDF in a folder and below, one such file, or a table with a
document a row. Each is parted at its headings, and a long section into passages of a given length:
a corpus like any other, whose passages say which document they are of (`parent`) and under which
headings they stand (`title`). What could not be read is counted, and told.

    folder.py     which files of a folder are documents
    decoding.py   bytes to text
    plain.py      text and Markdown; html.py, pdf.py: the others: each to headings and paragraphs
    cut.py        headings and paragraphs to passages
    tables.py     a table with a document a row
    reading.py    all of it, as one collection or one file
"""

from negatives.read.documents.cut import LENGTH
from negatives.read.documents.reading import read_passages, write_passages

__all__ = ["LENGTH", "read_passages", "write_passages"]
