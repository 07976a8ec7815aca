"""A run: what it leaves on disk, and that it depends on inputs, recipe and seed only."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import negatives as neg
from negatives.errors import DataError, InputError, RecipeError, RunError
from negatives.events import Event, Progress, Warned
from negatives.recipe import load_recipe, parse
from negatives.recipe_changes import override
from negatives.schema import DUPLICATE, ELIGIBLE, JUDGED_NEGATIVE, KEPT, POSITIVE, REJECTED
from negatives.stage import Picker
from tests.build import collection

SMALL = override(load_recipe("default"), ["find.bm25.top=20", "find.dense.top=20", "shard=60"])


@pytest.fixture(scope="module")
def cranfield() -> neg.Collection:
    return neg.Collection.load("cranfield")


@pytest.fixture(scope="module")
def run(cranfield: neg.Collection, tmp_path_factory: pytest.TempPathFactory) -> neg.Run:
    return neg.mine(cranfield, tmp_path_factory.mktemp("mine") / "run", recipe=SMALL)


def contents(path: Path) -> dict[str, bytes]:
    """The bytes that the design promises to be the same."""
    files = [*sorted((path / "candidates").iterdir()), path / "negatives.parquet"]
    return {file.name: file.read_bytes() for file in files}


@pytest.mark.slow
def test_a_run_directory_holds_what_the_contract_says(run: neg.Run) -> None:
    names = {entry.name for entry in run.path.iterdir() if not entry.name.startswith(".")}
    assert names == {
        "recipe.toml",
        "manifest.json",
        "candidates",
        "negatives.parquet",
        "report.html",
        "report.json",
    }
    assert not (run.path / ".work").exists()


@pytest.mark.slow
def test_the_recipe_written_is_complete_and_makes_the_same_run(
    run: neg.Run, cranfield: neg.Collection, tmp_path: Path
) -> None:
    written = parse((run.path / "recipe.toml").read_text())
    assert written.judge[0].kind == "known"
    again = neg.mine(cranfield, tmp_path / "again", recipe=written)
    assert contents(again.path) == contents(run.path)


def test_the_manifest_accounts_for_every_file_and_row(run: neg.Run) -> None:
    manifest = json.loads((run.path / "manifest.json").read_text())
    assert manifest["status"] == "done"
    ledger = run.candidates().collect()
    parts = {name: e["rows"] for name, e in manifest["files"].items() if "candidates" in name}
    assert sum(parts.values()) == len(ledger) == manifest["counts"]["candidates"]
    assert manifest["files"]["negatives.parquet"]["rows"] == len(run.negatives)
    assert {"polars", "numpy", "bm25s", "negatives"} <= set(manifest["versions"])
    assert manifest["stages"]["find dense"]["seconds"] > 0


def test_sources_that_are_asked_side_by_side_share_the_time_that_passed(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    began = time.perf_counter()
    made = neg.mine(cranfield, tmp_path / "run", recipe=SMALL, threads=3)
    passed = time.perf_counter() - began
    stages = made.manifest.stages
    assert 0 < sum(cost.seconds for cost in stages.values()) < passed


def test_every_row_is_kept_or_has_a_reason(run: neg.Run) -> None:
    ledger = run.candidates().collect()
    silent = ledger.filter(
        (pl.col("verdict") != ELIGIBLE) & ((pl.col("reason") == "") | (pl.col("rule") == ""))
    )
    assert silent.is_empty()
    by_verdict = dict(ledger.group_by("verdict").len().iter_rows())
    kept = sum(by_verdict.get(verdict, 0) for verdict in KEPT)
    others = sum(by_verdict.get(verdict, 0) for verdict in (POSITIVE, DUPLICATE, REJECTED))
    assert kept + others == len(ledger)
    assert len(run.rejected) == by_verdict.get(DUPLICATE, 0) + by_verdict.get(REJECTED, 0)


def test_no_known_positive_and_no_textless_document_becomes_a_negative(
    run: neg.Run, cranfield: neg.Collection
) -> None:
    wrong = run.negatives.join(
        cranfield.qrels.filter(pl.col("relevance") > 0), on=["query_id", "doc_id"], how="semi"
    )
    assert wrong.is_empty()
    empty = cranfield.corpus[cranfield.empty_docs.tolist()]["doc_id"]
    assert len(empty) == 2
    proposed = run.candidates().collect().filter(pl.col("verdict") != POSITIVE)
    assert not proposed["doc_id"].is_in(empty.implode()).any()


def test_each_query_gets_distinct_negatives_numbered_from_zero(run: neg.Run) -> None:
    positions = run.negatives.group_by("query_id", maintain_order=True).agg(
        pl.col("position"), distinct=pl.col("doc_id").n_unique()
    )
    assert len(positions) == 225
    assert all(row["position"] == list(range(7)) for row in positions.iter_rows(named=True))
    assert (positions["distinct"] == 7).all()


def test_hardness_is_the_distance_to_the_lowest_positive_in_deviations(run: neg.Run) -> None:
    ledger = run.candidates().collect()
    deviation = ledger["dense_score"].cast(pl.Float64).std(ddof=0)
    for (_,), rows in ledger.group_by("query_id"):
        positives = rows.filter(pl.col("verdict") == POSITIVE)["dense_score"]
        expected = (rows["dense_score"].cast(pl.Float64) - positives.min()) / deviation
        assert (rows["hardness"] - expected).abs().max() < 1e-4  # type: ignore[operator]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{"threads": 1}, {"threads": 3}, {"memory": "16MB"}, {"memory": 2**30}]
)
def test_threads_and_memory_change_no_byte(
    run: neg.Run, cranfield: neg.Collection, tmp_path: Path, settings: dict[str, int]
) -> None:
    again = neg.mine(cranfield, tmp_path / "again", recipe=SMALL, **settings)  # type: ignore[arg-type]
    assert contents(again.path) == contents(run.path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["top", "random", "simans", "stratified"])
def test_the_size_of_a_shard_changes_no_negative(
    cranfield: neg.Collection, tmp_path: Path, kind: str
) -> None:
    recipe = override(load_recipe("bm25"), ["find.bm25.top=20"])
    picker = override(recipe, []).pick
    settings = [f"pick.per_query={picker.per_query}"]
    made = []
    for shard in (17, 225):
        resized = override(recipe, [*settings, f"shard={shard}"])
        resized = resized.with_pick(_picker(kind))
        made.append(neg.mine(cranfield, tmp_path / f"{shard}", recipe=resized).negatives)
    assert made[0].equals(made[1])


def _picker(kind: str) -> Picker:
    pickers: dict[str, Picker] = {
        "top": neg.Top(),
        "random": neg.RandomPick(),
        "simans": neg.SimANS(),
        "stratified": neg.Stratified(),
    }
    return pickers[kind]


@pytest.mark.slow
def test_another_seed_draws_other_negatives(cranfield: neg.Collection, tmp_path: Path) -> None:
    drawn = [
        neg.mine(
            cranfield,
            tmp_path / str(seed),
            sources=[neg.BM25(top=50)],
            pick=neg.RandomPick(per_query=3),
            seed=seed,
        ).negatives
        for seed in (0, 1)
    ]
    assert not drawn[0].equals(drawn[1])


def test_mining_a_finished_run_again_does_nothing(run: neg.Run, cranfield: neg.Collection) -> None:
    events: list[Event] = []
    before = (run.path / "manifest.json").stat().st_mtime_ns
    neg.mine(cranfield, run.path, recipe=SMALL, emit=events.append)
    assert (run.path / "manifest.json").stat().st_mtime_ns == before
    assert events == []


@pytest.mark.slow
def test_progress_reaches_its_total_and_warnings_are_kept(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    events: list[Event] = []
    made = neg.mine(cranfield, tmp_path / "run", recipe="bm25", emit=events.append)
    last = {event.stage: event for event in events if isinstance(event, Progress)}
    assert last["find"].done == last["find"].total == 225
    said = [event.text for event in events if isinstance(event, Warned)]
    assert said == made.manifest.warnings
    assert any("2 documents have no text" in text for text in said)


@pytest.mark.slow
def test_repicking_gives_what_mining_with_that_picker_gives(
    run: neg.Run, cranfield: neg.Collection, tmp_path: Path
) -> None:
    mined = neg.mine(
        cranfield, tmp_path / "direct", recipe=SMALL.with_pick(neg.SimANS(per_query=3))
    )
    other = neg.mine(cranfield, tmp_path / "other", recipe=SMALL)
    repicked = other.repick(neg.SimANS(per_query=3))
    assert contents(repicked.path) == contents(mined.path)
    assert repicked.recipe.pick == neg.SimANS(per_query=3)
    assert repicked.manifest.counts.asked == 3 * 225


def test_a_run_can_find_its_collection_again(run: neg.Run) -> None:
    assert neg.Run(run.path).collection.corpus.equals(neg.Collection.load("cranfield").corpus)


def test_more_negatives_than_there_are_is_a_shortfall_with_its_cause(tmp_path: Path) -> None:
    data = collection(
        {"a": "alpha beam", "b": "beta beam", "c": "gamma beam", "d": "delta beam"},
        {"q": "alpha beam"},
        [("q", "a", 1)],
    )
    made = neg.mine(data, tmp_path / "run", sources=[neg.Random(top=9)], pick=neg.Top(per_query=50))
    assert len(made.negatives) == 3
    [short] = made.shortfall
    assert (short["cause"], short["queries"], short["missing"]) == ("corpus", 1, 47)
    assert short["fix"] == "ask for fewer than 50 with --per-query"


def test_a_pool_that_is_too_small_is_a_shortfall_mended_by_a_deeper_search(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    made = neg.mine(cranfield, tmp_path / "run", sources=[neg.Random(top=3)], pick=neg.Top())
    [short] = made.shortfall
    assert (short["cause"], short["queries"], short["missing"]) == ("candidates", 225, 4 * 225)
    assert "raise `top` of random (now 3)" in short["fix"]


@pytest.mark.slow
def test_a_wrong_name_is_found_before_anything_is_done_and_leaves_nothing(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    for judges, pick in (
        ([neg.Margin(scorer="dence")], neg.Top()),
        ([neg.Margin(0.1), neg.Margin(0.2)], neg.Top()),
        ([], neg.Top(by="hardnes")),
        ([], neg.Quotas(quotas={"bm52": 3})),
    ):
        events: list[Event] = []
        with pytest.raises(RecipeError):
            neg.mine(
                cranfield,
                tmp_path / "run",
                sources=[neg.BM25(), neg.Dense()],
                judges=judges,
                pick=pick,
                emit=events.append,
            )
        assert not any(isinstance(event, Progress) for event in events)
        assert not (tmp_path / "run").exists()


def test_an_encoder_or_vectors_that_are_not_there_are_found_before_anything_is_done(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    nowhere = str(tmp_path / "nowhere")
    file = f"{nowhere}.npy"
    for absent in (
        neg.Dense(encoder=nowhere),
        neg.Dense(encoder=f"parts:{nowhere}"),
        neg.Dense(encoder=f"{nowhere}.onnx?int8"),
        neg.Dense(encoder="precomputed", query_vectors=file, doc_vectors=file),
    ):
        events: list[Event] = []
        with pytest.raises(DataError, match=r"there (is no encoder|are no vectors)"):
            neg.mine(cranfield, tmp_path / "run", sources=[neg.BM25(), absent], emit=events.append)
        assert not any(isinstance(event, Progress) for event in events)
        assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_after_another_policy_the_old_command_no_longer_fits(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    made = neg.mine(cranfield, tmp_path / "run", recipe="bm25")
    made.repick(neg.Top(per_query=2, by="bm25_score"))
    with pytest.raises(RunError, match="negatives pick RUN"):
        neg.mine(cranfield, tmp_path / "run", recipe="bm25")


@pytest.mark.slow
def test_a_rule_that_starves_the_trainer_is_named_with_its_mend(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    made = neg.mine(
        cranfield,
        tmp_path / "run",
        sources=[neg.BM25(top=20)],
        judges=[neg.PercentOfPositive(0.5)],
    )
    short = {entry["cause"]: entry for entry in made.shortfall}
    assert "percent-of-positive" in short
    assert "raise percent-of-positive percent above 0.5" in short["percent-of-positive"]["fix"]
    missing = sum(entry["missing"] for entry in made.shortfall)
    assert made.manifest.counts.asked - len(made.negatives) == missing


def test_judged_negatives_survive_every_rule_of_score(tmp_path: Path) -> None:
    data = collection(
        {"p": "solar wind", "n": "solar wind pressure model", "x": "lunar dust"},
        {"q": "solar wind pressure"},
        [("q", "p", 1), ("q", "n", 0)],
    )
    made = neg.mine(
        data, tmp_path / "run", sources=[neg.BM25()], judges=[neg.PercentOfPositive(0.01)]
    )
    ledger = {row["doc_id"]: row for row in made.candidates().collect().iter_rows(named=True)}
    assert ledger["n"]["verdict"] == JUDGED_NEGATIVE
    assert made.negatives["doc_id"].to_list() == ["n"]


def test_another_recipe_is_refused_and_says_what_differs(
    run: neg.Run, cranfield: neg.Collection
) -> None:
    before = contents(run.path)
    with pytest.raises(RunError) as refused:
        neg.mine(cranfield, run.path, recipe=override(SMALL, ["find.bm25.top=21"]))
    assert "differs in: recipe find" in str(refused.value)
    assert "--overwrite" in str(refused.value)
    with pytest.raises(RunError, match="negatives pick RUN applies another picker"):
        neg.mine(cranfield, run.path, recipe=SMALL.with_pick(neg.Top(per_query=2)))
    assert contents(run.path) == before


def test_what_is_only_said_of_a_recipe_makes_no_other_run(
    run: neg.Run, cranfield: neg.Collection
) -> None:
    before = contents(run.path)
    again = replace(SMALL, name="other", about="words", paper="words", differs="words")
    made = neg.mine(cranfield, run.path, recipe=again)
    assert contents(made.path) == before
    assert made.recipe.about == SMALL.about, "it was mined under these words"


@pytest.mark.slow
def test_other_data_is_refused_and_overwriting_replaces_it(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    data = collection({"a": "one thing", "b": "one other"}, {"q": "one"}, [("q", "a", 1)])
    neg.mine(data, tmp_path / "run", recipe="bm25")
    with pytest.raises(RunError, match="corpus, queries, qrels"):
        neg.mine(cranfield, tmp_path / "run", recipe="bm25")
    made = neg.mine(cranfield, tmp_path / "run", recipe="bm25", overwrite=True)
    assert made.manifest.counts.queries == 225


def test_a_folder_with_something_else_in_it_is_left_alone(
    cranfield: neg.Collection, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"holds no run: thesis\.tex"):
        neg.mine(cranfield, tmp_path, recipe="bm25", overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_unfinished_run_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run here"):
        neg.Run(tmp_path)


def test_memory_is_given_in_words(cranfield: neg.Collection, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="such as 512MB or 2GB"):
        neg.mine(cranfield, tmp_path / "run", memory="lots")
    assert not (tmp_path / "run" / "manifest.json").exists()
