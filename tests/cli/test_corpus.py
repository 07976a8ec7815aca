"""--corpus: the texts of a file of ids, for every command that reads one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import negatives as neg
from tests.cli.commands import negatives

WORDS = ["wing", "lift", "drag", "stall", "thrust", "yaw", "roll", "pitch", "flow", "heat"]
BITS = range(10)
DOCS = {f"d{n}": " ".join(WORDS[b] for b in BITS if (n + 3) * 7 >> b & 1) for n in range(40)}
QUERIES = {f"q{n}": f"what of {WORDS[n]} and {WORDS[n + 3]}" for n in range(4)}
RECIPE = 'name = "small"\n[[find]]\nkind = "bm25"\ntop = 5\n[pick]\nkind = "top"\nper_query = 2\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus and queries without judgements, and triples of their ids."""
    for name, texts in (("corpus", DOCS), ("queries", QUERIES)):
        lines = [json.dumps({"_id": key, "text": text}) for key, text in texts.items()]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "ids").mkdir()
    triples = [f"q{n}\td{n}\td{n + 20}" for n in range(4)]
    (tmp_path / "ids" / "triples.tsv").write_text("\n".join(triples))
    (tmp_path / "small.toml").write_text(RECIPE)
    return tmp_path


def test_without_it_the_message_names_it(folder: Path) -> None:
    for command in ("data validate", "data describe", "lint"):
        done = negatives(*command.split(), folder / "ids" / "triples.tsv")
        assert done.returncode == 2
        assert "no texts" in done.stdout + done.stderr
        assert "--corpus DATA" in done.stdout + done.stderr


@pytest.mark.slow
def test_a_run_of_ids_is_mined_over_the_whole_corpus_and_opened_again(folder: Path) -> None:
    file, out = folder / "ids" / "triples.tsv", folder / "run"
    words = ("mine", file, "--corpus", folder, "--out", out, "--recipe", folder / "small.toml")
    done = negatives(*words, "--quiet")
    assert done.returncode == 0, done.stderr
    data = neg.Run(out).collection
    assert (len(data.corpus), len(data.queries), len(data.given)) == (40, 4, 4)
    assert negatives("export", out, "-f", "triplet", "-o", folder / "t.jsonl").returncode == 0


def test_lint_calls_it_data_or_corpus(folder: Path) -> None:
    for option in ("--corpus", "--data"):
        done = negatives("lint", folder / "ids" / "triples.tsv", option, folder, "--quiet")
        assert "triplet, 4 rows, 4 queries, 4 negatives" in done.stdout
        said = (
            "note: no header: read as ids of query, positive, negative; above triples of a graph "
        )
        assert f"{said}write head, relation, tail" in done.stdout


def test_a_file_of_documents_is_added_to_a_file_of_texts(folder: Path) -> None:
    rows = [{"query": QUERIES[f"q{n}"], "positive": DOCS[f"d{n}"]} for n in range(4)]
    (folder / "pairs.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = neg.Collection.load(folder / "pairs.jsonl", corpus=folder / "corpus.jsonl")
    assert sorted(data.qrels["doc_id"]) == ["d0", "d1", "d2", "d3"]
    assert len(data.corpus) == 40


def test_an_id_that_it_lacks_is_named_with_its_line(folder: Path) -> None:
    file = folder / "ids" / "triples.tsv"
    file.write_text(file.read_text() + "\nq1\td1\td99\n")
    done = negatives("data", "validate", file, "--corpus", folder)
    assert done.returncode == 2
    assert "triples.tsv, line 5: document 'd99' is not in" in done.stdout


def test_a_collection_of_its_own_takes_none(folder: Path) -> None:
    done = negatives("data", "validate", "cranfield", "--corpus", folder)
    assert "leave --corpus out" in done.stdout
