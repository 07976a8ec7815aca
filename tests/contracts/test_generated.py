"""Documents written for a run: judged, picked, exported, linted, trained with, reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.api import Run
from negatives.errors import DataError, RecipeError
from negatives.find.bm25 import BM25
from negatives.find.dense import Dense
from negatives.learn.training_set import of_run
from negatives.pick.quotas import Quotas
from negatives.pick.top import Top
from negatives.read import convert
from negatives.recipe import Recipe, from_settings
from negatives.run.inputs import collection_of
from negatives.schema import GENERATED, Collection
from tests.contracts.theirs import Negated
from tests.killing import kill_when, start_python

RECIPE = Recipe(
    find=(BM25(top=4), Dense(top=4)), make=(Negated(copies=2),), pick=Top(per_query=5), shard=3
)


@pytest.mark.slow
def test_what_was_written_is_in_the_ledger_and_changes_no_row_beside_it(
    tiny: Collection, tmp_path: Path
) -> None:
    plain = neg.mine(tiny, tmp_path / "plain", recipe=replace(RECIPE, make=()))
    run = neg.mine(tiny, tmp_path / "run", recipe=RECIPE)
    assert dict(run.generated.schema) == GENERATED
    first = run.generated.row(0, named=True)
    assert first["doc_id"] == "gen:negated:q1:1"
    assert first["text"].startswith("not ")
    assert (first["grade"], first["model"], first["seed"]) == (0, "rule", 0)
    ledger = run.candidates().collect()
    new = pl.col("doc_id").str.starts_with("gen:")
    assert ledger.filter(~new).equals(plain.candidates().collect())
    made = ledger.filter(new)
    assert made["doc_id"].sort().to_list() == run.generated["doc_id"].sort().to_list()
    assert made["sources"].to_list() == [["negated"]] * 8
    assert made["bm25_rank"].null_count() == made["p_relevant"].null_count() == 8
    assert made["hardness"].null_count() == made["dense_score"].null_count() == 0
    assert run.negatives.filter(new)["doc_id"].n_unique() == 8
    assert ledger.sort("query_id", "doc_id").equals(ledger)
    known = collection_of(run).corpus["doc_id"]
    assert ledger["doc_id"].is_in(known.implode()).all(), "every id resolves"
    assert "negated" in from_settings(run.recipe.settings()).to_toml()


@pytest.mark.slow
def test_it_is_exported_linted_learned_from_picked_again_and_reported(
    tiny: Collection, tmp_path: Path
) -> None:
    made = neg.mine(tiny, tmp_path / "run", recipe=RECIPE)
    run = Run(made.path, collection=tiny)
    run.export(tmp_path / "triplets.parquet", format="triplet")
    triplets = pl.read_parquet(tmp_path / "triplets.parquet")
    assert triplets["negative"].str.starts_with("not ").any()
    found = neg.lint(run.path, data=tiny), neg.lint(tmp_path / "triplets.parquet")
    for linted in found:
        errors = {each.rule for each in linted.findings if each.severity == "error"}
        assert errors <= {"near-duplicate-of-positive"}, "which a text with one more word is"
    examples = of_run(run, 5, "")
    texts = examples.collection.corpus["text"].gather(examples.negatives.ravel().clip(0))
    assert texts.str.starts_with("not not ").any()
    page = (run.path / "report.html").read_text()
    assert "Documents that were written for this run" in page
    assert "written by negated, rule" in page
    assert "gen:negated:q" in page
    run = run.repick(Top(per_query=1))
    assert (len(run.negatives), len(run.generated)) == (4, 8)


@pytest.mark.slow
def test_a_recipe_may_only_write_and_quotas_may_name_who_writes(
    tiny: Collection, tmp_path: Path
) -> None:
    alone = Recipe(make=(Negated(copies=2),), pick=Top(per_query=2))
    run = neg.mine(tiny, tmp_path / "alone", recipe=alone)
    assert run.negatives["doc_id"].str.starts_with("gen:negated:").all()
    assert len(run.negatives) == 8
    assert from_settings(run.recipe.settings()).find == ()
    mixed = replace(RECIPE, pick=Quotas(per_query=3, quotas={"negated": 1, "bm25": 2}))
    run = neg.mine(tiny, tmp_path / "mixed", recipe=mixed)
    written = pl.col("doc_id").str.starts_with("gen:").alias("written")
    first = run.negatives.group_by("query_id", maintain_order=True).agg(written)["written"]
    assert first.to_list() == [[True, False, False]] * 4
    with pytest.raises(RecipeError) as caught:
        run.repick(Quotas(per_query=3, quotas={"negate": 1}))
    assert str(caught.value) == (
        "quotas: nothing is called 'negate', by which it would pick\n"
        "  where: custom: pick\n"
        "  fix:   did you mean 'negated'?"
    )


@pytest.mark.slow
def test_a_damaged_table_of_it_is_made_again(tiny: Collection, tmp_path: Path) -> None:
    run = neg.mine(tiny, tmp_path / "run", recipe=RECIPE)
    table = run.path / "generated.parquet"
    before, size = table.read_bytes(), table.stat().st_size
    table.write_bytes(b"x" * size)
    run = neg.mine(tiny, tmp_path / "run", recipe=RECIPE)
    assert table.read_bytes() == before
    assert len(list((run.path / "candidates").iterdir())) == 2


def test_ids_that_would_be_taken_for_it_are_refused(tiny: Collection, tmp_path: Path) -> None:
    corpus = tiny.corpus.with_columns(doc_id=pl.lit("gen:") + pl.col("doc_id"))
    qrels = tiny.qrels.with_columns(doc_id=pl.lit("gen:") + pl.col("doc_id"))
    odd = replace(tiny, corpus=corpus, qrels=qrels, given=tiny.given.clear())
    with pytest.raises(DataError, match="8 documents have ids that begin with gen:"):
        neg.mine(odd, tmp_path / "run", recipe=RECIPE)
    assert not (tmp_path / "run").exists()


KILLED = """
import sys
sys.path.insert(0, sys.argv[3])
import negatives as neg
from tests.contracts.test_generated import RECIPE
neg.mine(sys.argv[1], sys.argv[2], recipe=RECIPE)
"""


@pytest.mark.slow
def test_killed_while_it_writes_and_started_again_it_ends_with_the_same_bytes(
    tiny: Collection, tmp_path: Path
) -> None:
    data = convert(tiny, tmp_path / "data")
    whole = neg.mine(data, tmp_path / "whole", recipe=RECIPE).path
    for number, name in enumerate((".work/made/negated-00000.parquet",
                                   "candidates/part-00000-generated.parquet",
                                   "generated.parquet")):  # fmt: skip
        run = tmp_path / f"run-{number}"
        kill_when(start_python(KILLED, data, run, tmp_path / "site"), (run / name).exists)
        neg.mine(data, run, recipe=RECIPE)
        for path in whole.rglob("*.parquet"):
            again = run / path.relative_to(whole)
            assert again.read_bytes() == path.read_bytes(), path.name
        assert sorted(p.name for p in run.rglob("*")) == sorted(p.name for p in whole.rglob("*"))
