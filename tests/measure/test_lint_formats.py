"""Every format is read, fixed in its own format, and clean after it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import negatives as neg
from negatives.measure.lint import lint
from tests.build import collection
from tests.cli.commands import negatives
from tests.each import for_each

EXPORTS = [
    (format, suffix)
    for format, suffixes in {
        "triplet": (".parquet",),
        "n-tuple": (".jsonl", ".csv"),
        "labeled-pair": (".parquet", ".jsonl", ".tsv"),
        "labeled-list": (".parquet", ".jsonl"),
        "flagembedding": (".jsonl",),
        "tevatron": (".jsonl",),
    }.items()
    for suffix in suffixes
]


@pytest.mark.slow
@for_each(("format", "suffix"), EXPORTS)
def test_our_own_exports_are_clean(run: neg.Run, tmp_path: Path, format: str, suffix: str) -> None:
    run.export(tmp_path / f"out{suffix}", format=format)
    report = lint(tmp_path / f"out{suffix}", data="cranfield")
    assert report.findings == ()
    assert (report.format, report.queries) == (format, 225)
    if format != "labeled-pair":  # whose scores stand in place of the labels
        scores = suffix not in (".csv", ".tsv") and format != "labeled-list"
        run.export(tmp_path / f"scored{suffix}", format=format, scores=scores)
        assert lint(tmp_path / f"scored{suffix}").findings == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("format", "suffix"),
    [("triplet", ".parquet"), ("n-tuple", ".csv"), ("labeled-pair", ".jsonl"),
     ("labeled-list", ".jsonl"), ("tevatron", ".jsonl")],
)  # fmt: skip
def test_exports_of_ids_have_the_one_document_that_is_empty(
    run: neg.Run, tmp_path: Path, format: str, suffix: str
) -> None:
    run.export(tmp_path / f"out{suffix}", format=format, ids=True)
    report = lint(tmp_path / f"out{suffix}", data="cranfield")
    assert [finding.rule for finding in report.findings] == ["empty-positive"]


@pytest.mark.slow
def test_a_run_and_its_trec_files_are_clean(run: neg.Run, tmp_path: Path) -> None:
    report = lint(run.path)
    assert (report.format, report.negatives, report.findings) == ("run", 1575, ())
    run.export(tmp_path / "out.trec", format="trec-run")
    assert lint(tmp_path / "out.trec", data="cranfield").findings == ()
    run.export(tmp_path / "out.qrels", format="qrels", mined="zero")
    found = lint(tmp_path / "out.qrels", data="cranfield")
    assert [finding.rule for finding in found.findings] == ["empty-positive"]


# ---- the same few pairs in every format ----------------------------------------------------------

Pairs = list[tuple[str, list[str], list[str]]]

PAIRS: Pairs = [
    (f"query {n}", [f"positive {n}"], [f"neg {n} {m}" for m in "abc"]) for n in range(8)
]
PAIRS[1] = ("query 1", ["positive 1"], ["neg 1 a", "positive 1", "neg 1 c"])
PAIRS[3] = ("query 3", ["positive 3"], ["POSITIVE 3", "positive 3", "query 3"])
PAIRS[5] = ("query 5", ["positive 5"], ["neg 5 a", "neg 5 b", ""])
LEFT = [(n, m) for n in range(8) for m in "abc"
        if (n, m) not in ((1, "b"), (3, "a"), (3, "b"), (3, "c"), (5, "c"))]  # fmt: skip

DATA = collection(
    {f"d-{text}": text for pair in PAIRS for text in (*pair[1], *pair[2])},
    {f"q-{query}": query for query, _, _ in PAIRS},
)


def triplets(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"anchor": query, "positive": positives[0], "negative": negative, "extra": 1.5}
        for query, positives, negatives in pairs
        for negative in negatives
    ]


def n_tuples(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"anchor": q, "positive": p[0]} | {f"negative_{at}": t for at, t in enumerate(n, 1)}
        for q, p, n in pairs
    ]


def lists(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"query": q, "pos": p, "neg": n, "neg_scores": [float(len(t)) for t in n], "prompt": "x"}
        for q, p, n in pairs
    ]


def passages(pairs: Pairs) -> list[dict[str, Any]]:
    def listed(texts: list[str]) -> list[dict[str, str]]:
        return [{"docid": f"d-{text}", "title": "", "text": text} for text in texts]

    return [
        {"query_id": f"q-{q}", "query": q, "positive_passages": listed(p),
         "negative_passages": listed(n)}
        for q, p, n in pairs
    ]  # fmt: skip


def document_ids(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"query_id": f"q-{q}", "query_text": q, "positive_document_ids": [f"d-{t}" for t in p],
         "negative_document_ids": [f"d-{t}" for t in n]}
        for q, p, n in pairs
    ]  # fmt: skip


def labelled_pairs(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"sentence1": q, "sentence2": text, "label": label}
        for q, p, n in pairs
        for label, texts in ((1, p), (0, n))
        for text in texts
    ]


def labelled_lists(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"query": q, "docs": [*p, *n], "labels": [1] * len(p) + [0] * len(n)} for q, p, n in pairs
    ]


def qrels(pairs: Pairs) -> list[dict[str, Any]]:
    return [
        {"query-id": f"q-{q}", "corpus-id": f"d-{text}", "score": label}
        for q, p, n in pairs
        for label, texts in ((2, p), (0, n))
        for text in texts
    ]


def parquet(rows: list[dict[str, Any]], path: Path) -> None:
    pl.DataFrame(rows).write_parquet(path)


def jsonl(rows: list[dict[str, Any]], path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def packed(rows: list[dict[str, Any]], path: Path) -> None:
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def csv(rows: list[dict[str, Any]], path: Path) -> None:
    pl.DataFrame(rows).write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")


def saved(rows: list[dict[str, Any]], path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(rows).save_to_disk(str(path))


FORMS = {
    "triplets.parquet": (triplets, parquet, "triplet"),
    "triplets.jsonl": (triplets, jsonl, "triplet"),
    "triplets.jsonl.gz": (triplets, packed, "triplet"),
    "triplets.csv": (triplets, csv, "triplet"),
    "tuples.parquet": (n_tuples, parquet, "n-tuple"),
    "tuples.tsv": (n_tuples, csv, "n-tuple"),
    "bge.jsonl": (lists, jsonl, "flagembedding"),
    "bge.parquet": (lists, parquet, "flagembedding"),
    "tevatron.jsonl": (passages, jsonl, "tevatron"),
    "tevatron.parquet": (passages, parquet, "tevatron"),
    "ids.jsonl": (document_ids, jsonl, "tevatron"),
    "pairs.csv": (labelled_pairs, csv, "labeled-pair"),
    "pairs.parquet": (labelled_pairs, parquet, "labeled-pair"),
    "lists.jsonl": (labelled_lists, jsonl, "labeled-list"),
    "qrels.tsv": (qrels, csv, "qrels"),
    "dataset": (triplets, saved, "triplet"),
}


@pytest.mark.slow
@for_each("name", FORMS)
def test_a_fixed_file_is_of_the_same_format_and_clean(tmp_path: Path, name: str) -> None:
    rows, write, format = FORMS[name]
    path = tmp_path / name
    write(rows(PAIRS), path)
    data = DATA if name in ("ids.jsonl", "qrels.tsv") else None
    report = lint(path, data=data)
    assert report.format == format
    found = {finding.rule: finding.count for finding in report.of("error")}
    by_id = {"positive-by-id": 2, "positive-by-normalised-text": 1}
    by_text = {"positive-by-text": 2, "positive-by-normalised-text": 1}
    expected = by_id if format in ("tevatron", "qrels") else by_text
    assert found == expected | {"query-as-negative": 1, "empty-negative": 1}

    clean = tmp_path / f"clean-{name}"
    fixed = report.fix(clean)
    again = lint(clean, data=data)
    assert (again.format, again.rows, again.of("error")) == (format, fixed.rows, [])
    assert fixed.rows + fixed.dropped_rows == report.rows
    # A column for each negative is filled again, and a list is not.
    left = len(LEFT) + (2 if format == "n-tuple" else 0)
    assert again.negatives == left
    assert report.negatives - fixed.removed_negatives == len(LEFT)
    once_more = again.fix(tmp_path / f"again-{name}")
    assert (once_more.dropped_rows, once_more.removed_negatives) == (0, 0)


def test_rows_that_nothing_is_wrong_with_are_copied_byte_for_byte(tmp_path: Path) -> None:
    lines = [json.dumps(row, indent=None, separators=(", ", " : ")) for row in lists(PAIRS)]
    path = tmp_path / "bge.jsonl"
    path.write_text("\n\n".join(lines))
    lint(path).fix(tmp_path / "clean.jsonl")
    written = (tmp_path / "clean.jsonl").read_text().splitlines()
    untouched = {0: 0, 2: 2, 3: 4, 5: 6, 6: 7}  # row 4 is gone
    assert {at: written[at] for at in untouched} == {at: lines[n] for at, n in untouched.items()}
    mended = json.loads(written[1])
    assert mended == lists(PAIRS)[1] | {"neg": ["neg 1 a", "neg 1 c"], "neg_scores": [7.0, 7.0]}


def test_columns_of_negatives_are_filled_with_those_that_are_left(tmp_path: Path) -> None:
    rows = n_tuples(PAIRS)
    for row in rows:
        row["scores"] = [9.0, 1.0, 2.0, 3.0]
    parquet(rows, tmp_path / "tuples.parquet")
    lint(tmp_path / "tuples.parquet").fix(tmp_path / "clean.parquet")
    clean = pl.read_parquet(tmp_path / "clean.parquet").to_dicts()
    assert clean[0] == rows[0]
    assert [clean[1][f"negative_{n}"] for n in (1, 2, 3)] == ["neg 1 a", "neg 1 c", "neg 1 a"]
    assert clean[1]["scores"] == [9.0, 1.0, 3.0, 1.0]
    assert "query 3" not in [row["anchor"] for row in clean]


def test_columns_that_mean_nothing_to_lint_stay_as_they_are(tmp_path: Path) -> None:
    parquet(triplets(PAIRS), tmp_path / "t.parquet")
    lint(tmp_path / "t.parquet").fix(tmp_path / "clean.parquet")
    clean = pl.read_parquet(tmp_path / "clean.parquet")
    assert clean.schema == pl.read_parquet(tmp_path / "t.parquet").schema
    assert clean["extra"].to_list() == [1.5] * len(clean)


def test_a_file_of_trec_judgements_is_read_and_fixed(tmp_path: Path) -> None:
    lines = ["1 0 a 1", "1 0 b 0", "2 0 c 2", "2 0 d 0", "2 0 same-as-c 0"]
    (tmp_path / "j.qrels").write_text("\n".join(lines))
    data = collection(
        {"a": "aa", "b": "bb", "c": "cc", "d": "dd", "same-as-c": "CC"}, {"1": "x", "2": "y"}
    )
    lint(tmp_path / "j.qrels", data=data).fix(tmp_path / "clean.qrels")
    assert (tmp_path / "clean.qrels").read_text().splitlines() == lines[:-1]


@pytest.mark.slow
def test_blocks_of_rows_do_not_change_what_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from negatives.measure.lint import copies
    from negatives.measure.lint import text_tables as texts
    from negatives.read.mined import source

    jsonl(lists(PAIRS), tmp_path / "bge.jsonl")
    parquet(triplets(PAIRS), tmp_path / "t.parquet")
    whole = [lint(tmp_path / name).as_dict() for name in ("bge.jsonl", "t.parquet")]
    monkeypatch.setattr(source, "BLOCK", 2)
    monkeypatch.setattr(texts, "_TEXTS", 3)
    monkeypatch.setattr(copies, "PAIRS", 1)
    assert [lint(tmp_path / name).as_dict() for name in ("bge.jsonl", "t.parquet")] == whole


@pytest.mark.slow
def test_files_of_objects_lose_just_the_negatives_that_are_wrong(tmp_path: Path) -> None:
    q, p, n = "what is lift", "Lift acts across the flow.", "Thrust pushes it forward."
    known = collection({"1": p, "2": n, "3": "Weight pulls it down."}, {"7": q}, [("7", "1", 1)])

    def said(role: str, text: str) -> list[dict[str, str]]:
        return [{"role": role, "content": text}]

    files: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "systems.jsonl": (
            {"qid": 7, "pos": [1], "neg": {"bm25": [1, 2], "dense": [3, 1]}},
            {"neg": {"bm25": [2], "dense": [3]}},
        ),
        "scored.jsonl": (
            {"qid": 7, "pos": [{"pid": 1, "s": 9.5}], "neg": {"bm25": [{"pid": 1}, {"pid": 2}]}},
            {"neg": {"bm25": [{"pid": 2}]}},
        ),
        "table.jsonl": (
            {"query_id": 7, "positives": {"doc_id": ["1"]},
             "negatives": {"doc_id": ["1", "2"], "score": [0.5, 0.25]}},
            {"negatives": {"doc_id": ["2"], "score": [0.25]}},
        ),
        "messages.jsonl": (
            {"messages": said("user", q), "positive_messages": [said("assistant", p)],
             "negative_messages": [said("assistant", p), said("assistant", n)]},
            {"negative_messages": [said("assistant", n)]},
        ),
        "array.json": (
            {"question": q, "positive_ctxs": [{"text": p}],
             "hard_negative_ctxs": [{"text": p}, {"text": n}], "negative_ctxs": [{"text": p}]},
            {"hard_negative_ctxs": [{"text": n}], "negative_ctxs": []},
        ),
    }  # fmt: skip
    for name, (row, changed) in files.items():
        path, clean = tmp_path / name, tmp_path / f"clean-{name}"
        path.write_text(json.dumps([row], indent=1) if name == "array.json" else json.dumps(row))
        report = lint(path, data=known)
        assert {finding.rule for finding in report.of("error")} <= {
            "positive-by-id",
            "positive-by-text",
        }
        report.fix(clean)
        written = json.loads(clean.read_text())
        written = written[0] if name == "array.json" else written
        assert written == row | changed, name
        assert lint(clean, data=known).of("error") == []


def test_a_file_without_quoting_is_fixed_without_quoting(tmp_path: Path) -> None:
    sound = 'who said "no"\t"No" he said\tnobody'
    lines = ["query\tpositive\tnegative", sound, "a\tb\tb"]
    (tmp_path / "t.tsv").write_text("\n".join(lines) + "\n")
    lint(tmp_path / "t.tsv").fix(tmp_path / "clean.tsv")
    assert (tmp_path / "clean.tsv").read_text().splitlines() == lines[:2]


def test_columns_of_names_that_do_not_tell_are_said(tmp_path: Path) -> None:
    path = tmp_path / "mined.csv"
    path.write_text("Asked,Right,Wrong\nwho purrs,cats,CATS\nwho barks,dogs,cows\n", "utf-8")
    unsaid = negatives("lint", path)
    assert unsaid.returncode == 2
    assert "--query-column" in unsaid.stderr
    columns = (
        "--query-column",
        "Asked",
        "--positive-column",
        "Right",
        "--negative-column",
        "Wrong",
    )
    said = negatives("lint", path, *columns, "--fix", "-o", tmp_path / "clean.csv")
    assert "dropped 1 row" in said.stdout
    assert (tmp_path / "clean.csv").read_text("utf-8") == "Asked,Right,Wrong\nwho barks,dogs,cows\n"
    for file in (path, pl.read_csv(path)):
        report = lint(file, query_column="Asked", positive_column="Right", negative_column="Wrong")
        assert [finding.rule for finding in report.findings] == ["positive-by-normalised-text"]


def test_columns_are_not_said_of_a_run(run: neg.Run) -> None:
    with pytest.raises(neg.NegativesError, match="columns are said of a file"):
        lint(run.path, query_column="Asked")
