"""What lint asks a language model, where it is told to: who wrote the negatives."""

from __future__ import annotations

from pathlib import Path

from negatives.events import Emit
from negatives.measure.audits import Answers, ask, subject_of
from negatives.measure.audits.machine_text import MachineText
from negatives.read.file_options import FileOptions
from negatives.read.loading import Data, load
from negatives.read.memory import is_named
from negatives.store.run import is_run


def who_wrote(file: Data, data: Data, model: str, options: FileOptions, emit: Emit) -> Answers:
    """The answer of the check `machine-text`, with its defaults, about a mined file or a run.

    `InputError` where it cannot be asked; `DataError` where ids have no texts, or there is no such
    model.
    """
    own = is_named(file) and is_run(Path(file))
    subject = subject_of(file if own else load(file, corpus=data, **options.settings()))
    return ask(subject, [MachineText(model=model)], emit=emit)
