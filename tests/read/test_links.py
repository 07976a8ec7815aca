"""Links: what they lead to is read and written; one that leads nowhere is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from negatives.read import convert, load
from tests.cli.commands import negatives
from tests.read.tiny import beir, complaint

CASE = Path(__file__).parent.parent / "cases" / "symlinks" / "beir"


def test_a_folder_and_files_that_are_links_are_read(tmp_path: Path) -> None:
    plain = load(CASE)
    (tmp_path / "link").symlink_to(CASE)
    assert load(tmp_path / "link").qrels.equals(plain.qrels)
    (tmp_path / "parts").mkdir()
    for name in ("corpus.jsonl", "queries.jsonl", "qrels"):
        (tmp_path / "parts" / name).symlink_to(CASE / name)
    assert load(tmp_path / "parts").corpus.equals(plain.corpus)


def test_a_link_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").symlink_to("/nowhere/pairs.jsonl")
    text = complaint(tmp_path / "pairs.jsonl")
    assert text.splitlines()[0] == "a link to /nowhere/pairs.jsonl, which is not there"
    folder = beir(tmp_path / "set")
    (folder / "corpus.jsonl").unlink()
    (folder / "corpus.jsonl").symlink_to("/nowhere/corpus.jsonl")
    text = complaint(folder)
    assert "a link to /nowhere/corpus.jsonl, which is not there" in text
    assert f"where: {folder / 'corpus.jsonl'}" in text
    folder = beir(tmp_path / "judged")
    shutil.rmtree(folder / "qrels")
    (folder / "qrels").symlink_to("/nowhere/qrels")
    text = complaint(folder)
    assert text.startswith("a link to /nowhere/qrels, which is not there")
    assert f"where: {folder / 'qrels'}" in text


def test_a_link_that_nobody_asked_for_stops_nothing(tmp_path: Path) -> None:
    folder = beir(tmp_path)
    (folder / "notes.txt").symlink_to("/nowhere")
    assert len(load(folder).queries) == 2


@pytest.mark.slow
def test_a_folder_to_write_that_is_a_link_is_used(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "real")
    arguments = ("--per-query", "1", "--threads", "1", "--quiet")
    done = negatives("mine", CASE, "--out", tmp_path / "run", *arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "real" / "negatives.parquet").is_file()
    (tmp_path / "other").mkdir()
    (tmp_path / "set").symlink_to(tmp_path / "other")
    convert(load(CASE), tmp_path / "set")
    assert (tmp_path / "set").is_symlink()
    assert load(tmp_path / "other").qrels.equals(load(CASE).qrels)


def test_a_folder_to_write_that_is_a_link_to_nowhere_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to("/nowhere/run")
    done = negatives("mine", CASE, "--out", tmp_path / "run", "--quiet")
    assert done.returncode == 2
    assert "error: a link to /nowhere/run, which is not there" in done.stderr
    assert f"where: {tmp_path / 'run'}\n" in done.stderr
    assert "make the folder that it leads to, or choose another --out" in done.stderr
