"""How to make this again: the command, the recipe, fingerprints of what went in, versions."""

from __future__ import annotations

from typing import Any

from negatives.show.evidence import ReportEvidence
from negatives.store.run import RECIPE

_TABLES = ("corpus", "queries", "qrels", "given")


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """`command` is null for a collection made in memory: it takes a few lines of Python then."""
    run = evidence.run
    inputs = run.manifest.inputs
    return {
        "run": str(run.path),
        "origin": inputs.origin,
        "data": inputs.arguments,
        "command": f"negatives mine {inputs.arguments} --recipe {RECIPE} --out RUN"
        if inputs.origin
        else None,
        "recipe": run.recipe.to_toml(),
        "inputs": {name: getattr(inputs, name) for name in _TABLES},
        "fingerprints": dict(run.manifest.facts.fingerprints),
        "versions": dict(run.manifest.versions),
        "schema_version": run.manifest.schema_version,
    }
