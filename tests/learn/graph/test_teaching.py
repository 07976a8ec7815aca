"""Models of knowledge graphs: trained by a command, measured by filtered ranks, opened again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import polars as pl
import pytest

pytest.importorskip("pykeen")
pytest.importorskip("numba")

from safetensors.numpy import load_file

from negatives.learn.graph.measuring import _border, evaluate_graph, scores_of
from negatives.learn.graph.model import GraphModel
from negatives.learn.train import train
from negatives.machine import MODEST
from tests.cli.commands import negatives

PEOPLE = [f"p{n}" for n in range(8)]
PLACES = ["oslo", "rome"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("graph")
    born = [(each, "born in", PLACES[n % 2]) for n, each in enumerate(PEOPLE)]
    knows = [(each, "knows", PEOPLE[(n + 2) % 8]) for n, each in enumerate(PEOPLE)]
    rows = {
        "train": [*born[:7], *knows[:7]],
        "valid": [knows[7]],
        "valid_negatives": [("p0", "born in", "rome"), ("p1", "knows", "oslo")],
        "test": [born[7]],
        "test_negatives": [("p7", "born in", "oslo")],
    }
    for name, triples in rows.items():
        lines = ["head\trelation\ttail", *("\t".join(each) for each in triples)]
        (folder / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="module")
def model(graph: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models") / "kg"
    done = negatives(
        "train", graph, "--kind", "kg", "--out", out, "--steps", "12",
        "--set", "train.dim=4", "--set", "train.architecture=DistMult",
        "--set", "train.evaluate=12",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.mark.slow
@pytest.mark.recipe("self-adversarial")
def test_a_command_trains_measures_and_writes_vectors(graph: Path, model: Path) -> None:
    account = msgspec.json.decode((model / "training.json").read_bytes())
    assert account["steps"] == 12
    assert account["examples"] == 14
    assert set(account["measured"]) == {"valid", "test"}
    assert account["negatives"]["drawn"][0]["kind"] == "random"
    tables = load_file(model / "vectors.safetensors")
    assert tables["entities"].shape == (10, 4)
    assert tables["relations"].shape == (2, 4)
    entities = pl.read_parquet(model / "entities.parquet")
    assert entities["id"].to_list() == sorted([*PEOPLE, *PLACES])
    again = negatives("train", graph, "--kind", "kg", "--out", model, "--steps", "9")
    assert again.returncode == 2
    assert "it differs in: recipe" in again.stderr


@pytest.mark.slow
def test_a_model_is_measured_by_filtered_ranks_and_by_false_triples(
    graph: Path, model: Path
) -> None:
    found = evaluate_graph(model, f"{graph}@test", MODEST)
    made = GraphModel.load(model)
    number = made.numbering.entity_to_id
    of_relation = made.numbering.relation_to_id["born in"]

    def rank(side: int, right: str, but: set[str]) -> float:
        """By hand: better ones, and half of those that are as good."""
        asked = [name for name in number if name not in but or name == right]
        rows = np.array([[number["p7"], of_relation, number["rome"]]] * len(asked), np.int64)
        rows[:, side] = [number[name] for name in asked]
        scores = scores_of(made, rows)
        own = scores[asked.index(right)]
        return float((scores > own).sum() + ((scores == own).sum() - 1) / 2 + 1)

    born_in_rome = {"p1", "p3", "p5"}
    ranks = [rank(0, "p7", born_in_rome), rank(2, "rome", set())]
    assert found["MRR"] == pytest.approx(np.mean([1 / each for each in ranks]), abs=1e-6)
    assert found["splits left out of ranks"] == ["train", "valid"]
    assert found["classification"]["false triples"] == 1
    assert found["classification"]["borders from"] == "valid"
    shown = negatives("evaluate", model, f"{graph}@test")
    assert shown.returncode == 0, shown.stderr
    assert "1 triple among 10 entities" in shown.stdout
    assert "filtered: other answers of this split and of train, valid" in shown.stdout
    for words in (
        ["--metric", "nDCG@10"], ["--slices"], ["--depth", "5"], ["--quarantine", "bad"],
        ["--without-self"], ["--without-copies"],
    ):  # fmt: skip
        ignored = negatives("evaluate", model, f"{graph}@test", *words)
        assert ignored.returncode == 2, words
        assert words[0] in ignored.stderr
        assert "MRR, hits@1, 3 and 10 and the mean rank are always shown" in ignored.stderr
    several = negatives("evaluate", model, f"{graph}@test", f"{graph}@valid")
    assert several.returncode == 2
    assert "where: more collections" in several.stderr
    other = negatives("evaluate", model, "cranfield")
    assert other.returncode == 2
    assert "these are no triples" in other.stderr


@pytest.mark.slow
def test_the_same_seed_comes_to_the_same_weights_by_any_source(graph: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "typed.toml"
    for kinds in ('kind = "typed"\nmix = 0.5', 'kind = "bernoulli"'):
        text = f'[[find]]\n{kinds}\n\n[pick]\nkind = "random"\n\n[train]\nkind = "kg"\n'
        text += "dim = 4\nsteps = 3\n"
        recipe.write_text(text)
        weights = []
        for name in ("one", "two"):
            out = tmp_path / f"{name}-{len(text)}"
            train(graph, out, recipe=recipe, look=False)
            weights.append((out / "model.safetensors").read_bytes())
        assert weights[0] == weights[1]


@pytest.mark.slow
def test_what_cannot_be_trained_is_refused_before_any_work(graph: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for words, said in (
        (["cranfield", "--kind", "kg"], "kg needs the entity of the queries"),
        (
            [graph, "--recipe=hyperpave", "--kind=kg", "--set=find.same-cluster.field=colour"],
            "same-cluster needs the colour of the documents",
        ),
        ([graph, "--kind", "kg", "--set", "train.architecture=TransX"], "did you mean 'Trans"),
        (
            [graph, "--kind", "kg", "--set", "learn.kind=multiple-negatives"],
            "needs more than scores",
        ),
        (
            [graph, "--kind", "kg", "--set", "train.negatives=0"],
            "learns nothing from triples alone",
        ),
    ):
        done = negatives("train", *words, "--out", out, "--steps", "2")
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert not (out / "training.json").exists()


def test_the_border_between_true_and_false_is_the_best_there_is() -> None:
    scores = np.array([3.0, 2.0, 1.0, 0.0], np.float32)
    for true, border in (
        ([True, True, False, False], 1.5),
        ([True, False, True, False], 2.5),
        ([False, False, False, True], np.nextafter(np.float32(3), np.float32(9))),
    ):
        assert _border(scores, np.array(true)) == pytest.approx(border)


@pytest.mark.slow
def test_it_starts_from_no_model_and_is_neither_compared_nor_trained_in_rounds(
    graph: Path, tmp_path: Path
) -> None:
    done = negatives(
        "compare", graph, "--kind", "kg", "--recipes", "self-adversarial", "lemon",
        "--seeds", "1", "--out", tmp_path / "compared",
    )  # fmt: skip
    assert done.returncode == 2
    assert "training of kind 'kg' starts from no model" in done.stderr
    assert "negatives train DATA --kind kg" in done.stderr
