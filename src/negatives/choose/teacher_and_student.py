"""Examples about which a teacher is right and a student is not yet."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from msgspec import Meta

from negatives.arrays import Doubles, Places
from negatives.choose.chooser import Chooser, Pool
from negatives.choose.students import taught
from negatives.errors import DataError
from negatives.events import Emit
from negatives.machine import Machine
from negatives.models.open_encoder import open_encoder
from negatives.settings import ModelName
from negatives.stage import PositiveInt
from negatives.stats.linear_student import Student


class TeacherAndStudent(Chooser, kind="teacher-and-student"):
    """What a teacher finds right, and a student does not know yet.

    Tang et al. (2023, KD3) choose useful instances among those from the web by what teacher and
    student predict together. A reconstruction from the abstract: an example is worth the teacher's
    probability of its positive, in a list, times what the student's lacks to 1. The teacher is an
    encoder; the student is a linear map of the frozen vectors of the model to be trained. The other
    two parts of the paper, aligned features and mixed distributions, are not here.

    >>> from negatives import tiny
    >>> from negatives.choose.teacher_and_student import TeacherAndStudent
    >>> tiny.chosen(TeacherAndStudent(count=3))
    ['hen', 'van', 'bus']
    """

    teacher: Annotated[
        ModelName, Meta(description="an encoder that knows more; empty: the model as it is")
    ] = ""
    epochs: Annotated[PositiveInt, Meta(description="of the student")] = 1
    lists: Annotated[PositiveInt, Meta(description="lists drawn for each example")] = 3

    def ready(self, machine: Machine, emit: Emit) -> None:
        """Open the teacher."""
        if not self.teacher:
            return
        try:
            open_encoder(self.teacher, threads=machine.threads, device=machine.device, emit=emit)
        except DataError as error:
            raise DataError(
                f"the teacher cannot be used: {error.what}",
                where=f"choose.teacher = {self.teacher!r}",
                fix="--set choose.teacher=MODEL: an encoder's folder or hub name, or static",
            ) from None

    def choose(self, pool: Pool, count: int) -> tuple[Places, dict[str, Any]]:
        """Most useful first."""
        theirs = pool.lists_by(self.teacher)
        teacher = Student(theirs.queries.shape[1])
        student = taught(pool, pool.lists, self.epochs, self.kind)
        right, known = np.zeros(len(pool)), np.zeros(len(pool))
        for turn in range(self.lists):
            order = pool.shuffled(f"{self.kind}/list/{turn}")
            right[order] += np.exp(-teacher.seen(theirs, order)[0]) / self.lists
            known[order] += np.exp(-student.seen(pool.lists, order)[0]) / self.lists
        told = {"teacher_right": round(float(right.mean()), 4)}
        return pool.best(useful(right, known), count), told


def useful(right: Doubles, known: Doubles) -> Doubles:
    """float64[n]: what the teacher gives the positive, times what the student does not.

    >>> import numpy as np
    >>> useful(np.array([0.9, 0.9, 0.1]), np.array([0.2, 0.9, 0.2])).round(2).tolist()
    [0.72, 0.09, 0.08]
    """
    return np.asarray(right * (1 - known))
