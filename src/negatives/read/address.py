"""What a user calls DATA, taken apart: which format, where, and which split.

A path that exists wins over every other reading of the words. Else `@SPLIT` at the end names a
split, `ids:` at the beginning says that what follows goes by its ids, texts or no texts,
`ir_datasets:NAME` names a catalogue entry, `cranfield` the bundled sample, a word with * or ? a
set of files, and OWNER/NAME (or OWNER/NAME:CONFIG) a dataset of the
Hugging Face hub.

A folder is, in this order: a dataset of `datasets` (dataset_info.json or dataset_dict.json, or a
README.md that names configs); TREC files (a topics file and no queries.jsonl); a BEIR folder
(corpus.jsonl, queries.jsonl or qrels/, or corpus.parquet); what its files hold tells: time series
(the package `series`), triples of a knowledge graph (`triple_files.py`), rows with labels (the
package `labelled`), responses of a language model (the package `responses`), captions of images
(the package `captioned`); pair files (Parquet, JSONL, CSV or TSV, also under data/).
A JSON file may be a whole collection: one object of queries, corpus and relevant_docs, by ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from negatives.bounded import check_ordinary
from negatives.errors import DataError, nearest_path
from negatives.read.captioned.found import is_captioned
from negatives.read.files import dead_link, ending, first_existing, matching, stem, unknown_format
from negatives.read.labelled.found import is_labelled
from negatives.read.mappings import holds_parts
from negatives.read.pykeen_triples import folders as pykeen_folders
from negatives.read.responses.found import is_responses
from negatives.read.series.found import ENDING, is_series
from negatives.read.triple_files import holds_triples, is_triple_file
from negatives.secrets import refuse_secrets

Format = Literal[
    "beir",
    "pairs",
    "parts",
    "captioned",
    "labelled",
    "series",
    "triples",
    "responses",
    "trec",
    "hub",
    "ir_datasets",
]

_BY_FILE: Final[Mapping[Format, Callable[[Path], bool]]] = {
    "series": is_series,
    "triples": is_triple_file,
    "labelled": is_labelled,
    "responses": is_responses,
    "captioned": is_captioned,
}
"""Formats of which a file is one by what it holds; any other is of pairs."""
_BY_FOLDER: Final[Mapping[Format, Callable[[Path], bool]]] = {
    "series": is_series,
    "labelled": is_labelled,
    "triples": lambda folder: bool(pykeen_folders(folder)) or holds_triples(folder),
    "responses": is_responses,
    "captioned": is_captioned,
}
PAIR_ENDINGS: Final = (".parquet", ".jsonl", ".ndjson", ".json", ".csv", ".tsv")
TREC_ENDINGS: Final = (".trec", ".run", ".qrels", ".txt")
"""Files of ids alone, whose texts another collection has."""
LOOKED_AT: Final = 1_000
"""Names in a folder, and below it, that tell whether it holds documents."""
SAMPLES: Final = Path(__file__).parent / "sample"
BY_ID: Final = "ids:"
"""Before what is to go by ids alone."""
REVERSE: Final = "reverse:"
"""Before what is to be turned round: documents ask, and queries are found."""

FORMS: Final = (
    "a BEIR folder (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv), a Parquet, JSONL, CSV or TSV "
    "file of pairs, a folder of TREC files or of rows with labels, a Hugging Face dataset, "
    "ir_datasets:NAME, or cranfield"
)
_URL: Final = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HUB_NAME: Final = re.compile(r"[\w-][\w.-]*/[\w.-]+(:[\w.-]+)?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection is: `path` for files, `name` for catalogues and messages.

    `by_id`: what it holds goes by ids, whether or not it has texts. `reverse`: its documents are to
    be the queries.
    """

    format: Format
    path: Path
    name: str
    split: str | None = None
    by_id: bool = False
    reverse: bool = False


def parse(data: str | Path) -> Address:
    """The address of DATA; `DataError` when nothing can be there."""
    text = str(data)
    if not text:
        raise DataError("no data was named", fix=f"name {FORMS}")
    refuse_secrets(text)
    check_ordinary(Path(text))
    if text.startswith(REVERSE) and not Path(text).exists():
        return _reversed(text)
    if text.startswith(BY_ID) and not Path(text).exists():
        address = parse(text.removeprefix(BY_ID))
        if address.format not in ("beir", "pairs", "labelled"):
            raise DataError(
                f"{BY_ID} goes before a BEIR folder, or a file or a folder of ids or of labels",
                where=text,
                fix=f"leave {BY_ID} out",
            )
        return replace(address, by_id=True)
    if not Path(text).exists():
        before, at, split = text.rpartition("@")
        if at and before and "/" not in split:
            if not split:
                raise DataError(
                    "no split is named after the @",
                    where=text,
                    fix="name one, or leave the @ out",
                )
            return _locate(before, split)
    return _locate(text, None)


