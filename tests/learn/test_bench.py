"""bench: recipes side by side with equal means, and why some are not among them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from negatives.errors import InputError, RunError, WorkError
from negatives.learn.bench.applies import with_models
from negatives.learn.bench.bench import bench, exchanges
from negatives.learn.bench.choice import GROUPS, asked, chosen
from negatives.learn.bench.in_turn import refuse_all_failed
from negatives.learn.bench.their_miner import NAME, by_id
from negatives.learn.bench.trained import Fair
from negatives.learn.settings import Training
from negatives.measure.hidden import delivered, half, summed
from negatives.measure.significance import holm
from negatives.read import load
from negatives.recipe import Recipe, load_recipe, shipped
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.show.bench import bench_page, bench_table
from tests.cli.commands import negatives

pytest.importorskip("sentence_transformers")

FEW = ("train.steps=3", "train.batch_size=16", "train.learning_rate=0.05")
BASELINES = ["none", "naive top", "random"]


@pytest.fixture(scope="module")
def cranfield() -> Collection:
    """Thirty queries of the bundled collection."""
    whole = load("cranfield")
    kept = whole.qrels["query_id"].unique().sort().head(30).implode()
    return replace(whole, qrels=whole.qrels.filter(pl.col("query_id").is_in(kept)), origin="")


def trained(folder: Path, recipes: Any, out: Path, static: str, **options: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"model": static, "seeds": 1, "per_query": 2, "changes": FEW}
    return bench(folder, recipes, out, threads=1, **(settings | options)).figures


# ---- which -----------------------------------------------------------------------------------


def test_groups_are_all_what_only_mines_what_trains_and_what_recipes_are_for() -> None:
    assert {"all", "mining", "training", "false-negatives", "loss"} <= {*GROUPS}
    groups = ("all", "mining", "training", "false-negatives")
    named = {group: _names(chosen([group], 10)) for group in groups}
    assert named["all"] == list(shipped())
    assert sorted(named["mining"] + named["training"]) == named["all"]
    assert all(load_recipe(name).trains for name in named["training"])
    assert "nv-retriever" in named["false-negatives"]
    assert chosen(["bm25", "baseline"], 5)[0][0].name == "bm25"
    assert {each.pick.per_query for each in chosen(["baseline"], 5)[0]} == {5}
    made, refused = chosen(["skill-extraction", "bm25"], 5)
    assert [each.name for each in made] == ["bm25"]
    assert refused["skill-extraction"].startswith("cannot have 5 negatives a query: ")


def _names(made: tuple[list[Recipe], dict[str, str]]) -> list[str]:
    return sorted([*(each.name for each in made[0]), *made[1]])


def test_what_is_no_recipe_is_told_the_nearest_and_the_groups() -> None:
    with pytest.raises(InputError, match="no recipe and no group 'simanz'") as error:
        chosen(["simanz"], 5)
    assert "simans" in error.value.fix
    assert "false-negatives" in error.value.fix
    with pytest.raises(InputError, match="called as one of the baselines: random"):
        chosen([replace(load_recipe("bm25"), name="random")], 5)
    with pytest.raises(InputError, match="no recipe is named"):
        chosen([], 5)


def test_another_model_takes_the_place_of_one_that_recipes_name() -> None:
    use = exchanges(["http://127.0.0.1:8080/v1#model=http://127.0.0.1:1/v1#mine"])
    made = with_models(load_recipe("multi-judge-debate"), use)
    assert [model.partition("#")[2] for model in made.judge[-1].opens] == [
        "mine", "mine", "second", "third",
    ]  # fmt: skip
    rounds = load_recipe("ar2").round
    assert [model for each in rounds for model in each.opens if model == "retriever"] == []
    assert load_recipe("weaver").estimate.opens == ()  # type: ignore[union-attr]
    with pytest.raises(InputError, match="not NAME=OTHER: 'alone'"):
        exchanges(["alone"])


# ---- hidden positives ------------------------------------------------------------------------


def test_half_of_the_positives_are_hidden_and_queries_with_one_left_out(
    cranfield: Collection,
) -> None:
    visible, hidden = half(cranfield, 0)
    positives = cranfield.qrels.filter(pl.col("relevance") > 0)
    for query, count in positives.group_by("query_id").len().iter_rows():
        here = len(visible.qrels.filter(pl.col("query_id") == query))
        gone = len(hidden.filter(pl.col("query_id") == query))
        assert (here, gone) == ((0, 0) if count < 2 else (count - count // 2, count // 2))
    alone = replace(cranfield, qrels=visible.qrels.unique("query_id"))
    with pytest.raises(InputError, match="no query has two positives"):
        half(alone, 0)


def test_what_is_delivered_is_counted_as_loops_count_it(cranfield: Collection) -> None:
    import numpy as np

    visible, hidden = half(cranfield, 0)
    draw = np.random.default_rng(0)
    sides = (len(cranfield.queries), len(cranfield.corpus))
    queries, docs = (draw.standard_normal((n, 4)).astype(np.float32) for n in sides)
    ids = visible.qrels["query_id"].unique().sort().to_list()[:-1]  # the last has none
    negatives = pl.DataFrame(
        [(query, doc) for query in ids for doc in cranfield.corpus["doc_id"].to_list()[:40:7]]
        + [(ids[0], "gen:written")],
        schema=["query_id", "doc_id"],
        orient="row",
    )
    negatives = pl.concat([negatives, hidden.filter(pl.col("query_id").is_in(ids))])
    negatives = negatives.unique(maintain_order=True)
    found = delivered(visible, hidden, negatives, (queries, docs))
    truth = set(hidden.iter_rows())
    places = [dict(zip(frame[key], range(len(frame)), strict=True)) for frame, key in
              ((cranfield.queries, "query_id"), (cranfield.corpus, "doc_id"))]  # fmt: skip

    def score(query: str, doc: str) -> float:
        return float(queries[places[0][query]] @ docs[places[1][doc]])

    for row in found.iter_rows(named=True):
        own = [doc for query, doc in negatives.iter_rows() if query == row["query_id"]]
        known = visible.qrels.filter(pl.col("query_id") == row["query_id"])["doc_id"]
        lowest = min(score(row["query_id"], doc) for doc in known)
        scored = [score(row["query_id"], doc) for doc in own if not doc.startswith("gen:")]
        assert row["delivered"] == len(own)
        assert row["false"] == sum((row["query_id"], doc) in truth for doc in own)
        assert row["scored"] == len(scored)
        assert row["above"] == pytest.approx(sum(scored) - lowest * len(scored), abs=1e-4)
    total = summed([found], asked=10, deviation=2.0)
    assert total.coverage == pytest.approx(len(negatives) / (10 * len(found)))
    assert total.low <= total.false_share <= total.high


@pytest.mark.slow
def test_recipes_that_mine_are_measured_by_hidden_positives(
    cranfield: Collection, tmp_path: Path
) -> None:
    names = ["bm25", "nv-retriever", "star", "inverse-cloze", "umbrela"]
    made = bench(cranfield, names, tmp_path / "b", seeds=1, threads=1).figures
    rows = {row["recipe"]: row for row in made["rows"]}
    assert list(rows) == ["random", "naive top", NAME, "bm25", "nv-retriever"]
    assert made["left_out"] == {
        "star": "says how a model is trained: it is measured by training",
        "inverse-cloze": "writes queries of its own, which have no positives that could be hidden",
        "umbrela": "needs http://127.0.0.1:8080/v1#model, where nothing answers",
    }
    assert rows["naive top"]["false_share"] > rows["random"]["false_share"]
    assert rows["nv-retriever"]["coverage"] < rows["bm25"]["coverage"] == 1
    assert rows["random"]["hardness"] < 0 < rows["naive top"]["hardness"]
    tested = [row["test"] for row in made["rows"] if "test" in row]
    assert "test" not in rows["naive top"]
    assert [test["p_holm"] for test in tested] == pytest.approx(
        holm([test["p"] for test in tested]), abs=1e-4
    )
    table = bench_table(made)
    assert table.startswith("half of the positives of cranfield@test hidden")
    assert "umbrela: needs http://127.0.0.1:8080/v1#model, where nothing answers" in table
    page = (tmp_path / "b" / "bench.md").read_text("utf-8")
    assert page == bench_page(made, "bench.svg")
    assert "- `bm25`: The highest-ranked lexical matches" in page
    drawn = ElementTree.parse(tmp_path / "b" / "bench.svg").getroot()
    marks = drawn.findall("{http://www.w3.org/2000/svg}circle")
    assert len(marks) == len(rows)


def test_what_is_asked_of_a_training_is_refused_where_none_is_carried_out(
    cranfield: Collection, tmp_path: Path
) -> None:
    asked: list[dict[str, Any]] = [
        {"changes": ["train.steps=9"]},
        {"changes": ["learn.temperature=0.2"]},
        {"kind": "reranker"},
        {"on": cranfield},
    ]
    for options in asked:
        with pytest.raises(InputError, match="is about a training") as caught:
            bench(cranfield, ["bm25"], tmp_path / "b", measure="hidden", **options)
        assert "say --measure trained" in str(caught.value)
    with pytest.raises(InputError, match="to train, negatives data split"):
        bench(cranfield, ["bm25"], tmp_path / "b", changes=["train.seconds=5"])
    done = negatives(
        "bench", "cranfield", "--recipes", "bm25", "--out", tmp_path / "b", "--steps", "9"
    )
    assert "hidden, and train.steps=9 is about a training" in done.stderr
    assert not (tmp_path / "b").exists()


# ---- trained ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench") / "b"


@pytest.fixture(scope="module")
def made(folder: Path, static: str, out: Path) -> dict[str, Any]:
    return trained(folder, ["bm25", "hcl", "gpl", "detective", "dice-loss"], out, static)


def test_how_vectors_are_compared_is_the_models_and_not_the_recipes() -> None:
    table, kept = Fair("static", "static-embedding", (), 3), Fair("static", "encoder", (), 3)
    for name in ("ance", "star", "demonstration-retrieval", "adore"):
        own = load_recipe(name).learn.settings()  # type: ignore[union-attr]
        cosine = table(load_recipe(name)).learn.settings()  # type: ignore[union-attr]
        assert own["similarity"] == "dot"
        assert (cosine["similarity"], cosine["temperature"]) == ("cosine", 0.05)
        assert kept(load_recipe(name)).learn.settings() == own  # type: ignore[union-attr]
    # Margins of a teacher have the teacher's scale, and what says cosine has its own temperature.
    assert table(load_recipe("gpl")).learn.similarity == "dot"  # type: ignore[union-attr]
    assert table(load_recipe("hcl")).learn == load_recipe("hcl").learn


def test_a_list_that_every_epoch_draws_from_keeps_its_length() -> None:
    fair = Fair("static", "static-embedding", (), 3)
    for name, listed, learned in (("t2ranking", 200, 1), ("bm25", 3, 3)):
        made = fair(asked(load_recipe(name), 3))
        learns = cast("Training", made.train)
        assert (made.pick.per_query, learns.negatives) == (listed, learned)
        assert "train.negatives" not in made.stated - load_recipe(name).stated
    own = Fair("static", "static-embedding", ("pick.per_query=50",), 3)
    assert own(asked(load_recipe("t2ranking"), 3)).pick.per_query == 50


@pytest.mark.slow
def test_the_baselines_are_always_there_and_all_have_equal_means(made: dict[str, Any]) -> None:
    rows = {row["recipe"]: row for row in made["rows"]}
    assert list(rows) == [*BASELINES, "bm25", "hcl"]
    assert {row["steps"] for row in made["rows"]} == {3}
    assert made["against"] == "naive top"
    assert [name for name in rows if "test" not in rows[name]] == ["naive top"]
    # Of data as small as these the other miner looks at no rank.
    assert made["failed"] == {NAME: "it delivered no negative at all"}
    assert set(made["left_out"]) == {"gpl", "detective", "dice-loss"}
    assert "text-ranking" in made["left_out"]["dice-loss"]
    assert "cross-encoder/ms-marco-MiniLM-L-6-v2" in made["left_out"]["gpl"]


@pytest.mark.slow
def test_more_recipes_are_added_to_what_is_done(
    made: dict[str, Any], folder: Path, static: str, out: Path
) -> None:
    done = {path: path.stat().st_mtime_ns for path in out.rglob("seed-0.parquet")}
    more = trained(folder, ["bm25", "hcl", "simans"], out, static)
    assert [row["recipe"] for row in more["rows"]] == [*BASELINES, "bm25", "hcl", "simans"]
    assert {path: path.stat().st_mtime_ns for path in done} == done
    before = {row["recipe"]: row["mean"] for row in made["rows"]}
    assert {row["recipe"]: row["mean"] for row in more["rows"] if row["recipe"] in before} == before
    said = replace(load_recipe("bm25"), about="words", paper="words", differs="words")
    trained(folder, [said], out, static)
    assert {path: path.stat().st_mtime_ns for path in done} == done, "words change nothing"
    other = override(load_recipe("bm25"), ["find.bm25.top=7"])
    with pytest.raises(RunError, match="differs in: recipe bm25"):
        trained(folder, [other], out, static)
    with pytest.raises(RunError, match="differs in: measure"):
        bench(folder, ["bm25"], out, measure="hidden", model=static, threads=1)


@pytest.mark.slow
def test_what_a_training_warns_of_is_told_below_the_table(
    folder: Path, static: str, tmp_path: Path
) -> None:
    for _ in range(2):  # from the account too
        made = trained(folder, ["bm25", "dbpm"], tmp_path / "b", static)
        assert [*made["notes"]] == ["dbpm"]
        told = [note for note in made["notes"]["dbpm"] if "batch.weight changes nothing" in note]
        assert len(told) == 1
        assert f"\n  dbpm: note: {told[0]}" in bench_table(made)
        page = (tmp_path / "b" / "bench.md").read_text("utf-8")
        assert f"\nSaid of their trainings:\n\n- dbpm: note: {told[0]}" in page
    rows = bench_table(made).split("\n  dbpm: note: ")[0]
    assert bench_table(made | {"notes": {}}).startswith(rows)


@pytest.mark.slow
def test_after_so_long_no_other_recipe_is_begun(folder: Path, static: str, tmp_path: Path) -> None:
    first = trained(folder, ["bm25"], tmp_path / "b", static, stop_after=1e-9)
    assert [row["recipe"] for row in first["rows"]] == ["none", "naive top"]
    assert first["not_yet"] == [NAME, "random", "bm25"]
    assert "not yet; the same command goes on" in bench_table(first)
    assert trained(folder, ["bm25"], tmp_path / "b", static)["not_yet"] == []


@pytest.mark.slow
def test_a_recipe_that_fails_does_not_stop_the_others(
    folder: Path, static: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from negatives.learn.source import mined_run as mine

    def failing(collection: Any, out: Path, recipe: Recipe, *more: Any) -> Any:
        if recipe.name == "bm25":
            raise WorkError("no luck today")
        return mine(collection, out, recipe, *more)

    monkeypatch.setattr("negatives.learn.trainings.mined_run", failing)
    made = trained(folder, ["bm25", "simans"], tmp_path / "b", static)
    assert made["failed"]["bm25"] == "no luck today"
    assert [row["recipe"] for row in made["rows"]] == [*BASELINES, "simans"]
    assert not (tmp_path / "b" / "arms" / "bm25").exists()


def test_ids_of_what_the_other_miner_found_are_those_of_the_first_text(
    cranfield: Collection,
) -> None:
    queries, docs = cranfield.queries, cranfield.corpus
    mined = pl.DataFrame(
        {
            "query": [queries["text"][0]] * 2,
            "positive": [docs["text"][3]] * 2,
            "negative": [docs["text"][5]] * 2,
        }
    )
    assert by_id(mined, cranfield).rows() == [(queries["query_id"][0], docs["doc_id"][5])]


@pytest.mark.slow
def test_from_the_command_line(folder: Path, static: str, out: Path, made: dict[str, Any]) -> None:
    more = ["--model", static, "--seeds", "1", "--per-query", "2", "--steps", "3"]
    more += ["--batch-size", "16", "--set", "train.learning_rate=0.05", "--json"]
    done = negatives("bench", folder, "--recipes", "bm25", "--out", out, *more)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["measure"] == "trained"
    for words, said in (
        (["--recipes", "nonsense"], "no recipe and no group 'nonsense'"),
        (["--recipes", "bm25", "--seeds", "0"], "no seed is left"),
        (["--recipes", "bm25", "--per-query", "0"], "no negative a query is left"),
        (["--recipes", "bm25", "--model", "./nowhere"], "there is no model at './nowhere'"),
        (["--recipes", "bm25", "--use", "x"], "not NAME=OTHER"),
    ):
        wrong = negatives("bench", folder, *words, "--out", out.parent / "wrong")
        assert (wrong.returncode, said in wrong.stderr) == (2, True), wrong.stderr
        assert not (out.parent / "wrong").exists()


def test_where_all_that_was_asked_for_failed_that_is_an_error() -> None:
    baseline, asked = {"recipe": "random"}, {"recipe": "bm25"}
    why = {"umbrela": "no usable answer"}
    with pytest.raises(WorkError, match="could be measured: umbrela: no usable answer"):
        refuse_all_failed({"failed": why, "rows": [baseline]})
    for failed, rows in [
        (why, [baseline, asked]),
        ({NAME: "it delivered no negative at all"}, [baseline]),
        ({}, [baseline]),
    ]:
        refuse_all_failed({"failed": failed, "rows": rows})
