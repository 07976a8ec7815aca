"""The file in which a command sets bad rows aside: whole, and only of what could be read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from negatives.arguments import checked
from negatives.errors import DataError
from negatives.read.findings import Findings
from negatives.store.atomic import writing

OPTION = "--quarantine FILE"


class Quarantine:
    """A file for the bad rows of all collections that one command reads; each row is in it once.

    Raises `DataError` where the file exists and is no quarantine: a mistyped option must not
    replace the data.
    """

    @checked
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._written = False
        _refuse_to_replace(self.path)

    @contextmanager
    def finding(self) -> Iterator[Findings]:
        """Findings of one reading, whose bad rows are in the file once all is read.

        They wait in an unnamed temporary file until then.
        """
        with tempfile.TemporaryFile() as sink:
            yield Findings(sink)
            sink.seek(0)
            before = self.path.read_bytes().splitlines(keepends=True) if self._written else []
            known = frozenset(before)
            with writing(self.path) as temporary, temporary.open("wb") as file:
                file.writelines(before)
                file.writelines(row for row in sink if row not in known)
            self._written = True


def as_quarantine(file: str | Path | Quarantine | None) -> Quarantine | None:
    """The quarantine of that path."""
    return file if file is None or isinstance(file, Quarantine) else Quarantine(file)


@contextmanager
def finding(quarantine: str | Path | Quarantine | None) -> Iterator[Findings]:
    """Findings that are errors, and say that rows can be set aside; or that are set aside."""
    file = as_quarantine(quarantine)
    if file is None:
        yield Findings(option=OPTION)
        return
    with file.finding() as findings:
        yield findings


def _refuse_to_replace(path: Path) -> None:
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            line = file.readline()
        if not line or (line.startswith(b'{"file":') and b'"fault":' in line):
            return
    raise DataError(
        "the quarantine file exists and was not written as one",
        where=str(path),
        fix="name a file that does not exist yet",
    )
