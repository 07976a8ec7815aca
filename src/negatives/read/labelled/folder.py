"""A folder, or a file, of rows with labels: which files there are, and what they become.

    train.jsonl, test.jsonl     rows with a text and a list of labels, and perhaps an id
    labels.jsonl                the labels, each with an id and a text

or in the sparse text format, whose rows hold labels and features, but no texts:

    train.txt, test.txt         `N D L`, then rows `LABEL,LABEL FEATURE:VALUE FEATURE:VALUE`
    train_texts.txt ...         the texts of these rows, one a line
    labels.txt                  the texts of the labels, one a line

Names may be those of the repository too: trn_X_Y.txt, trn_X.txt and Y.txt; trn.json and lbl.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from negatives.errors import DataError
from negatives.read.address import Address
from negatives.read.files import first_existing
from negatives.read.findings import Findings
from negatives.read.labelled.found import SplitFile, splits_of
from negatives.read.labelled.labels import read_labels
from negatives.read.labelled.made import Rows, collected
from negatives.read.labelled.rows import read_rows
from negatives.read.labelled.sparse import read_lines, read_sparse
from negatives.schema import Collection

_TEXTS: Final = (
    "{}_texts.txt", "{}_raw_texts.txt", "{}_x.txt", "{}_map.txt", "{}.raw.txt", "x.{}.txt",
)  # fmt: skip
"""What the file of the texts of a split in the sparse format may be called."""


def splits(address: Address) -> list[str]:
    """The splits that the names of the files tell; train where they tell none."""
    return sorted(splits_of(address.path))


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection of one split. Where nobody lists the labels, those of all splits are read."""
    found = splits_of(address.path)
    folder = address.path if address.path.is_dir() else address.path.parent
    chosen = _rows(found[split], split, folder, address, findings)
    labels, others = None, []
    if address.path.is_dir():
        labels = read_labels(folder, findings, width=chosen.width, by_id=address.by_id)
    if labels is None and chosen.width is None:
        others = [
            _rows(found[other], other, folder, address, Findings(set_aside=True))
            for other in sorted(found.keys() - {split})
        ]
    return collected(
        address.name, split, str(address.path), chosen, labels, others, findings, address.by_id
    )


def _rows(file: SplitFile, split: str, folder: Path, address: Address, findings: Findings) -> Rows:
    if not file.sparse:
        return read_rows(file.path, split, findings)
    rows = read_sparse(file.path, split, findings)
    if address.by_id:
        return rows
    names = [name.format(begins) for begins in (file.begins, split) for name in _TEXTS]
    beside = first_existing(folder, *(name for name in names if name != file.path.name.lower()))
    if beside is None or not file.begins:
        raise DataError(
            f"the rows of {file.path.name} hold labels and features, and no texts",
            where=f"{file.path} (there is no {split}_texts.txt beside it)",
            fix=f"put their texts beside it, one a line, as {split}_texts.txt, and those of the "
            f"labels as labels.txt; or let them go by their ids alone: ids:{address.path}",
        )
    return rows.with_texts(read_lines(beside, findings), beside)
