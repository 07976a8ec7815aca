"""False negatives planted into a collection, and how each judge recovers them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.measure.audit import audit
from negatives.measure.plant import KINDS, plant, planted_pairs
from negatives.measure.recovered import recovered
from negatives.schema import Collection, check_collection
from tests.build import collection
from tests.cli.commands import negatives


@pytest.fixture(scope="module")
def data() -> Collection:
    return neg.Collection.load("cranfield")


@pytest.fixture(scope="module")
def planted(data: Collection) -> tuple[Collection, pl.DataFrame]:
    return plant(data, seed=1, share=0.15)


@pytest.fixture(scope="module")
def mined(
    planted: tuple[Collection, pl.DataFrame], tmp_path_factory: pytest.TempPathFactory
) -> neg.Run:
    return neg.mine(
        planted[0],
        tmp_path_factory.mktemp("planted") / "run",
        sources=[neg.BM25(top=40)],
        judges=[neg.NearDuplicate(threshold=0.8)],
        pick=neg.Top(per_query=5),
    )


def test_the_collection_is_sound_and_its_judgements_are_as_before(
    data: Collection, planted: tuple[Collection, pl.DataFrame]
) -> None:
    grown, truth = planted
    assert check_collection(grown) is grown
    assert grown.qrels.equals(data.qrels)
    assert len(grown.corpus) == len(data.corpus) + truth["doc_id"].n_unique()
    assert grown.corpus["row"].n_unique() == len(grown.corpus)


def test_every_kind_is_planted_as_often_give_or_take_one(
    planted: tuple[Collection, pl.DataFrame],
) -> None:
    docs = planted[1].select("doc_id", "kind").unique()
    counts = Counter(docs["kind"])
    assert set(counts) == set(KINDS)
    assert max(counts.values()) - min(counts.values()) <= 1


def test_a_planted_document_is_relevant_to_every_query_of_its_original(
    data: Collection, planted: tuple[Collection, pl.DataFrame]
) -> None:
    positives = {(query, doc) for query, doc, grade in data.qrels.iter_rows() if grade > 0}
    originals = {name.split(":", 2)[2] for name in planted[1]["doc_id"]}
    expected = {(query, doc) for query, doc in positives if doc in originals}
    found = {(query, name.split(":", 2)[2]) for query, name, _ in planted[1].iter_rows()}
    assert found == expected


def test_what_is_done_to_a_text_is_what_the_kind_says(
    planted: tuple[Collection, pl.DataFrame],
) -> None:
    texts = dict(planted[0].corpus.select("doc_id", "text").iter_rows())
    for name in planted[1]["doc_id"].unique():
        _, kind, doc = name.split(":", 2)
        before, after = texts[doc], texts[name]
        if kind == "exact":
            assert after == before
        elif kind == "case":
            assert after != before
            letters = [c for c in after.lower() if c.isalnum()]
            assert letters == [c for c in before.lower() if c.isalnum()]
        elif kind == "truncated":
            assert before.split()[: max(1, len(before.split()) // 2)] == after.split()
        else:
            words, left = Counter(before.split()), Counter(after.split())
            lost = (words - left).total() / words.total()
            assert lost < 0.4


def test_the_same_seed_plants_the_same_and_another_something_else(
    data: Collection, planted: tuple[Collection, pl.DataFrame]
) -> None:
    again, truth = plant(data, seed=1, share=0.15)
    assert again.corpus.equals(planted[0].corpus)
    assert truth.equals(planted[1])
    assert not plant(data, seed=2, share=0.15)[1].equals(truth)


def test_a_collection_without_a_positive_to_plant_is_refused() -> None:
    empty = collection({"a": ""}, {"q": "wing"}, [("q", "a", 1)])
    with pytest.raises(InputError, match="none of the positives was drawn"):
        plant(empty, share=1.0)
    with pytest.raises(InputError, match=r"a share of 0"):
        plant(empty, share=0)


@pytest.mark.slow
def test_copies_are_caught_by_the_rules_made_for_them(
    planted: tuple[Collection, pl.DataFrame], mined: neg.Run
) -> None:
    found = recovered(mined, planted[1])
    rules = found.filter(pl.col("by") == "rule")
    for kind in ("exact", "case"):
        assert rules.filter(pl.col("kind") == kind)["recall"].sum() == pytest.approx(1)
    leaked = found.filter((pl.col("by") == "picker") & pl.col("kind").is_in(["exact", "case"]))
    assert leaked["caught"].sum() == 0


def test_recall_and_precision_are_those_of_plain_sets(
    planted: tuple[Collection, pl.DataFrame], mined: neg.Run
) -> None:
    truth = {(query, doc) for query, doc, _ in planted[1].iter_rows()}
    about = {query for query, _ in truth}
    unlabelled = [
        row
        for row in mined.candidates().filter(pl.col("relevance").is_null()).collect().to_dicts()
        if row["query_id"] in about
    ]
    there = {(row["query_id"], row["doc_id"]) for row in unlabelled} & truth
    found = recovered(mined, planted[1]).filter(pl.col("kind") == "all").to_dicts()
    told = {(row["by"], row["name"]): row for row in found}
    assert told["source", "candidates"]["caught"] == len(there)
    assert told["source", "candidates"]["planted"] == len(truth)
    for (by, name), row in told.items():
        if by != "rule":
            continue
        flagged = {
            (pair["query_id"], pair["doc_id"])
            for pair in unlabelled
            if pair["rule"] == name and pair["verdict"] in ("duplicate", "rejected")
        }
        assert row["recall"] == pytest.approx(len(flagged & there) / len(there))
        assert row["precision"] == pytest.approx(len(flagged & there) / len(flagged))
    score = told["evidence", "bm25_score"]["auc"]
    mine = [r["bm25_score"] for r in unlabelled if (r["query_id"], r["doc_id"]) in truth]
    rest = [r["bm25_score"] for r in unlabelled if (r["query_id"], r["doc_id"]) not in truth]
    wins = sum((x > y) + (x == y) / 2 for x in mine for y in rest)
    assert score == pytest.approx(wins / (len(mine) * len(rest)))


@pytest.mark.slow
def test_a_copy_of_another_candidate_is_no_rule_about_relevance(
    planted: tuple[Collection, pl.DataFrame], mined: neg.Run
) -> None:
    reasons = mined.candidates().select("reason").collect().to_series().drop_nulls()
    assert reasons.str.starts_with("repeat:").any()
    assert "repeat" not in recovered(mined, planted[1])["name"]


def test_an_audit_tells_what_was_recovered(
    planted: tuple[Collection, pl.DataFrame], mined: neg.Run, tmp_path: Path
) -> None:
    made = audit(mined, plant=planted[1]).as_dict()["planted"]
    assert {row["kind"] for row in made} == {"all", *KINDS}


@pytest.mark.slow
def test_by_commands_it_is_planted_mined_and_looked_for(tmp_path: Path) -> None:
    folder, run = tmp_path / "grown", tmp_path / "run"
    done = negatives("data", "plant", "cranfield", "-o", folder, "--share", "0.15", "--seed", "1")
    assert done.returncode == 0, done.stderr
    _, truth = plant(neg.Collection.load("cranfield"), seed=1, share=0.15)
    assert f"{truth['doc_id'].n_unique():,} documents" in done.stdout
    assert planted_pairs(neg.Collection.load(folder)).equals(truth)
    mined = neg.mine(folder, run, sources=[neg.BM25(top=40)], pick=neg.Top(per_query=5))
    told = json.loads(negatives("audit", run, "--planted", "--json").stdout)
    assert told == recovered(mined, truth).to_dicts()
    shown = negatives("audit", run, "--planted").stdout.splitlines()
    assert shown[0].split() == ["by", "name", "planted", "caught", "recall", "precision", "AUC"]
    assert shown[1].startswith("source      candidates")


@pytest.mark.slow
def test_a_run_without_planted_documents_says_how_to_plant(tmp_path: Path) -> None:
    plain = neg.mine("cranfield", tmp_path / "run", recipe="bm25")
    done = negatives("audit", plain.path, "--planted")
    assert done.returncode == 2
    assert "negatives data plant" in done.stderr


def test_looking_for_what_was_planted_is_a_command_of_its_own(mined: neg.Run) -> None:
    done = negatives("audit", mined.path, "--planted", "--sample", "5", "-o", "x.csv")
    assert done.returncode == 2
    assert "in a second command" in done.stderr