def _reversed(text: str) -> Address:
    address = parse(text.removeprefix(REVERSE))
    if address.reverse or address.format in ("triples", "responses"):
        raise DataError(
            f"{REVERSE} goes once before a name, and not before triples or responses, whose "
            "queries are no documents",
            where=text,
            fix=f"leave {REVERSE} out",
        )
    return replace(address, reverse=True)


def _locate(text: str, split: str | None) -> Address:
    path = Path(text)
    if path.is_dir():
        return Address(folder_format(path), path, path.resolve().name, split)
    if path.exists():
        _check_ending(path)
        return Address(_file_format(path), path, stem(path), split)
    if path.is_symlink():
        raise dead_link(path)
    scheme, colon, name = text.partition(":")
    if colon and scheme == "ir_datasets":
        return Address("ir_datasets", Path(), name, split)
    if text == "cranfield":
        return Address("beir", SAMPLES / "cranfield", text, split)
    if any(mark in text for mark in "*?["):
        return Address("pairs", path, text, split)
    if _HUB_NAME.fullmatch(text) and not path.parent.exists() and ending(path) not in PAIR_ENDINGS:
        return Address("hub", path, text, split)
    folder, colon, config = text.rpartition(":")
    if colon and _has_configs(Path(folder)):
        return Address("hub", Path(folder), f"{Path(folder).resolve().name}:{config}", split)
    if _URL.match(text):
        raise DataError(
            "an address is not read, but a path or a name",
            where=text,
            fix="download it and name the file or folder; a data set of Hugging Face is named by "
            "its owner and its name alone, as OWNER/NAME",
        )
    raise DataError(
        "no such file or folder", where=text, fix=nearest_path(path, f"name {FORMS}", ["cranfield"])
    )


def _file_format(path: Path) -> Format:
    if holds_parts(path):
        return "parts"
    return next((named for named, holds in _BY_FILE.items() if holds(path)), "pairs")


def _check_ending(path: Path) -> None:
    if ending(path) in (*PAIR_ENDINGS, *TREC_ENDINGS, ENDING):
        return
    raise unknown_format(
        path,
        f"pairs are read from {', '.join(PAIR_ENDINGS)} (text also packed: .gz, .bz2, .xz); "
        "other collections from a folder",
    )


def folder_format(folder: Path) -> Format:
    """The format of a folder, by the names of its files."""
    if (folder / "dataset_info.json").exists() or (folder / "dataset_dict.json").exists():
        return "hub"
    if _has_configs(folder):
        return "hub"
    if topic_files(folder) and not first_existing(folder, "queries.jsonl", "queries.parquet"):
        return "trec"
    beir = first_existing(
        folder, "corpus.jsonl", "queries.jsonl", "corpus.parquet", "corpus.csv", "corpus.json"
    )
    if (folder / "qrels").is_dir() or beir:
        return "beir"
    for named, holds_such in _BY_FOLDER.items():
        if holds_such(folder):
            return named
    if pair_files(folder):
        return "pairs"
    held = holds(folder)
    raise DataError(
        "the folder holds no known format" if held else "the folder is empty",
        where=f"{folder}" + (f" (it holds {held})" if held else ""),
        fix=f"name {FORMS}" + _of_documents(folder),
    )


def _of_documents(folder: Path) -> str:
    """What is done with a folder of documents and no queries; empty where it holds none."""
    from negatives.read.documents.folder import READ, kind_of

    if not any(kind_of(path) in READ for path in islice(folder.rglob("*"), LOOKED_AT)):
        return ""
    return (
        "; of documents without queries: negatives adapt FOLDER --out DIR makes a model, and "
        "negatives data passages FOLDER -o CORPUS makes what negatives make reads"
    )


def holds(folder: Path) -> str:
    """The first names in a folder, for a message."""
    names = sorted(entry.name for entry in folder.iterdir())
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")


def _has_configs(folder: Path) -> bool:
    """Whether a folder is laid out as on the hub, its README naming the configs."""
    readme = folder / "README.md"
    return readme.is_file() and bool(re.search(r"^configs:", _front_matter(readme), re.MULTILINE))


def _front_matter(readme: Path) -> str:
    head = readme.read_text("utf-8", errors="replace")
    return head.split("\n---", 1)[0] if head.startswith("---") else ""


def topic_files(folder: Path) -> list[Path]:
    """Files of TREC topics, by name: topics*, *.topics, queries*.tsv."""
    return matching(folder, "topics*", "*.topics", "queries*.tsv")


def pair_files(folder: Path) -> list[Path]:
    """Pair files in a folder, or else in its data/ folder, in name order."""
    patterns = [f"*{end}" for end in PAIR_ENDINGS]
    return matching(folder, *patterns) or matching(folder / "data", *patterns)
