"""Planted defects are found exactly: every one of them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.measure.lint import Report
from tests.build import collection
from tests.each import for_each
from tests.measure import planted
from tests.measure.planted import Plant, Row, plant, write

N = 60


def errors(report: Report) -> list[str]:
    return [finding.rule for finding in report.of("error")]


@pytest.mark.slow
@pytest.mark.parametrize("data", [None, "cranfield"])
def test_nothing_is_found_in_a_clean_file(triplets_file: Path, data: str | None) -> None:
    report = neg.lint(triplets_file, data=data)
    assert report.findings == ()
    assert report.ok
    assert (report.format, report.rows, report.queries) == ("triplet", 12852, 225)


@pytest.mark.slow
@for_each("data", [None, "cranfield"])
@for_each(
    ("rule", "defect"),
    [
        ("positive-by-text", planted.same_text),
        ("positive-by-normalised-text", planted.other_case),
        ("positive-of-same-question", planted.same_question),
        ("query-as-negative", planted.query_text),
        ("empty-query", planted.blank("anchor")),
        ("empty-positive", planted.blank("positive")),
        ("empty-negative", planted.blank("negative")),
    ],
)
def test_exact_errors_are_found_and_no_others(
    tmp_path: Path, triplets: list[Row], rule: str, defect: Plant, data: str | None
) -> None:
    rows, where = plant(triplets, N, defect, seed=7)
    report = neg.lint(write(rows, tmp_path / "planted.parquet"), data=data)
    assert errors(report) == [rule]
    assert report[rule].rows == where
    assert report[rule].count == N
    assert not report.ok
    assert len(report[rule].examples) == 5
    assert report[rule].examples[0]["row"] == where[0]


@pytest.mark.slow
def test_repeated_rows_are_found(tmp_path: Path, triplets: list[Row]) -> None:
    rows, _ = plant(triplets, N, planted.repeat_row, seed=3)
    report = neg.lint(write(rows, tmp_path / "planted.parquet"))
    assert [finding.rule for finding in report.findings] == ["repeated-row"]
    assert report["repeated-row"].rows == [*range(len(triplets) + 1, len(rows) + 1)]
    assert report.ok


@pytest.mark.slow
def test_near_duplicates_of_a_positive_are_found(tmp_path: Path, triplets: list[Row]) -> None:
    rows, where = plant(triplets, 200, planted.nearly, seed=11)
    report = neg.lint(write(rows, tmp_path / "planted.parquet"))
    close = {"near-duplicate-of-positive", "positive-by-normalised-text", "positive-by-text"}
    assert {*errors(report)} <= close
    found = {row for rule in errors(report) for row in report[rule].rows}
    both = len(found & {*where})
    assert both / len(where) >= 0.95
    assert both / len(found) >= 0.95
    assert "Jaccard" in report["near-duplicate-of-positive"].examples[0]["note"]


def test_a_near_duplicate_counts_the_positives_of_other_rows_and_of_the_data(
    tmp_path: Path,
) -> None:
    long = " ".join(f"word{n}" for n in range(60))
    copy = long.replace("word30", "other")
    rows = [
        {"anchor": "q", "positive": "some positive", "negative": copy},
        {"anchor": "q", "positive": long, "negative": "something else"},
    ]
    path = write(rows, tmp_path / "two.jsonl")
    report = neg.lint(path)
    assert report["near-duplicate-of-positive"].rows == [1]
    assert report["near-duplicate-of-positive"].examples[0]["note"].endswith("positive of row 2")
    known = collection({"a": long, "b": "x"}, {"1": "q"}, [("1", "a", 1)])
    alone = write(rows[:1], tmp_path / "one.jsonl")
    assert neg.lint(alone).ok
    assert neg.lint(alone, data=known)["near-duplicate-of-positive"].rows == [1]


def test_positives_that_only_the_data_knows_are_found(tmp_path: Path) -> None:
    known = collection(
        {"a": "Lift.", "b": "drag", "c": "flow"}, {"1": "what is lift"}, [("1", "a", 1)]
    )
    rows = [{"anchor": "what is lift", "positive": "drag", "negative": "lift"}]
    path = write(rows, tmp_path / "one.csv")
    assert neg.lint(path).ok
    found = neg.lint(path, data=known)["positive-by-normalised-text"]
    assert found.examples[0]["note"] == "a positive of the collection"


def test_ids_tell_positives_that_texts_do_not(tmp_path: Path) -> None:
    path = tmp_path / "ids.jsonl"
    line = {"query_id": "1", "query": "q"}
    passages = {
        "positive_passages": [{"docid": "a", "title": "T", "text": "one form of the text"}],
        "negative_passages": [
            {"docid": "a", "title": "", "text": "another form, as its page was edited"},
            {"docid": "b", "title": "t", "text": "one form of the text"},
        ],
    }
    pl.DataFrame([line | passages]).write_ndjson(path)
    report = neg.lint(path)
    assert errors(report) == ["positive-by-id", "positive-by-normalised-text"]
    assert report["positive-by-id"].offences.select("row", "place").rows() == [(1, 0)]
    assert report["positive-by-normalised-text"].offences.select("row", "place").rows() == [(1, 1)]


@pytest.mark.slow
def test_cut_texts_are_found_by_the_whole_ones(tmp_path: Path, triplets: list[Row]) -> None:
    rows, where = plant(triplets, N, planted.cut, seed=5)
    report = neg.lint(write(rows, tmp_path / "planted.parquet"), data="cranfield")
    assert report["truncated-text"].rows == where
    assert report["truncated-text"].severity == "warning"


@pytest.mark.slow
def test_cut_texts_pile_up_at_one_length(tmp_path: Path, triplets: list[Row]) -> None:
    rows = [row | {"negative": row["negative"][:1200].strip()} for row in triplets]
    report = neg.lint(write(rows, tmp_path / "planted.parquet"))
    where = [n for n, row in enumerate(rows, 1) if len(row["negative"]) == 1200]
    found = report["truncated-text"]
    assert {*where} <= {*found.rows}
    assert found.examples[0]["note"] == "exactly 1,200 characters, as many others"


def test_repeated_and_alike_negatives_of_a_row(tmp_path: Path) -> None:
    rows = [
        {"query": f"q{n}", "pos": [f"p{n}"], "neg": [f"a{n}", f"b{n}", f"c{n}"]} for n in range(9)
    ]
    rows[2]["neg"] = ["a", "b", "a"]
    rows[5]["neg"] = ["same", "same", "same"]
    pl.DataFrame(rows).write_ndjson(tmp_path / "lists.jsonl")
    report = neg.lint(tmp_path / "lists.jsonl")
    offences = report["repeated-negative"].offences.select("row", "place").rows()
    assert offences == [(3, 2), (6, 1), (6, 2)]
    assert report["alike-negatives"].rows == [6]


def test_negatives_beside_another_positive_are_no_repetition(tmp_path: Path) -> None:
    rows = [{"anchor": "q", "positive": p, "negative": n} for p in "ab" for n in "xy"]
    assert neg.lint(write(rows, tmp_path / "t.parquet")).findings == ()


def test_rows_without_negatives_and_uneven_ones(tmp_path: Path) -> None:
    rows = [{"query": f"q{n}", "pos": [f"p{n}"], "neg": [f"a{n}", f"b{n}"]} for n in range(6)]
    rows[1]["neg"] = []
    rows[4]["neg"] = ["x"]
    pl.DataFrame(rows).write_ndjson(tmp_path / "lists.jsonl")
    report = neg.lint(tmp_path / "lists.jsonl")
    assert report["no-negatives"].rows == [2]
    assert report["uneven-negatives"].rows == [5]
    assert report.ok


@pytest.mark.slow
def test_a_constant_negative_is_an_error_and_a_hub_a_warning(
    tmp_path: Path, triplets: list[Row]
) -> None:
    rows = [row | {"negative_1": row["negative"], "negative_2": "always"} for row in triplets]
    for row in rows:
        del row["negative"]
    report = neg.lint(write(rows, tmp_path / "constant.parquet"))
    assert report["constant-negative"].count == len(rows)
    queries = sorted({row["anchor"] for row in rows})
    some = {*queries[:100]}
    for row in rows:
        row["negative_2"] = "often" if row["anchor"] in some else f"only {row['anchor']}"
    report = neg.lint(write(rows, tmp_path / "hub.parquet"))
    assert report.ok
    where = [n for n, row in enumerate(rows, 1) if row["anchor"] in some]
    assert report["hub-negative"].rows == where
    assert report["hub-negative"].examples[0]["note"] == "a negative of 100 queries"


def test_a_negative_that_every_query_has_which_can_have_it_is_constant(
    tmp_path: Path, triplets: list[Row]
) -> None:
    lucky = triplets[0]["anchor"]
    rows = [row | {"negative": "always"} for row in triplets]
    for row in rows:
        if row["anchor"] == lucky:
            row |= {"positive": "always", "negative": "another"}
    report = neg.lint(write(rows, tmp_path / "constant.parquet"))
    assert report["constant-negative"].count == sum(row["anchor"] != lucky for row in rows)


def test_all_other_labels_of_a_classification_are_no_constants(tmp_path: Path) -> None:
    labels = ["sport", "trade", "war"]
    rows = [
        {"query": f"news {n}", "pos": [labels[n % 3]], "neg": labels[: n % 3] + labels[n % 3 + 1 :]}
        for n in range(90)
    ]
    pl.DataFrame(rows).write_ndjson(tmp_path / "labels.jsonl")
    assert neg.lint(tmp_path / "labels.jsonl").ok


def test_test_queries_and_their_documents_are_found(tmp_path: Path) -> None:
    test = collection(
        {"a": "Relevant in the test.", "b": "other"}, {"1": "A test query?"}, [("1", "a", 1)]
    )
    rows = [
        {"anchor": "a train query", "positive": "p1", "negative": "n1"},
        {"anchor": "a test query", "positive": "p2", "negative": "n2"},
        {"anchor": "another", "positive": "relevant in the test", "negative": "n3"},
        {"anchor": "relevant IN the test", "positive": "p4", "negative": "n4"},
        {"anchor": "a fifth", "positive": "p5", "negative": "relevant in the test"},
    ]
    path = write(rows, tmp_path / "leaks.csv")
    assert neg.lint(path).findings == ()
    report = neg.lint(path, against=[test])
    found = {finding.rule: (finding.severity, finding.rows) for finding in report.findings}
    assert found == {
        "test-query": ("error", [2]),
        "test-positive": ("warning", [3, 4]),
        "test-positive-as-negative": ("info", [5]),
    }


def test_the_test_split_beside_the_train_split_is_kept_out_unasked(tmp_path: Path) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    texts = {"corpus": {"a": "first", "b": "second", "c": "third"}, "queries": {"1": "x", "2": "y"}}
    for name, table in texts.items():
        frame = pl.DataFrame([{"_id": key, "text": text} for key, text in table.items()])
        frame.write_ndjson(folder / f"{name}.jsonl")
    for split, line in (("train", "1\ta\t1\n"), ("test", "2\tb\t1\n")):
        path = folder / "qrels" / f"{split}.tsv"
        path.write_text("query-id\tcorpus-id\tscore\n" + line)
    rows = [
        {"anchor": "x", "positive": "first", "negative": "third"},
        {"anchor": "y", "positive": "second", "negative": "third"},
    ]
    path = write(rows, tmp_path / "t.parquet")
    assert neg.lint(path, data=folder)["test-query"].rows == [2]
    assert neg.lint(path, data=f"{folder}@test").ok


@pytest.mark.slow
def test_a_fix_of_all_defects_at_once_leaves_no_error(tmp_path: Path, triplets: list[Row]) -> None:
    rows = triplets
    for seed, defect in enumerate(
        (planted.same_text, planted.other_case, planted.nearly, planted.query_text,
         planted.same_question, planted.blank("anchor"), planted.blank("positive"),
         planted.blank("negative"), planted.repeat_row)
    ):  # fmt: skip
        rows, _ = plant(rows, 30, defect, seed)
    report = neg.lint(write(rows, tmp_path / "planted.parquet"), data="cranfield")
    assert len(errors(report)) == 8
    fixed = report.fix(tmp_path / "clean.parquet")
    again = neg.lint(tmp_path / "clean.parquet", data="cranfield")
    assert errors(again) == []
    assert again.rows == fixed.rows == len(rows) - fixed.dropped_rows
    assert 200 < fixed.dropped_rows <= 270
