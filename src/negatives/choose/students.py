"""Small students taught on a pool, in an order that depends on seed and ids only."""

from __future__ import annotations

from negatives.arrays import Places
from negatives.choose.chooser import Pool
from negatives.stats.linear_student import Lists, Student


def taught(
    pool: Pool, lists: Lists, epochs: int, stream: str, rows: Places | None = None
) -> Student:
    """A student after so many epochs of `rows` (None: all), each in another order."""
    student = Student(lists.queries.shape[1])
    for epoch in range(epochs):
        student.epoch(lists, pool.shuffled(f"{stream}/epoch/{epoch}", rows))
    return student
