"""What was asked: the data, the recipe, the seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from negatives.schema import POSITIVE
from negatives.show.evidence import ReportEvidence
from negatives.stage import Stage


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """Data and stages with their settings; counts of documents are null without the collection."""
    run, recipe = evidence.run, evidence.run.recipe
    collection = evidence.texts.collection
    relevance = pl.col("relevance")
    return {
        "data": {
            "name": run.manifest.inputs.name,
            "split": run.manifest.inputs.split,
            "texts": collection is None or "text" in collection.corpus.columns,
            "documents": None if collection is None else len(collection.corpus),
            "queries": None if collection is None else len(collection.queries),
            "mined_queries": evidence.counts.queries,
            "positives": evidence.counts.verdicts.get(POSITIVE, 0),
            "judged_negatives": None
            if collection is None
            else int(collection.qrels.select((relevance == 0).sum()).item()),
            "languages": _languages(run.manifest.notes.measured),
        },
        "recipe": {
            "name": recipe.name,
            "about": recipe.about,
            "paper": recipe.paper,
            "seed": recipe.seed,
        },
        "find": [{"label": stage.label, **_stage(stage)} for stage in recipe.find],
        "judge": [_stage(stage) for stage in recipe.judge],
        "estimate": None if recipe.estimate is None else _stage(recipe.estimate),
        "pick": _stage(recipe.pick),
        "per_query": recipe.pick.per_query,
        "reference": run.manifest.facts.reference,
    }


def _languages(notes: Mapping[str, Any]) -> dict[str, float]:
    """Shares of the letters of the texts by language, as a source told them from the texts."""
    told = [notes[name]["letters"] for name in sorted(notes) if name.startswith("languages ")]
    return {name: share for name, share in (told[0] if told else {}).items() if share >= 0.01}


def _stage(stage: Stage) -> dict[str, Any]:
    settings = stage.settings()
    about = (type(stage).__doc__ or "").split("\n")[0]
    given = {
        key: value
        for key, value in settings.items()
        if key not in ("kind", "name") and value not in ("", [], {})
    }
    return {"kind": stage.kind, "about": about, "settings": given}
