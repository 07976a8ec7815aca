"""Kinds of odd content, in every format in which data is read."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator

import polars as pl

from tests.cli.odd import Odd

CORPUS = "".join(
    json.dumps({"_id": f"d{n}", "title": "", "text": f"the lift of wing {n} in a flow of air"})
    + "\n"
    for n in range(12)
)
QUERIES = "".join(
    json.dumps({"_id": f"q{n}", "text": f"what is the lift of wing {n}"}) + "\n" for n in range(4)
)
QRELS = "query-id\tcorpus-id\tscore\n" + "".join(f"q{n}\td{n}\t1\n" for n in range(4))
BEIR = {
    "data/corpus.jsonl": CORPUS.encode(),
    "data/queries.jsonl": QUERIES.encode(),
    "data/qrels/test.tsv": QRELS.encode(),
}
PAIRS = "".join(
    json.dumps({"anchor": f"query {n}", "positive": f"yes {n}", "negative": f"no {n}"}) + "\n"
    for n in range(4)
)
CSV = "anchor,positive,negative\n" + "".join(f"query {n},yes {n},no {n}\n" for n in range(4))

ANY = (0, 1, 2)
"""Where a kind may be read or refused, but not end otherwise."""


def contents(plain: str) -> dict[str, bytes]:
    """Kind of content -> bytes, for any format of lines; `plain` is a right file."""
    right = plain.encode()
    first, _, rest = plain.partition("\n")
    return {
        "empty": b"",
        "only a byte order mark": b"\xef\xbb\xbf",
        "only blank lines": b"\n\n  \n\n",
        "only spaces": b"    ",
        "binary": bytes(range(256)) * 8,
        "null bytes": right.replace(b"lift", b"li\0ft").replace(b"yes", b"y\0es"),
        "all null bytes": b"\0" * 4096,
        "latin-1": right + first.replace("a", "é").encode("latin-1") + b"\n",
        "utf-16": plain.encode("utf-16"),
        "utf-8 with mark": b"\xef\xbb\xbf" + right,
        "carriage returns": right.replace(b"\n", b"\r"),
        "windows lines": right.replace(b"\n", b"\r\n"),
        "no last line end": right.rstrip(b"\n"),
        "cut in the middle": right[: len(right) * 2 // 3 - 3],
        "a very long line": right + b"x" * 3_000_000 + b"\n",
        "a line of brackets": right + b"[" * 50_000 + b"\n",
        "a zip": b"PK\x03\x04" + bytes(100),
        "a gzip under a plain name": gzip.compress(right),
        "a parquet's head": b"PAR1" + right,
        "html": b"<!DOCTYPE html><html><body>404 not found</body></html>\n",
        "twice": right + right,
        "header alone": (first + "\n").encode(),
        "without header": rest.encode(),
        "another header inside": (plain + first + "\n").encode(),
    }


def json_rows(good: dict[str, object], keys: tuple[str, ...]) -> dict[str, bytes]:
    """Kind of row -> JSON lines, in which one key of a right row holds something odd."""
    values: dict[str, object] = {
        "null": None,
        "true": True,
        "a number": 3,
        "a fraction": 1.5,
        "a huge number": 10**30,
        "an empty text": "",
        "a list": ["a", "b"],
        "an empty list": [],
        "a list of nulls": [None],
        "lists in a list": [["a"], ["b"]],
        "an object": {"a": "b"},
        "a list of objects": [{"text": "a"}],
        "a mixed list": ["a", 1, None],
        "a control character": "a\u0000b\u001b[31m",
        "an emoji": "👩\u200d🚀",
        "5,000 letters": "x" * 5000,
    }
    found = {}
    for key in keys:
        for kind, value in values.items():
            found[f"{key} is {kind}"] = _lines([good, good | {key: value}])
            found[f"first {key} is {kind}"] = _lines([good | {key: value}, good])
        found[f"{key} is missing"] = _lines([good, {k: v for k, v in good.items() if k != key}])
    line = json.dumps(good)
    found |= {
        "a trailing comma": f"{line},\n{line},\n".encode(),
        "one quote": (line.replace('"', "'") + "\n").encode(),
        "NaN": line.replace("}", ', "score": NaN}\n').encode(),
        "an endless number": line.replace("}", ', "score": 1e999}\n').encode(),
        "a number of 5,000 digits": line.replace("}", f', "score": {"9" * 5000}}}\n').encode(),
        "half a surrogate": line.replace("}", ', "more": "\\ud800"}\n').encode(),
        "a key twice": line.replace("{", f'{{"{keys[0]}": "other", ').encode(),
        "deep": line.replace("}", f', "deep": {"[" * 20_000}{"]" * 20_000}}}\n').encode(),
        "an array": f"[{line},{line}]".encode(),
        "a number alone": b"3\n",
        "a text alone": b'"text"\n',
    }
    return found


def _lines(rows: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquets() -> dict[str, bytes]:
    """Kind of table -> the bytes of a Parquet file of triplets that holds it."""
    texts = ["a text", "another"]
    columns: dict[str, list[object] | pl.Series] = {
        "texts": ["no", "no too"],
        "null": [None, None],
        "a null": ["no", None],
        "numbers": [1, 2],
        "fractions": [1.5, float("nan")],
        "booleans": [True, False],
        "dates": pl.Series([0, 1]).cast(pl.Date),
        "bytes": [b"\xff\xfe", b"a"],
        "lists": [["a"], ["b", "c"]],
        "empty lists": [[], []],
        "lists of lists": [[["a"]], [["b"]]],
        "lists of nulls": [[None], [None]],
        "numbers in lists": [[1], [2]],
        "structs": [{"text": "a"}, {"text": "b"}],
        "lists of structs": [[{"text": "a"}], [{"text": "b"}]],
        "categories": pl.Series(["a", "b"]).cast(pl.Categorical),
        "decimals": pl.Series(["1.5", "2.5"]).cast(pl.Decimal(10, 2)),
        "durations": pl.Series([0, 1]).cast(pl.Duration("us")),
        "arrays": pl.Series([["a", "b"], ["c", "d"]]).cast(pl.Array(pl.String, 2)),
    }
    found = {}
    for name, values in columns.items():
        for column in ("positive", "negative"):
            frame = pl.DataFrame({"anchor": texts, "positive": texts, "negative": texts})
            found[f"{column}: {name}"] = _parquet(
                frame.with_columns(pl.Series(column, values).alias(column))
            )
    right = _parquet(pl.DataFrame({"anchor": texts, "positive": texts, "negative": texts}))
    found |= {
        "no rows": _parquet(pl.DataFrame({"anchor": [], "positive": [], "negative": []})),
        "no columns": _parquet(pl.DataFrame()),
        "cut": right[: len(right) // 2],
        "cut at the end": right[:-9],
        "text": b"anchor,positive\n",
        "empty": b"",
        "a byte changed": right[:20] + bytes([right[20] ^ 255]) + right[21:],
        "an unnamed column": _parquet(pl.DataFrame({"": texts, "anchor": texts})),
        "a column of 5,000 letters": _parquet(pl.DataFrame({"x" * 5000: texts, "anchor": texts})),
    }
    return found


def _parquet(frame: pl.DataFrame) -> bytes:
    into = io.BytesIO()
    frame.write_parquet(into)
    return into.getvalue()


def read_by(file: str) -> Iterator[tuple[str, ...]]:
    """The commands that read a file of pairs or negatives."""
    yield ("data", "validate", file)
    yield ("data", "convert", file, "-o", "out")
    yield ("lint", file, "--quiet")
    yield ("mine", file, "--out", "out", "--recipe", "bm25", "--quiet", "--threads", "1")


def pair_files() -> Iterator[Odd]:
    """Odd files of pairs and negatives, each read by every command that reads such files."""
    good: dict[str, object] = {"anchor": "a query", "positive": "yes", "negative": "no"}
    kinds = {
        **{("p.jsonl", name): made for name, made in contents(PAIRS).items()},
        **{("p.csv", name): made for name, made in contents(CSV).items()},
        **{
            ("p.tsv", name): made
            for name, made in contents(CSV.replace(",", "\t")).items()
            if name not in ("a zip", "html", "twice")
        },
        **{("p.jsonl", k): made for k, made in json_rows(good, ("anchor", "negative")).items()},
        **{("p.parquet", name): made for name, made in parquets().items()},
        ("p.jsonl.gz", "cut"): gzip.compress(PAIRS.encode())[:-12],
        ("p.jsonl.gz", "not packed"): PAIRS.encode(),
        ("p.jsonl.gz", "empty"): b"",
        ("p.csv", "one column"): b"anchor\na\nb\n",
        ("p.csv", "ragged"): b"anchor,positive,negative\na,b\na,b,c,d\n",
        ("p.csv", "an open quote"): b'anchor,positive,negative\n"a,b,c\n',
        ("p.csv", "a name twice"): b"anchor,anchor,positive\na,b,c\n",
        ("p.csv", "semicolons"): b"anchor;positive;negative\na;b;c\n",
        ("p.csv", "trailing commas"): b"anchor,positive,negative,\na,b,c,\n",
        ("p.txt", "an unknown ending"): b"a\tb\n",
        ("p", "no ending"): b"a\tb\n",
    }
    for place, ((file, kind), content) in enumerate(kinds.items()):
        for words in read_by(file):
            if (place % 4 and words[0] == "mine") or ((place + 2) % 4 and words[1] == "convert"):
                continue  # they read as `data validate` does: a quarter of each will do
            yield Odd(f"{' '.join(words[:2])} of {file}: {kind}", words, {file: content}, ANY)
