"""negatives evaluate, where MODEL is one of a knowledge graph: filtered ranks of entities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from negatives.cli.data_options import DataOptions
from negatives.cli.options import refuse_said
from negatives.cli.resources import Resources
from negatives.cli.streams import print_json
from negatives.wording import plural


def evaluate_graph(
    model: str,
    data: str,
    of_rankings: Mapping[str, Any],
    resources: Resources,
    reading: DataOptions,
    json: bool,
) -> None:
    """Filtered ranks of a model of a knowledge graph, and how it tells true from false triples.

    `of_rankings`: options of what is measured by rankings of documents, none of which may be said.
    """
    refuse_said(
        {
            **of_rankings,
            "--quarantine": reading.quarantine,
            "--corpus and the like, of files of pairs": reading.said(),
        },
        "a model of a knowledge graph is measured by filtered ranks of entities, on one split of "
        "its graph",
        "leave it out: MRR, hits@1, 3 and 10 and the mean rank are always shown",
    )
    from negatives.cli.listen import listening
    from negatives.learn.graph.measuring import evaluate_graph as carry_out
    from negatives.machine import Machine

    machine = Machine.checked(resources.threads, resources.memory, resources.device)
    with listening() as emit:
        found = carry_out(model, data, machine, emit)
    if json:
        print_json(found)
        return
    among = f"{plural(found['triples'], 'triple')} among {found['entities']:,} entities"
    print(f"{found['model']} on {found['data']}: {among}")
    if found["triples without vectors"]:
        count = found["triples without vectors"]
        print(f"left out: {plural(count, 'triple')}, for which the model lacks a vector")
    others = found["splits left out of ranks"]
    print(f"filtered: other answers of this split and of {', '.join(others) or 'no other'}")
    print()
    for name in ("MRR", "hits@1", "hits@3", "hits@10", "mean rank"):
        print(f"{name:<12}  {found[name]:8.4f}")
    told = found["classification"]
    if told is not None:
        print(f"\ntelling them from {told['false triples']:,} triples verified to be false")
        print(f"{'AUROC':<12}  {told['AUROC']:8.4f}")
        if "accuracy" in told:
            print(f"{'accuracy':<12}  {told['accuracy']:8.4f}  borders from {told['borders from']}")
