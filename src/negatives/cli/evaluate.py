"""negatives evaluate: how good a model or a run is, how sure that is, and where it is good."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from negatives.cli.data_options import NOTHING_SAID, DataOptions
from negatives.cli.options import Flag
from negatives.cli.output import OptionalFile
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_json
from negatives.cli.telling import telling

if TYPE_CHECKING:
    from negatives.find.dense import Dense
    from negatives.measure.evaluation import Setting
    from negatives.read.quarantine import Quarantine

DEPTH, TOP, SURE = 1000, 100, 0.95
"""How many documents are ranked of a query and put in order anew, and how sure intervals are."""
OF_ONE = (  # options of what is measured on one collection
    "--per-query", "--slices", "--condensed", "--protocol", "--trained-on", "--query-times",
    "--doc-times", "--query-vectors", "--doc-vectors",
)  # fmt: skip
Names = Annotated[list[str] | None, Parameter(negative="")]


def evaluate(
    model: str,
    data: str,
    /,
    *more: str,
    metric: Names = None,
    per_query: OptionalFile = None,
    save_run: Path | None = None,
    depth: int = DEPTH,
    rerank: str | None = None,
    top: int = TOP,
    condensed: Flag = False,
    slices: Flag = False,
    run: Path | None = None,
    protocol: Literal["interpolation", "extrapolation"] | None = None,
    trained_on: str | None = None,
    query_times: Path | None = None,
    doc_times: Path | None = None,
    without_self: Flag = False,
    without_copies: Flag = False,
    known: Literal["leave-out", "keep"] | None = None,
    retrained: str | None = None,
    unseen: str | None = None,
    between: str | None = None,
    query_prompt: str = "",
    doc_prompt: str = "",
    similarity: Literal["cosine", "dot"] = "cosine",
    query_vectors: str = "",
    doc_vectors: str = "",
    api_key: str = "",
    confidence: float = SURE,
    seed: int = 0,
    resources: Resources = EVERYTHING,
    reading: DataOptions = NOTHING_SAID,
    json: Flag = False,
) -> None:
    """How well MODEL finds what is relevant in DATA, how sure that is, and where it is good.

    Examples:

        negatives evaluate static cranfield

        negatives evaluate my-model beir@test --metric nDCG@10 --metric R@100

        negatives evaluate model.run my-beir-folder@test --per-query values.csv

        negatives evaluate model.run qrels.txt --metric AP

        negatives evaluate my-reranker cranfield --rerank bm25 --top 100

        negatives evaluate my-model DATA@test --trained-on DATA@train \\
            --protocol extrapolation

        negatives evaluate my-model labels@test --metric PSP@5 --metric P@1

        negatives evaluate static scifact nfcorpus fiqa --save-run runs

        negatives evaluate my-language-model tofu@forget01 --retrained control

    Parameters
    ----------
    model
        `bm25`, `static`, a .onnx file, a sentence-transformers folder or name (an encoder, dense
        or sparse; with --rerank a cross-encoder), onnx:NAME to export a dense one once,
        http://host/v1#model, `precomputed`, or a TREC run's file; a folder that
        `negatives train --kind kg` made; or a causal language model's folder: then how likely
        right and wrong responses are.
    data
        The collection; see `negatives --help`. DATA@test names a split. For a TREC run a file of
        qrels (TREC's or BEIR's) will do.
    more
        More collections: a table with a line each, and the mean, in which each counts once.
    metric
        A name as in ir-measures; may be repeated. nDCG@10, RR@10, R@100 and AP by default.
    per_query
        Write the values of each query to this file: .csv, .tsv, .jsonl or .parquet.
    save_run
        Keep the ranking in this file, as TREC's; of several collections, in this folder.
    depth
        Documents ranked for each query; 0 for all.
    rerank
        MODEL is a cross-encoder, and puts in order what this one ranks: `bm25`, a run, ...
    top
        With --rerank: so many of each query.
    condensed
        Measure too without the documents that nobody has judged.
    slices
        By the queries' length, by how many positives they have, and by what else is given.
    run
        With --slices: a run, for the sources that the queries' negatives are from.
    protocol
        Only the test queries nearer to the training queries, or only the farther half.
    trained_on
        What MODEL was trained on, such as DATA@train: for --protocol, and for metrics that ask how
        often a document is a positive there (PSP@5; without it the split train of DATA).
    query_times
        A file of query ids and times; with --doc-times only older documents can be found.
    doc_times
        A file of document ids and times.
    without_self
        No query finds the document of its own id.
    without_copies
        No query finds a document of its own text, unless that is judged relevant.
    known
        What other splits of DATA call relevant to a query is not ranked for it (leave-out), or
        is ranked (keep). Left out by default where documents go by their ids.
    retrained
        Of a language model: one that was never trained on what is to be forgotten.
    unseen
        Of a language model: responses that it never saw, to tell members by.
    between
        Of a language model: what stands between prompt and response; what it was
        trained with here, else a line end.
    query_prompt
        Put before each query.
    doc_prompt
        Put before each document.
    similarity
        Of vectors.
    query_vectors
        For `precomputed`: .npy, .safetensors or .parquet of the queries.
    doc_vectors
        For `precomputed`: .npy, .safetensors or .parquet of the documents.
    api_key
        For an endpoint: env:NAME of the variable.
    confidence
        How sure the intervals are.
    seed
        Of the draws behind the intervals.
    json
        Print the figures as JSON.
    """
    resources.limit_pools()
    from negatives.cli.evaluate_graph import evaluate_graph
    from negatives.cli.evaluate_in_turn import evaluate_in_turn
    from negatives.cli.evaluate_responses import evaluate_responses, refuse_responses
    from negatives.cli.listen import listening
    from negatives.errors import InputError
    from negatives.find.dense import Dense
    from negatives.learn.graph.model import is_graph_model
    from negatives.measure.evaluation import METRICS
    from negatives.measure.evaluation import evaluate as carry_out
    from negatives.measure.ranking import is_run_file, names_encoder
    from negatives.models.model_folder import is_language_model
    from negatives.read.quarantine import as_quarantine
    from negatives.read.table import check_table_path, write_table
    from negatives.show.evaluation import evaluation_lines

    of_rankings = {
        "more collections": more, "--metric": metric, "--per-query": per_query,
        "--save-run": save_run, "--depth": depth != DEPTH, "--rerank": rerank,
        "--top": top != TOP, "--condensed": condensed, "--slices": slices, "--run": run,
        "--protocol": protocol, "--trained-on": trained_on, "--query-times": query_times,
        "--doc-times": doc_times, "--without-self": without_self,
        "--without-copies": without_copies, "--known": known,
        "--query-prompt": query_prompt, "--doc-prompt": doc_prompt,
        "--similarity": similarity != "cosine", "--query-vectors": query_vectors,
        "--doc-vectors": doc_vectors, "--api-key": api_key,
        "--confidence": confidence != SURE, "--seed": seed,
    }  # fmt: skip
    of_responses = {"--retrained": retrained, "--unseen": unseen, "--between": between}
    if is_language_model(model):
        evaluate_responses(model, data, of_responses, of_rankings, resources, reading, json)
        return
    refuse_responses(of_responses)
    if is_graph_model(model):
        evaluate_graph(model, data, of_rankings, resources, reading, json)
        return
    if per_query is not None:
        check_table_path(per_query)
    if run is not None and not slices:
        raise InputError("--run parts the queries", fix="give --slices too")
    aside = as_quarantine(reading.quarantine)
    opened: str | Dense = model
    settings: dict[str, Any] = {
        "query_prompt": query_prompt,
        "doc_prompt": doc_prompt,
        "query_vectors": query_vectors,
        "doc_vectors": doc_vectors,
        "api_key": api_key,
    }
    if rerank is None and names_encoder(model):
        opened = Dense(encoder=model, similarity=similarity, **settings)
    elif any(settings.values()) or similarity != "cosine":
        raise InputError("prompts, vectors and keys are for encoders", fix="leave them out")
    if more:
        evaluate_in_turn(
            [data, *more], opened, metric, save_run, json, reading,
            depth=depth, rerank=rerank, top=top, confidence=confidence, seed=seed,
            **asdict(resources),
            alone={name: of_rankings[name] for name in OF_ONE},
            quarantine=aside,
            protocols=_left_out(without_self, without_copies),
            known=known,
        )  # fmt: skip
        return
    with listening() as emit:
        found = carry_out(
            opened,
            reading.load(data, quarantine=aside, lost="count") if reading.said() else data,
            metrics=metric or METRICS,
            depth=depth,
            rerank=rerank,
            top=top,
            protocols=[
                *_protocols(protocol, trained_on, query_times, doc_times, aside, metric),
                *_left_out(without_self, without_copies),
            ],
            known=known,
            condense=condensed,
            slices=slices,
            run=run,
            trained_on=trained_on,
            confidence=confidence,
            seed=seed,
            **asdict(resources),
            quarantine=aside,
            save_run=save_run,
            emit=emit,
        )
    if per_query is not None:
        write_table(found.per_query, per_query)
    if telling().quiet:  # else they have been said already
        for note in found.figures["notes"]:
            print(f"note: {note}", file=sys.stderr)
    if json:
        print_json(found.figures)
        return
    for line in evaluation_lines(found.figures, rerank is None and is_run_file(model)):
        print(line)


def _protocols(
    side: Literal["interpolation", "extrapolation"] | None,
    trained_on: str | None,
    query_times: Path | None,
    doc_times: Path | None,
    aside: Quarantine | None,
    metric: Names,
) -> list[Setting]:
    from negatives.errors import InputError
    from negatives.measure.evaluation import METRICS
    from negatives.measure.metric_names import parse_metrics
    from negatives.measure.protocol import Like
    from negatives.measure.temporal import InTime
    from negatives.read import load

    found: list[Setting] = []
    asks = any(getattr(each, "trained", False) for each in parse_metrics(metric or METRICS))
    if trained_on is not None and side is None and not asks:
        raise InputError(
            "neither a protocol nor a metric asks what the model was trained on",
            where="--trained-on",
            fix="name --protocol interpolation, or --metric PSP@5; or leave it out",
        )
    if side is not None and trained_on is None:
        raise InputError(
            "--protocol asks what the model was trained on",
            fix="--protocol interpolation --trained-on DATA@train",
        )
    if (query_times is None) != (doc_times is None):
        raise InputError("--query-times and --doc-times go together", fix="give both files")
    if query_times is not None and doc_times is not None:
        found.append(InTime(query_times, doc_times))
    if side is not None and trained_on is not None:
        trained = load(trained_on, quarantine=aside, lost="count")
        found.append(Like(trained, side))
    return found


def _left_out(without_self: bool, without_copies: bool) -> list[Setting]:
    """Protocols by which a query does not find what it is itself."""
    from negatives.measure.evaluation import WithoutCopies, WithoutSelf

    return [WithoutSelf()] * without_self + [WithoutCopies()] * without_copies
