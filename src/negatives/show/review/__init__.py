"""A local page on which people judge pairs of a run, one at a time.

What is judged goes into the run's reviews, one line a verdict; nothing else of the run is written.
"""
