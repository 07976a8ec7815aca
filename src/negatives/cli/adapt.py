"""negatives adapt: from a folder of documents to a better model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from negatives.cli.costs import tell_cost
from negatives.cli.options import Changes, Flag, changes
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources
from negatives.cli.streams import print_card, print_json


def adapt(
    docs: str,
    /,
    *,
    out: OutFolder,
    model: str = "static",
    llm: str = "",
    queries: Path | None = None,
    qrels: Path | None = None,
    recipe: str = "adapt",
    length: int | None = None,
    encoding: str = "utf-8",
    dev: float = 0.1,
    steps: int | None = None,
    set_: Changes = None,
    budget: str | None = None,
    dry_run: Flag = False,
    seed: int | None = None,
    resources: Resources = EVERYTHING,
    json: Flag = False,
) -> None:
    """From documents alone to a better model: read, cut, ask, mine, train, and judge it.

    DOCS is a folder of .txt, .md, .html, .rst and .pdf files, or a JSONL, CSV or Parquet file
    with a document a row (see `negatives data passages`). Queries are written for the passages,
    hard negatives are found for them, and a model is trained; it is judged before and after on
    queries of documents that it was not trained with, and on real questions where you have some.

    Examples:

        negatives adapt handbook/ --out adapted

        negatives adapt handbook/ --out adapted --model ./MiniLM \\
            --queries questions.jsonl --qrels answers.tsv

        negatives adapt handbook/ --out adapted \\
            --llm http://localhost:8080/v1#qwen3 --budget 200k-tokens --dry-run

    The same command again goes on from where it was stopped. Training needs
    `pip install 'negatives[train]'`.

    Parameters
    ----------
    docs
        The folder or file of the documents.
    out
        The folder of all steps: passages, made (the queries), run (the negatives), model, and
        report.html, which says what came of it.
    model
        What to start from: a folder or hub name of sentence-transformers, or `static`, the
        table in the package, which trains on a CPU.
    llm
        A language model that writes the queries: URL#NAME of any server with OpenAI's interface.
        Without one, headings and sentences are the queries.
    queries
        Real questions, to judge by and never to train with: JSONL, CSV or TSV of id and text.
    qrels
        Which documents answer them: query, document (its path in the folder, or its id),
        relevance.
    recipe
        How to write queries, to mine and to learn: a name, or a .toml file.
    length
        Characters of a passage, at most, its title aside; 1000 where none is given.
    encoding
        What files are written in that are not UTF-8 and do not say it, such as cp1252.
    dev
        Share of the queries that are kept out of training, whole documents each.
    steps
        Batches of the training; by default one pass, and where there are few queries several.
    set_
        Change a setting of the recipe, such as pick.per_query=4 or train.learning_rate=1e-4.
        May be repeated: of two values of one setting the later counts, and that is told.
    budget
        Ask the language model so many questions at most, or spend 200k-tokens at most, on
        passages drawn by their ids; all by default.
    dry_run
        Say what writing the queries would cost, in calls, tokens and money; ask nobody.
    seed
        Every random choice derives from it.
    json
        Print the figures as JSON.
    """
    resources.limit_pools()
    from negatives.adaptation.adapt import adapt as carry_out
    from negatives.adaptation.adapt import adapting_cost
    from negatives.adaptation.steps import PAGE
    from negatives.cli.listen import listening

    shared: dict[str, Any] = {
        "llm": llm,
        "recipe": recipe,
        "length": length,
        "encoding": encoding,
        "seed": seed,
    }
    if dry_run:
        with listening() as emit:
            cost = adapting_cost(
                docs,
                **shared,
                changes=changes(set_, {}),
                budget=budget,
                **asdict(resources),
                emit=emit,
            )
        tell_cost(cost, {"llm": llm}, json=json)
        return
    with listening() as emit:
        made = carry_out(
            docs,
            out,
            model=model,
            **shared,
            budget=budget,
            queries=queries,
            qrels=qrels,
            dev=dev,
            changes=changes(set_, {"train.steps": steps}),
            **asdict(resources),
            emit=emit,
        )
    if json:
        print_json({"out": str(out), **made.figures})
        return
    print_card(made.card())
    print(f"model: {made.model}\nreport: {out / PAGE}")
