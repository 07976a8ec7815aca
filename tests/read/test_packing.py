"""Packed files are read, or named with what unpacks them; a name that misleads is told."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from negatives.errors import DataError
from negatives.measure.lint import lint
from negatives.read import load, splits
from negatives.read.table import read_table, write_table
from tests.read.tiny import beir, complaint

CASES = Path(__file__).parent.parent / "cases" / "compressed"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".gzip": gzip.compress,
    ".lzma": partial(lzma.compress, format=lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("packed", PACKERS)
def test_every_file_of_a_folder_may_be_packed(tmp_path: Path, packed: str) -> None:
    plain, folder = load(beir(tmp_path / "plain")), beir(tmp_path / "packed")
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        path.with_name(path.name + packed).write_bytes(PACKERS[packed](path.read_bytes()))
        path.unlink()
    assert splits(folder) == ["train"]
    assert load(folder).corpus.equals(plain.corpus)
    assert load(folder).qrels.equals(plain.qrels)


def test_names_and_endings_may_be_in_capitals(tmp_path: Path) -> None:
    path = tmp_path / "PAIRS.JSONL.GZ"
    path.write_bytes(gzip.compress(b'{"query": "a", "positive": "b"}\n'))
    assert len(load(path).queries) == 1
    assert len(load(tmp_path).queries) == 1


@pytest.mark.parametrize("name", ["zst", "pairs.jsonl.zst"])
def test_what_cannot_be_unpacked_is_named_with_the_command_that_can(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("compression.zstd", "backports.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    text = complaint(CASES / name)
    assert text.splitlines()[0] == "the file is packed with zstd, which is not read here"
    assert "unpack it first: zstd -d --rm" in text


def test_zip_and_other_archives_are_told(tmp_path: Path) -> None:
    folder = beir(tmp_path / "set")
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl.zip").write_bytes(b"PK\x03\x04 and so on")
    assert "packed with zip" in complaint(folder)
    assert "unzip corpus.jsonl.zip" in complaint(folder)
    (tmp_path / "set.tar.gz").touch()
    assert "unpack it, and name what was in it" in complaint(tmp_path / "set.tar.gz")


def test_a_packed_parquet_file_is_told() -> None:
    text = complaint(CASES / "pairs.parquet.gz")
    assert "a Parquet file cannot be read while it is packed with gzip" in text
    assert "gunzip pairs.parquet.gz" in text


def test_a_name_and_a_content_that_disagree_are_told(tmp_path: Path) -> None:
    text = complaint(CASES / "notgz.jsonl.gz")
    assert "the file is named as packed with gzip, and is not packed" in text
    assert "rename it to 'notgz.jsonl'" in text
    content = b'{"query": "a", "positive": "b"}\n'
    (tmp_path / "plain.jsonl").write_bytes(lzma.compress(content))
    text = complaint(tmp_path / "plain.jsonl")
    assert "the file is packed with xz, and its name does not say so" in text
    assert "rename it to 'plain.jsonl.xz'" in text
    (tmp_path / "other.jsonl.gz").write_bytes(bz2.compress(content))
    text = complaint(tmp_path / "other.jsonl.gz")
    assert "the file is named as packed with gzip, and is packed with bzip2" in text


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("name", ["pairs.jsonl", "pairs.csv", "pairs.tsv"])
def test_a_file_that_is_packed_twice_is_told(tmp_path: Path, packed: str, name: str) -> None:
    inside = bz2.compress(b'{"query": "a", "positive": "b"}\n')
    (tmp_path / f"{name}{packed}").write_bytes(PACKERS[packed](inside))
    text = complaint(tmp_path / f"{name}{packed}")
    assert "packed twice: what was unpacked is packed with bzip2" in text


@pytest.mark.parametrize("packed", PACKERS)
def test_a_packed_file_that_was_cut_off_is_told(tmp_path: Path, packed: str) -> None:
    folder = beir(tmp_path)
    whole = PACKERS[packed]((folder / "corpus.jsonl").read_bytes())
    (folder / "corpus.jsonl").unlink()
    path = folder / f"corpus.jsonl{packed}"
    for part in (whole[:-12], b""):
        path.write_bytes(part)
        text = complaint(folder)
        assert "file ends too early: it was cut off" in text
        assert f"where: {path}" in text


def test_a_packed_file_with_broken_content_is_told(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl.gz"
    whole = gzip.compress(b'{"query": "a", "positive": "b"}\n')
    path.write_bytes(whole[:-8] + bytes(4) + whole[-4:])  # another checksum
    assert "not a sound gzip file" in complaint(path)


def test_what_follows_a_finished_packed_file_is_told_for_what_it_is(tmp_path: Path) -> None:
    """It was not cut off: there is too much of it."""
    for packed, name in ((".gz", "gzip"), (".bz2", "bzip2"), (".xz", "xz")):
        whole = PACKERS[packed](b'{"query": "a", "positive": "b"}\n')
        path = tmp_path / f"pairs.jsonl{packed}"
        for more in (b"x", b"and so on", b"\0\0and so on, for longer than a header is"):
            path.write_bytes(whole + more)
            text = complaint(path)
            assert f"behind its end follows what is not {name}" in text, (packed, more, text)
            assert "cut off what does not belong to it" in text


def test_a_file_that_lies_there_plain_and_packed_is_one_file_if_both_hold_the_same(
    tmp_path: Path,
) -> None:
    folder = beir(tmp_path)
    before = load(folder)
    for path in (folder / "corpus.jsonl", folder / "qrels" / "train.tsv"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert load(folder).corpus.equals(before.corpus)
    (folder / "corpus.jsonl.gz").write_bytes(gzip.compress(b'{"_id": "d1", "text": "other"}\n'))
    text = complaint(folder)
    assert "corpus.jsonl and corpus.jsonl.gz are not the same, unpacked" in text
    assert "keep the one that is meant" in text


def test_two_copies_of_a_pair_file_are_read_once_or_refused(tmp_path: Path) -> None:
    content = b'{"query": "a", "positive": "b"}\n'
    (tmp_path / "train.jsonl").write_bytes(content)
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(content))
    assert load(tmp_path).notes == ()
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(content * 2))
    assert "train.jsonl and train.jsonl.gz are not the same" in complaint(tmp_path)


def test_a_table_is_read_packed_and_never_written_so(tmp_path: Path) -> None:
    path = tmp_path / "times.csv.bz2"
    path.write_bytes(bz2.compress(b"id,time\nq1,2\n"))
    assert read_table(path).rows() == [("q1", "2")]
    with pytest.raises(DataError, match="a table is not written packed"):
        write_table(read_table(path), tmp_path / "again.csv.gz")


@pytest.mark.parametrize("packed", PACKERS)
def test_streams_one_after_another_are_one_file_and_none_is_passed_over(
    tmp_path: Path, packed: str
) -> None:
    rows = [f'{{"query": "a {n}", "positive": "b {n}"}}\n'.encode() for n in range(4)]
    first, second = (PACKERS[packed](b"".join(rows[at : at + 2])) for at in (0, 2))
    path = tmp_path / f"pairs.jsonl{packed}"
    for whole in (first + second, first + bytes(4) + second, first + second + bytes(8)):
        path.write_bytes(whole)
        assert len(load(path).queries) == 4
    for broken in (b"and so on", second[:2] + b"!" + second[3:], second[:-9]):
        path.write_bytes(first + broken)
        assert re.search("not a sound|it was cut off", complaint(path)), broken


def test_what_is_packed_in_a_way_that_is_not_read_is_told_alike_by_all(tmp_path: Path) -> None:
    told = {
        ".Z": (b"\x1f\x9d\x90abc", "compress", "uncompress pairs.jsonl.Z"),
        ".sz": (b"\xff\x06\x00\x00sNaPpY", "Snappy", "snzip -d pairs.jsonl.sz"),
        ".br": (b"\x0b\x02\x80", "Brotli", "brotli -d --rm pairs.jsonl.br"),
        ".lz4": (b"\x04\x22\x4d\x18abc", "LZ4", "lz4 -d --rm pairs.jsonl.lz4"),
    }
    for end, (content, name, command) in told.items():
        path = tmp_path / f"pairs.jsonl{end}"
        path.write_bytes(content)
        text = complaint(path)
        assert text.startswith(f"the file is packed with {name}, which is not read here")
        assert command in text
        folder = beir(tmp_path / end)
        (folder / "corpus.jsonl").unlink()
        (folder / f"corpus.jsonl{end}").write_bytes(content)
        assert f"packed with {name}" in complaint(folder)


def test_archives_are_told_by_name_and_by_content(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}")
    for name in ("pairs.tar.gz", "pairs.tgz"):
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            archive.add(tmp_path / "a.jsonl", "a.jsonl")
        assert "unpack it, and name what was in it" in complaint(tmp_path / name)
        with pytest.raises(DataError, match="unpack it, and name what was in it"):
            lint(tmp_path / name)
    (tmp_path / "pairs.jsonl.gz").write_bytes((tmp_path / "pairs.tgz").read_bytes())
    text = complaint(tmp_path / "pairs.jsonl.gz")
    assert text.startswith("the file is an archive of tar, and no text")
    assert "tar -xf pairs.jsonl.gz" in text
