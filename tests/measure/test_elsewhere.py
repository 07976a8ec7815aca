"""What other splits say is relevant is not ranked, where documents go by their ids."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import negatives as neg
from negatives.errors import InputError
from negatives.measure.elsewhere import Elsewhere, WithoutKnown
from negatives.read import load
from tests.build import collection
from tests.cli.commands import negatives

HEAD = "user_id\titem_id\n"


@pytest.fixture
def plays(tmp_path: Path) -> Path:
    """One user had a and b before, and c and b later; another has d, and later a."""
    (tmp_path / "train.tsv").write_text(f"{HEAD}1\ta\n1\tb\n2\td\n")
    (tmp_path / "valid.tsv").write_text(f"{HEAD}2\tb\n")
    (tmp_path / "test.tsv").write_text(f"{HEAD}1\tc\n1\tb\n2\ta\n")
    return tmp_path


def ranking() -> pl.DataFrame:
    """Every user finds a, b, c, d in this order."""
    rows = [(user, doc, -place) for user in "12" for place, doc in enumerate("abcd")]
    return pl.DataFrame(rows, ["query_id", "doc_id", "score"], orient="row")


def test_items_of_other_splits_are_not_ranked_and_a_leak_stays(plays: Path) -> None:
    test = load(f"{plays}@test")
    found = neg.evaluate(ranking(), test, metrics=["RR", "NumRet"])
    # User 1 had a, so that b comes first, which is in both splits; user 2 had b and d.
    assert found.per_query["RR"].to_list() == [1.0, 1.0]
    assert found.per_query["NumRet"].to_list() == [3, 2]
    assert found.figures["known elsewhere"] == {"pairs": 3, "splits": ["train", "valid"]}
    said = "1 of 3 positives are positives of another split too: a leak"
    assert any(said in note for note in found.figures["notes"])
    kept = neg.evaluate(ranking(), test, metrics=["RR"], known="keep")
    assert kept.per_query["RR"].to_list() == [0.5, 1.0]
    assert kept.figures["known elsewhere"] is None


def test_what_is_known_elsewhere_is_what_a_loop_finds() -> None:
    draw = np.random.default_rng(3)
    splits = []
    for name in ("test", "train", "valid"):
        pairs = {(f"q{q}", f"d{d}") for q, d in draw.integers(0, 9, (30, 2)).tolist()}
        ids = {f"{side}{n}": "" for side in "qd" for n in range(9)}
        made = collection(
            {key: "x" for key in ids if key[0] == "d"},
            {key: "x" for key in ids if key[0] == "q"},
            [(query, doc, 1) for query, doc in sorted(pairs)],
        )
        splits.append(neg.Collection(**{**made.__dict__, "split": name, "identity": "id"}))
    test, *others = splits
    own = {*test.positives.rows()}
    theirs = [{*other.positives.rows()} for other in others]
    found = Elsewhere.of(test, others)
    for query in range(len(test.queries)):
        every = {doc for pairs in theirs for q, doc in pairs if q == query}
        assert set(found.docs[query].tolist()) == {d for d in every if (query, d) not in own}
    assert found.leaked == sum(len(own & pairs) for pairs in theirs)
    for doc in range(len(test.corpus)):
        assert found.counts[doc] == sum(d == doc for pairs in theirs for _, d in pairs)


def test_nothing_is_known_elsewhere_of_texts_unless_it_is_asked_for() -> None:
    data = collection({"a": "wing", "b": "wing flow"}, {"q": "wing"}, [("q", "b", 1)])
    train = collection({"a": "wing", "b": "wing flow"}, {"q": "wing"}, [("q", "a", 1)])
    plain = neg.evaluate("bm25", data, metrics=["RR"])
    assert plain.figures["known elsewhere"] is None
    without = neg.evaluate("bm25", data, metrics=["RR"], protocols=[WithoutKnown((train,))])
    assert (plain.per_query["RR"][0], without.per_query["RR"][0]) == (0.5, 1.0)


def test_queries_are_parted_by_how_popular_their_positives_were(plays: Path) -> None:
    found = neg.evaluate(ranking(), f"{plays}@test", metrics=["RR"], slices=True)
    groups = found.slices.filter(pl.col("by") == "popularity of its positives")
    # b was had twice in the other splits, c never, and a once: the lower of 0 and 2 is 0.
    assert groups.select("group", "queries").rows() == [("0", 1), ("1", 1)]


def test_a_sampled_metric_is_refused_with_the_reason() -> None:
    data = collection({"a": "wing"}, {"q": "wing"}, [("q", "a", 1)])
    for name in ("sampled_nDCG@10", "HR(negatives=99)@10", "nDCG(neg=100)@10"):
        with pytest.raises(InputError, match=r"sampled ranking.*Krichene and Rendle"):
            neg.evaluate("bm25", data, metrics=[name])
    with pytest.raises(InputError, match="did you mean 'Success@10'"):
        neg.evaluate("bm25", data, metrics=["HR@10"])


def test_the_command_says_what_it_left_out(plays: Path, tmp_path: Path) -> None:
    run = tmp_path / "ranking.run"
    lines = [f"{q} Q0 {d} {1 - s:.0f} {s:.0f} x" for q, d, s in ranking().iter_rows()]
    run.write_text("\n".join(lines) + "\n")
    said = negatives("evaluate", run, f"{plays}@test", "--metric", "RR")
    assert "known elsewhere: 3 pairs, relevant by train and valid, are not ranked" in said.stdout
    kept = negatives("evaluate", run, f"{plays}@test", "--metric", "RR", "--known", "keep")
    assert "known elsewhere" not in kept.stdout
