"""Odd content in files of ids, triples, labels, responses, series and captions."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping

from PIL import Image

from tests.cli.odd import Odd
from tests.cli.odd_files import ANY, contents, json_rows

_PLAYS = [(f"u{n % 5}", f"i{(n * 7) % 11}", 1 + n % 5, 1_500_000_000 + n) for n in range(30)]
_TRIPLES = [(f"e{n}", f"r{n % 2}", f"e{(n + 1) % 9}") for n in range(9)] + [
    (f"e{n}", f"r{n % 2}", f"e{(n + 3) % 9}") for n in range(9)
]


def _rows(*values: Mapping[str, object]) -> str:
    return "".join(json.dumps(value) + "\n" for value in values)


def _table(header: str, rows: Iterable[tuple[object, ...]], between: str) -> str:
    lines = [between.join(header.split()), *(between.join(map(str, row)) for row in rows)]
    return "".join(f"{line}\n" for line in lines)


PLAY = {"user_id": "u1", "item_id": "i1", "rating": 3, "timestamp": 1_500_000_000}
TRIPLE = {"head": "e1", "relation": "r1", "tail": "e2"}
ENTITY = {"id": "e1", "name": "one", "description": "the first", "type": "number"}
LABELLED = {"_id": "t1", "text": "a text about wings", "labels": ["l1", "l2"]}
LABEL = {"_id": "l1", "label": "wings", "text": "about wings"}
STEPS = {"prompt": "2 + 2?", "steps": ["2 + 2 = 4", "so 4"], "labels": [True, False]}
PERTURBED = {"question": "Who?", "answer": "Ann.", "perturbed_answer": ["Bob.", "Cy."]}
OPTIONS = {"question": "Who?", "answer": "Ann", "option1": "Ann", "option2": "Bob"}
KTO = {"prompt": "Who?", "response": "Ann.", "label": True}
PREFERRED = {"prompt": "Who?", "chosen": "Ann.", "rejected": "Bob."}
SOLVED = {"question": "2+2?", "a": {"solution": "4", "is_correct": True},
          "b": {"solution": "5", "is_correct": False}}  # fmt: skip
CAPTION = {"image": "a.png", "caption": "a red square", "negative_caption": "a blue square"}

_PLAYS_TSV = _table("user_id item_id rating timestamp", _PLAYS, "\t")
_TRIPLES_TSV = _table("head relation tail", _TRIPLES, "\t")
_SERIES = "@problemName w\n@timeStamps false\n@classLabel true a b\n@data\n" + "".join(
    ",".join(str((n * k) % 7) for k in range(12)) + f":{'ab'[n % 2]}\n" for n in range(6)
)
_SERIES_TABLE = "".join(
    f"{1 + n % 2}\t" + "\t".join(str((n * k) % 7) for k in range(12)) + "\n" for n in range(6)
)
_GRAPH = {"d/train.tsv": _TRIPLES_TSV.encode(), "d/test.tsv": b"head\trelation\ttail\ne1\tr0\te4\n"}
_LABELS = {
    "d/train.jsonl": _rows(*(LABELLED | {"_id": f"t{n}", "text": f"wing {n}"} for n in range(4))
                           ).encode(),
    "d/labels.jsonl": _rows(LABEL, LABEL | {"_id": "l2", "label": "air"},
                            LABEL | {"_id": "l3", "label": "sea"}).encode(),
}  # fmt: skip
_AUTHORS = {
    "d/forget10.jsonl": _rows({"question": "Who?", "answer": "Ann."}).encode(),
    "d/retain90.jsonl": _rows({"question": "Where?", "answer": "There."}).encode(),
}


def _png(colour: str) -> bytes:
    into = io.BytesIO()
    Image.new("RGB", (9, 9), colour).save(into, "png")
    return into.getvalue()


def apart() -> dict[str, tuple[str, dict[str, bytes]]]:
    """Collections without texts of documents: how each is named, and its files."""
    series = {f"d/W_{part}.ts": _SERIES.encode() for part in ("TRAIN", "TEST")}
    two = _rows(CAPTION, CAPTION | {"image": "b.png", "caption": "a blue disc"}).encode()
    pictures = {"d/a.png": _png("red"), "d/b.png": _png("blue"), "d/train.jsonl": two}
    return {
        "ids": ("d", {"d/train.tsv": _PLAYS_TSV.encode()}),
        "triples": ("d@train", dict(_GRAPH)),
        "series": ("d@train", series),
        "images": ("d", pictures),
    }


Side = tuple[str, dict[str, bytes], Mapping[str, bytes], str]
"""The file that is odd, what it may hold, the files beside it, and a recipe that can mine them."""


def sides() -> Iterator[Side]:
    """Files of each domain, of which one is odd."""
    for make in (_interactions, _triples, _labels, _responses, _series, _captions):
        yield from make()


def _interactions() -> Iterator[Side]:
    for end, between in ((".csv", ","), (".tsv", "\t")):
        yield f"p{end}", contents(_PLAYS_TSV.replace("\t", between)), {}, "popularity"
    yield "p.jsonl", json_rows(dict(PLAY), tuple(PLAY)), {}, "popularity"
    beside = {"d/train.tsv": _PLAYS_TSV.encode(), "d/test.tsv": _PLAYS_TSV.encode()}
    for name in beside:
        yield name, contents(_PLAYS_TSV), beside, "popularity"


def _triples() -> Iterator[Side]:
    for name in (*_GRAPH, "d/valid_negatives.tsv"):
        yield name, contents(_TRIPLES_TSV), _GRAPH, "popularity"
    bare = _TRIPLES_TSV.partition("\n")[2]
    yield "d/train.txt", contents(bare), {"d/test.txt": b"e1\tr0\te4\n"}, "popularity"
    for name in ("d/train.jsonl", "g.jsonl"):
        yield name, json_rows(dict(TRIPLE), tuple(TRIPLE)), {}, "popularity"
    names = _rows(*(ENTITY | {"id": f"e{n}", "name": f"the {n}"} for n in range(9)))
    for name in ("d/entities.jsonl", "d/relations.jsonl", "d/entity_types.jsonl"):
        yield name, contents(names), _GRAPH, "popularity"
        yield name, json_rows(dict(ENTITY), tuple(ENTITY)), _GRAPH, "popularity"
    yield "d/entity2text.txt", contents("e1\tone\ne2\ttwo\n"), _GRAPH, "popularity"


def _labels() -> Iterator[Side]:
    for name, row, keys in (
        ("d/train.jsonl", LABELLED, ("_id", "text", "labels")),
        ("d/labels.jsonl", LABEL, ("_id", "label", "text")),
    ):
        yield name, contents(_LABELS[name].decode()), _LABELS, "bm25"
        yield name, json_rows(dict(row), keys), _LABELS, "bm25"
    sparse = {
        "d/train.txt": b"3 4 3\n0,2 0:1.0\n1 1:1.0\n2 3:0.5\n",
        "d/train_texts.txt": b"a wing\na plane\nthe sea\n",
        "d/labels.txt": b"x\ny\nz\n",
    }
    for name, content in sparse.items():
        yield name, contents(content.decode()), sparse, "bm25"


def _responses() -> Iterator[Side]:
    for row in (STEPS, PERTURBED, OPTIONS, KTO, PREFERRED, SOLVED):
        other = {key: f"{value} x" if isinstance(value, str) else value
                 for key, value in row.items()}  # fmt: skip
        yield "r.jsonl", contents(_rows(row, other)), {}, "bm25"
        yield "r.jsonl", json_rows(dict(row), tuple(row)), {}, "bm25"
    for name in _AUTHORS:
        yield name, contents(_AUTHORS[name].decode()), _AUTHORS, "bm25"


def _series() -> Iterator[Side]:
    for content, end in ((_SERIES, ".ts"), (_SERIES_TABLE, ".tsv")):
        both = {f"d/W_{part}{end}": content.encode() for part in ("TRAIN", "TEST")}
        for name in both:
            yield name, contents(content), both, "popularity"


def _captions() -> Iterator[Side]:
    images = {
        f"{folder}{name}.png": _png(colour)
        for folder in ("", "d/")
        for name, colour in (("a", "red"), ("b", "blue"))
    }
    two = _rows(CAPTION, CAPTION | {"image": "b.png", "caption": "a blue disc"})
    for name in ("c.jsonl", "d/train.jsonl"):
        yield name, contents(two), images, "bm25"
        yield name, json_rows(dict(CAPTION), tuple(CAPTION)), images, "bm25"
    rows = "image,caption\na.png,a red square\nb.png,a blue disc\n"
    yield "c.csv", contents(rows), images, "bm25"


def domain_files(every: int = 8, mined: int = 24) -> Iterator[Odd]:
    """Each `every`-th of all these is validated, and each `mined`-th mined."""
    place = 0
    for file, kinds, beside, recipe in sides():
        data = ("d" if file.startswith("d/") else file) + "@test" * ("test" in file.lower())
        mine = ("mine", data, "--out", "out", "--recipe", recipe, "--quiet", "--threads", "1")
        for kind, content in kinds.items():
            place += 1
            files = {**beside, file: content}
            for step, words in ((every, ("data", "validate", data)), (mined, mine)):
                if place % step == 0:
                    yield Odd(f"{' '.join(words[:2])} of {file}: {kind}", words, files, ANY)
