"""Files are read in blocks; where a block ends changes nothing. The oracle reads it all at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from negatives.read import files, load
from negatives.read.files import Lines, blocks
from negatives.read.findings import Findings
from negatives.read.jsonl import Field, JsonLines
from negatives.read.mined.json_rows import JsonReader
from negatives.read.mined.layout import Layout
from negatives.read.mined.parts import Part
from negatives.read.packing import packing_within
from tests.read.tiny import beir

FIELDS = {"id": Field("_id", "id"), "text": Field("t", "text", required=False)}
LISTS = Layout("lists", "wide", query_id="_id", negatives=(Part("t", "text", True, depth=1),))


OTHERS = (*files.UTF_16, *files.UTF_32, b"PAR1", b"version https://git-lfs.")
"""How files begin that are refused for what they are."""


def no_other_lines(raw: bytes) -> bytes:
    """Without what tells, at the beginning of a file, that its lines or letters are others."""
    raw = re.sub(rb"[\r\0]", b"", raw)
    return b"-" + raw if raw.startswith(OTHERS) or packing_within(raw) else raw


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=60).map(no_other_lines), size=st.integers(1, 30))
def test_blocks_hold_every_byte_and_end_where_lines_end(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "file"
    path.write_bytes(data)
    made = list(blocks(path, size))
    if size > 3:
        assert b"".join(made) == data.removeprefix(b"\xef\xbb\xbf")
    assert all(block.endswith(b"\n") for block in made[:-1])
    assert all(made)


@settings(max_examples=100, deadline=None)
@given(
    data=st.binary(max_size=60).map(
        lambda raw: b"\n".join(re.split(b"[\xef\xfe\xff\0]", b"\0" + raw))
    )
)
def test_lines_are_those_that_can_be_decoded_and_keep_their_numbers(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("lines") / "file"
    path.write_bytes(data)
    lines = Lines(path, Findings(set_aside=True))
    found = [(lines.number, line) for line in lines]
    expected = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            continue
        expected.append((number, text))
    assert [(n, line.removesuffix("\n")) for n, line in found] == [
        (n, text) for n, text in expected if text or n <= data.count(b"\n")
    ]


def rows_of(texts: st.SearchStrategy[Any]) -> st.SearchStrategy[list[str]]:
    """Lines of a file: blank ones, broken ones, and objects with an id and perhaps a `t`."""
    name = st.one_of(st.text("ab", min_size=1), st.integers())
    sound = st.builds(lambda name, t: json.dumps({"_id": name, "t": t}), name, texts)
    return st.lists(st.one_of(st.just(""), st.just("oops"), sound), max_size=8)


ONE = st.one_of(st.none(), st.text("xy"))
SOME = st.one_of(ONE, st.lists(st.text("xy"), max_size=3))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(rows=rows_of(ONE), size=st.integers(5, 80))
def test_json_lines_are_what_decoding_each_line_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "file.jsonl"
    path.write_text("\n".join(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "__defaults__", (size,))
        tables = list(JsonLines(path, FIELDS, Findings(set_aside=True)))
    found = [row for table in tables for row in table.rows(named=True)]
    expected, at = [], 0
    for line, text in enumerate(rows, 1):
        if text not in ("", "oops"):
            record = json.loads(text)
            row = {"id": str(record["_id"]), "text": record["t"], "row": at, "line": line}
            expected.append(row)
        at += text != ""
    assert [{key: row[key] for key in ("id", "text", "row", "line")} for row in found] == expected


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(rows=rows_of(SOME), size=st.integers(5, 80))
def test_lists_of_json_lines_are_what_decoding_each_line_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str], size: int
) -> None:
    path = tmp_path_factory.mktemp("jsonl") / "file.jsonl"
    path.write_text("\n".join(rows))
    found: list[tuple[int, int, str, list[str | None]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "__defaults__", (size,))
        for some in JsonReader(path, LISTS, Findings(set_aside=True)):
            flat = some.documents(LISTS.negatives[0])
            texts = iter([] if flat.text is None else flat.text.to_list())
            lists = [[next(texts) for _ in range(length)] for length in flat.lengths]
            found += zip(some.row, some.line, some.strings("_id"), lists, strict=True)
    expected, row = [], 0
    for line, text in enumerate(rows, 1):
        row += text != ""
        if text not in ("", "oops"):
            record = json.loads(text)
            t = record["t"]
            listed = [] if t is None else t if isinstance(t, list) else [t]
            expected.append((row, line, str(record["_id"]), listed))
    assert found == expected


def test_a_line_longer_than_a_block_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "__defaults__", (16,))
    assert files.BLOCK > 16
    collection = load(
        beir(tmp_path, corpus=[{"_id": "d1", "text": "word " * 99}], qrels="q1 0 d1 1")
    )
    assert collection.corpus["text"][0] == ("word " * 99).strip()


def test_faults_far_into_a_file_have_the_right_line_and_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.read.tiny import complaint

    monkeypatch.setattr(blocks, "__defaults__", (64,))
    folder = beir(tmp_path, corpus=[{"_id": f"d{n}", "text": "x"} for n in range(100)])
    whole = (folder / "corpus.jsonl").read_bytes()
    (folder / "corpus.jsonl").write_bytes(whole + b"\xff\n")
    assert f"line 101: byte {len(whole):,} of the file is 0xff" in complaint(folder)
