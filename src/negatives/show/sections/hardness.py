"""How hard the negatives are: hardness, and the scores of every source."""

from __future__ import annotations

from typing import Any, Final

from negatives.measure.estimate import rounded, share
from negatives.show.evidence import ReportEvidence
from negatives.show.survey import CHOSEN, POOL, POSITIVES, REFUSED

_SERIES: Final = (POSITIVES, CHOSEN, POOL, REFUSED)
_SCORES: Final = 8


def figures(evidence: ReportEvidence) -> dict[str, Any]:
    """Histograms by fate (pool: all that were kept, chosen or not); hardness null without a scorer.

    `above_lowest`, `above_all`: share of the negatives that score at least as high as the lowest
    positive of their query (hardness >= 0), or as all of them.
    """
    survey, facts = evidence.survey, evidence.run.manifest.facts
    reference = facts.reference
    hardness = survey.histograms.get("hardness")
    kinds = {source.label: source.kind for source in evidence.run.recipe.find}
    by_source = {
        name: survey.histograms[f"{name}_score"].figures(_SERIES)
        for name in survey.sources[:_SCORES]
        if f"{name}_score" in survey.histograms
    }
    return {
        "reference": reference,
        "reference_kind": kinds.get(reference, ""),
        "reference_deviation": rounded(facts.reference_deviation),
        "median": hardness and rounded(hardness.quantile(CHOSEN, 0.5)),
        "above_lowest": hardness and rounded(hardness.share_from(CHOSEN, 0.0)),
        "above_all": hardness
        and share(survey.above_all, int(hardness.counts[hardness.series.index(CHOSEN)].sum())),
        "pool_above_lowest": hardness and rounded(hardness.share_from(POOL, 0.0)),
        "hardness": hardness and hardness.figures(_SERIES),
        "scores": {name: found for name, found in by_source.items() if found is not None},
    }
