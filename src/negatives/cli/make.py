"""negatives make: queries, written from documents."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, Any, cast

from cyclopts import Parameter

from negatives.cli.costs import Costs, tell_cost
from negatives.cli.options import Changes, Flag
from negatives.cli.output import OutFolder
from negatives.cli.resources import EVERYTHING, Resources

if TYPE_CHECKING:
    from negatives.generator import Generator


def make(
    data: str,
    /,
    *,
    out: OutFolder,
    kind: Annotated[list[str] | None, Parameter(negative="")] = None,
    set_: Changes = None,
    budget: str | None = None,
    dry_run: Flag = False,
    seed: int = 0,
    resources: Resources = EVERYTHING,
    json: Flag = False,
) -> None:
    """Write queries from the documents of DATA: a BEIR folder, to be mined or trained with.

    Examples:

        negatives make cranfield --out made

        negatives make corpus.jsonl --out made --kind heading --kind inverse-cloze

        negatives make corpus.jsonl --out made --set keep=0

        negatives make corpus.jsonl --out made --kind queries --budget 200 \\
            --dry-run --set model=http://127.0.0.1:8080/v1#qwen

    Queries and judgements that DATA has are not used. Of several generators each
    works on the texts that the ones before it have left. What a language model has
    replied is kept: the same command again asks nothing twice.

    Parameters
    ----------
    data
        A collection (see `negatives --help`), a BEIR folder without judgements, or a file
        of documents.
    out
        The folder to make; it must not exist, or be empty.
    kind
        The generator, inverse-cloze by default. May be given several times.
    set_
        Change a setting of the generator, such as keep=0.5; of one of several,
        heading.words=3.
        May be repeated: of two values of one setting the later counts, and that is told.
    budget
        Ask a language model this many questions at most, or spend 200k-tokens at most, on
        documents drawn by their ids; all documents by default.
    dry_run
        Say what making would cost, in calls, tokens and money, and ask nobody.
    seed
        Every random choice derives from it.
    json
        Print what was made as JSON.
    """
    resources.limit_pools()
    from negatives.cli.listen import listening
    from negatives.cli.streams import print_json
    from negatives.machine import Machine
    from negatives.read import convert, known_texts
    from negatives.read.convert import refuse_to_replace
    from negatives.run.making import made_queries
    from negatives.run.making_cost import budgeted, making_cost, read_budget

    generators = _generators(kind or ["inverse-cloze"], set_ or [])
    if budget is not None:
        read_budget(budget)
    if not dry_run:
        refuse_to_replace(out)
    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    spent = Costs()
    with listening() as emit:
        collection = known_texts(data)
        if budget is not None:
            generators = budgeted(
                generators, budget, collection, seed=seed, machine=machine, emit=emit
            )
        settings = [each.settings() for each in generators]
        how = settings[0] if len(settings) == 1 else {"make": settings}
        if dry_run:
            cost = making_cost(collection, generators, seed=seed, machine=machine, emit=emit)
            tell_cost(cost, how, json=json)
            return
        made = made_queries(
            collection, generators, seed=seed, machine=machine, emit=spent.heard(emit)
        )
        folder = convert(made, out)
    documents = len(made.corpus)
    without = documents - made.qrels["doc_id"].n_unique()
    if json:
        counts = {"queries": len(made.queries), "documents": documents, "without": without}
        print_json({"out": str(folder), **counts, **spent.figures(), "seed": seed, **how})
        return
    print(f"{folder}\n{_told(len(made.queries), documents, without)}")
    for line in spent.lines():
        print(line)


def _told(queries: int, documents: int, without: int) -> str:
    if queries == documents - without:
        each = f"{without:,} give none" if without else "one each"
    else:
        each = f"{without:,} give none" if without else "each gives one or more"
    return f"{queries:,} queries, of {documents:,} documents: {each}"


def _generators(kinds: list[str], changes: list[str]) -> list[Generator]:
    """The generators of these kinds, with what --set says of each."""
    from negatives.cli.listen import listening
    from negatives.errors import InputError, nearest
    from negatives.recipe_changes import assigned, assignment
    from negatives.stage import build

    if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
        raise InputError(
            f"--kind {min(twice)} is given twice", fix="write a recipe with two [[make]] sections"
        )
    said: dict[str, dict[str, Any]] = defaultdict(dict)
    with listening() as emit:
        values = assigned(changes, emit)
    texts = {assignment(text)[0]: text for text in changes}
    for path, value in values.items():
        of, dot, name = path.rpartition(".")
        if not dot and len(kinds) > 1:
            raise InputError(
                f"--set {texts[path]} does not say of which generator",
                fix=f"write --set {kinds[0]}.{texts[path]}",
            )
        if dot and of not in kinds:
            raise InputError(
                f"--set {texts[path]}: there is no generator {of!r} here", fix=nearest(of, kinds)
            )
        said[of or kinds[0]][name] = value
    return [
        cast("Generator", build("make", {"kind": kind} | said[kind], f"make {kind}"))
        for kind in kinds
    ]
