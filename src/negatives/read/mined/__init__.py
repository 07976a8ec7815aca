"""Files of queries with their positives and negatives: pair files, and anybody's mined files.

One understanding for every command. `source.py` opens a file, `columns.py` says what its columns
hold, `layout.py` decides from their names (`names.py`) and contents what they are, `rows.py` is the
file understood, and `reading.py` reads every row of it as a query, its positives and its negatives.
What is not understood is refused.
"""
