"""audit(): the certificate beside a review, the truth, sources and hubs; and its command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.chance import pair_uniforms
from negatives.cli import app
from negatives.errors import DataError, InputError
from negatives.measure.audit import audit
from negatives.measure.certificate import REVIEW
from negatives.measure.hubness import hubness
from negatives.measure.review import draw_questions, draw_sample, read_review
from negatives.measure.truth import against, read_truth
from negatives.stats.bounds import upper_bound
from tests.build import collection

Halved = tuple[neg.Run, pl.DataFrame]


def judged(run: neg.Run, path: Path, relevant: Sequence[str | None]) -> Path:
    """The first of a run's negatives, judged as given."""
    rows = run.negatives.select("query_id", "doc_id").head(len(relevant))
    rows.with_columns(relevant=pl.Series(relevant, dtype=pl.String)).write_csv(path)
    return path


def command(arguments: list[str]) -> int:
    """The exit code of a command."""
    try:
        return app.run(arguments)
    except SystemExit as left:
        return int(left.code or 0)


# ---- review --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["jsonl", "csv", "tsv", "parquet"])
def test_a_sample_is_drawn_with_its_texts_and_read_again(
    run: neg.Run, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"sample.{ending}"
    assert draw_sample(run, 25, path) == 25
    review = read_review(path, run)
    assert (review.judged, review.undecided, review.elsewhere) == (0, 25, 0)


def test_of_nothing_there_is_no_sample(tmp_path: Path) -> None:
    data = collection({"d1": "wings lift"}, {"q1": "what lifts?"}, [("q1", "d1", 1)])
    run = neg.mine(data, tmp_path / "run", sources=[neg.BM25(top=1)], pick=neg.Top(per_query=1))
    file = tmp_path / "sample.csv"
    for draw in (draw_sample, draw_questions):
        with pytest.raises(InputError, match="there is no pair left to be judged"):
            draw(run, 5, file)
    assert not file.exists()


def test_a_sample_holds_texts_and_a_place_for_the_judgement(run: neg.Run, tmp_path: Path) -> None:
    draw_sample(run, 3, tmp_path / "sample.parquet")
    sample = pl.read_parquet(tmp_path / "sample.parquet")
    assert sample.columns == [
        "query_id", "doc_id", "query", "document", "relevant", "order", "picks",
    ]  # fmt: skip
    assert sample["relevant"].null_count() == 3
    assert sample.select("query", "document").null_count().row(0) == (0, 0)


def test_a_larger_sample_holds_the_smaller_one(run: neg.Run, tmp_path: Path) -> None:
    for count in (5, 9):
        draw_sample(run, count, tmp_path / f"{count}.csv")
    few, many = (pl.read_csv(tmp_path / f"{n}.csv", infer_schema=False) for n in (5, 9))
    assert many.head(5).equals(few)


def test_a_file_that_may_hold_judgements_is_not_written_over(run: neg.Run, tmp_path: Path) -> None:
    draw_sample(run, 5, tmp_path / "sample.csv")
    with pytest.raises(InputError, match="may hold judgements"):
        draw_sample(run, 5, tmp_path / "sample.csv")


def test_a_judged_sample_bounds_the_share_exactly(run: neg.Run, tmp_path: Path) -> None:
    path = judged(run, tmp_path / "judged.csv", [*["0"] * 57, "1", "2", "-1", None, ""])
    reviewed = audit(run, review=path).certificate.estimates[REVIEW]
    assert reviewed.value == 2 / 59
    assert reviewed.high == upper_bound(2, 59, 0.9)
    assert reviewed.details["undecided"] == 3


def test_pairs_that_are_not_among_the_negatives_are_left_out_and_counted(
    run: neg.Run, tmp_path: Path
) -> None:
    path = tmp_path / "judged.jsonl"
    known = run.collection.qrels.filter(pl.col("relevance") > 0).row(0)
    rows = [*run.negatives.select("query_id", "doc_id").head(2).rows(), known[:2]]
    path.write_text(
        "".join(
            json.dumps({"query_id": query, "doc_id": doc, "relevance": 1}) + "\n"
            for query, doc in rows
        )
    )
    review = read_review(path, run)
    assert (review.judged, review.relevant, review.elsewhere) == (2, 2, 1)


def test_the_same_judgement_twice_counts_once_and_two_that_differ_are_refused(
    run: neg.Run, tmp_path: Path
) -> None:
    path = judged(run, tmp_path / "judged.csv", ["0", "1"])
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines, lines[1]]))
    assert read_review(path, run).judged == 2
    path.write_text("".join([*lines, lines[1].replace(",0", ",1")]))
    with pytest.raises(DataError, match="1 pair is judged twice, and differently"):
        read_review(path, run)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "query_id,relevant\nq,1\n", "the review has no column doc_id"),
        ("a.csv", "query_id,doc_id\nq,d\n", "the review has no column relevant"),
        ("a.csv", "query_id,doc_id,relevant\nq,d,0\nq,e,maybe\n", "row 2, relevant"),
        ("a.jsonl", "nonsense\n", "1 line is not JSON"),
        ("a.jsonl", '{"query_id": 1.5, "doc_id": "d", "relevant": 0}\n', "and no ids"),
        ("a.txt", "", "the ending tells no format of a table"),
    ],
)
def test_a_review_that_cannot_be_read_says_what_is_wrong_with_it(
    run: neg.Run, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as error:
        read_review(tmp_path / name, run)
    assert message in str(error.value)


# ---- truth ---------------------------------------------------------------------------------------


def test_the_truth_counts_relevant_not_relevant_and_unjudged_apart() -> None:
    negatives = pl.DataFrame({"query_id": ["a", "a", "a", "b"], "doc_id": ["1", "2", "3", "1"]})
    truth = pl.DataFrame(
        {"query_id": ["a", "a", "a"], "doc_id": ["1", "1", "2"], "relevance": [0, 1, 0]}
    )
    assert against(negatives, read_truth(truth)) == {
        "relevant": 1, "not relevant": 1, "unjudged": 2, "share": 0.25, "share of judged": 0.5,
        "queries judged": 1, "queries": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text", ["query-id\tcorpus-id\tscore\nq1\td1\t2\n", "q1 0 d1 2\n", "q1\td1\t2\n"]
)
def test_the_truth_is_a_qrels_file_of_beir_or_trec(tmp_path: Path, text: str) -> None:
    (tmp_path / "qrels.tsv").write_text(text)
    assert read_truth(tmp_path / "qrels.tsv").rows() == [("q1", "d1", 2)]


def test_an_empty_truth_is_refused(tmp_path: Path) -> None:
    (tmp_path / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n")
    with pytest.raises(DataError, match="the qrels file is empty"):
        read_truth(tmp_path / "qrels.tsv")


@pytest.mark.slow
def test_each_source_has_its_share_by_p_relevant_and_by_the_truth(halved: Halved) -> None:
    run, hidden = halved
    found = audit(run, truth=hidden)
    negatives = run.negatives
    for row in found.sources:
        mine = negatives.filter(pl.col("sources").list.contains(row["source"]))
        false = mine.join(hidden, on=["query_id", "doc_id"], how="semi")
        assert row["negatives"] == len(mine)
        assert row["share by truth"] == pytest.approx(len(false) / len(mine), rel=1e-5)
        mean = mine["p_relevant"].cast(pl.Float64).mean()
        assert row["share by p_relevant"] == pytest.approx(mean, rel=1e-5)
    assert {row["source"] for row in found.sources} == {"bm25", "dense"}
    assert found.told is not None
    told = found.told["p_relevant"]["all"]
    assert told["auroc"] > 0.7
    assert told["auprc"] > 3 * told["prevalence"]  # what a random order has
    said = str(found.card())
    assert f"{told['pairs']:,} candidates are relevant (a random order: 0.5" in said


# ---- hubs ----------------------------------------------------------------------------------------


def test_hubs_are_told_as_in_plain_loops(run: neg.Run) -> None:
    negatives = run.negatives
    documents = run.manifest.counts.documents
    found = hubness(negatives, documents, 225)
    used = Counter(negatives["doc_id"])
    times = sorted([*used.values(), *[0] * (documents - len(used))])
    total, mean = sum(times), sum(times) / documents
    gini = sum(abs(x - y) for x in times for y in times) / (2 * documents * total)
    third = sum((x - mean) ** 3 for x in times) / documents
    spread = sum((x - mean) ** 2 for x in times) / documents
    assert found["gini"] == pytest.approx(gini, rel=1e-5)
    assert found["skew"] == pytest.approx(third / spread**1.5, rel=1e-5)
    assert found["top"][0]["queries"] == max(times)


def test_negatives_drawn_at_random_look_as_chance_alone_makes_them() -> None:
    pairs = pl.DataFrame({"query_id": [str(n) for n in range(9000)], "doc_id": ["x"] * 9000})
    doc = (pair_uniforms(pairs, 1, "docs") * 1500).astype(int).astype(str)
    found = hubness(pairs.with_columns(doc_id=pl.Series(doc)), 1500, 1000)
    assert found["gini"] == pytest.approx(found["at random"]["gini"], rel=0.05)
    assert found["top"][0]["share"] == pytest.approx(found["at random"]["top share"], rel=0.15)


def test_chance_uses_a_document_at_least_once_and_at_most_once_a_query() -> None:
    for docs, documents, queries, share in [
        ("abcdefg", 8, 1, 1.0),
        ("a", 2, 1, 1.0),
        ("ab", 1000, 2, 0.5),
    ]:
        pairs = pl.DataFrame({"query_id": ["q"] * len(docs), "doc_id": list(docs)})
        assert hubness(pairs, documents, queries)["at random"]["top share"] == share


# ---- the command ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_tells_every_estimate_with_what_it_assumes(
    halved: Halved, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run, hidden = halved
    hidden.select("query_id", "doc_id", "relevance").write_csv(tmp_path / "q.tsv", separator="\t")
    assert command(["audit", str(run.path), "--truth", str(tmp_path / "q.tsv")]) == 0
    said = capsys.readouterr().out
    for line in (
        "400 negatives, coverage 100%",
        "  model ",
        "if p_relevant is right on average",
        "  known positives ",
        "would be picked",
        "  review           not known: no judged sample was given",
        "  truth ",
        "  from dense ",
        "  hubs ",
    ):
        assert line in said


def test_the_command_prints_json(halved: Halved, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["audit", str(halved[0].path), "--confidence", "0.95", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["confidence"] == 0.95
    assert found == audit(halved[0], confidence=0.95).as_dict()


def test_a_sample_is_drawn_judged_and_reviewed_by_commands(
    run: neg.Run, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "judge-me.csv"
    assert command(["audit", str(run.path), "--sample", "10", "-o", str(out)]) == 0
    assert "Fill in `relevant` (1, 0, or nothing), then: negatives audit" in capsys.readouterr().out
    filled = pl.read_csv(out, infer_schema=False).with_columns(relevant=pl.lit("0"))
    filled.write_csv(out)
    assert command(["audit", str(run.path), "--review", str(out)]) == 0
    said = capsys.readouterr().out
    assert "review           0%, at most 20.6% with 90% confidence" in said


@pytest.mark.slow
def test_the_command_tells_a_threshold_and_what_it_misses(
    halved: Halved, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run, hidden = halved
    hidden.select("query_id", "doc_id", "relevance").write_csv(tmp_path / "q.tsv", separator="\t")
    asked = ["audit", str(run.path), "--truth", str(tmp_path / "q.tsv"), "--max-fnr", "0.2"]
    assert command(asked) == 0
    assert "relevant ones are missed, at most" in capsys.readouterr().out
    told = audit(run, truth=hidden, max_fnr=0.2).told
    assert told is not None
    found = told["p_relevant"]["all"]
    ledger = pl.read_parquet(run.parts).filter(
        ~pl.col("verdict").is_in(["positive", "judged-negative"]), pl.col("p_relevant").is_finite()
    )
    relevant = ledger.join(hidden, on=["query_id", "doc_id"], how="semi")
    below = relevant.filter(pl.col("p_relevant") < found["threshold"]["value"])
    assert (found["threshold"]["missed"], found["threshold"]["relevant"]) == (
        len(below), len(relevant),
    )  # fmt: skip
    assert len(below) / len(relevant) < found["threshold"]["bound"] <= 0.2
    assert 0 < found["aurc"] < found["prevalence"]
    few = audit(run, truth=hidden, max_fnr=0.001).told
    assert few is not None
    assert "are too few for any threshold" in few["p_relevant"]["all"]["threshold"]["why"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-fnr", "0.1"], "--max-fnr goes with --truth"),
        (["--sample", "5"], "--sample and --out go together"),
        (["--sample", "5", "-o", "x.csv", "--truth", "q"], "in a second command"),
        (["--sample", "0", "-o", "x.csv"], "a sample of 0 pairs"),
        (["--sample", "5", "-o", "x.xlsx"], "end its name in one of .jsonl, .csv, .tsv, .parquet"),
        (["--review", "nowhere.csv"], "no such file"),
    ],
)
def test_a_wrong_command_says_how_to_mend_it(
    run: neg.Run, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert command(["audit", str(run.path), *arguments]) == 2
    assert message in capsys.readouterr().err
