"""What a language model makes of right and wrong responses: how likely they are, and what is left.

Forgetting has no meaning by itself: a model that was never trained on what is to be forgotten (the
*retrained* model) says how improbable it should be. So each figure stands beside that model's, and
what forgetting has cost is read where both are equal (`at_equal_forgetting`), not at the last step.

All negative log-likelihoods are of a token: the mean over responses of the mean over their tokens.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Floats
from negatives.errors import DataError, InputError
from negatives.events import Emit, silent
from negatives.machine import Machine
from negatives.models.causal_lm import CausalLM, Continuation
from negatives.needs import check_needs
from negatives.schema import TEXTS, Collection, Doubles
from negatives.stats.auc import auc

LOWEST: Final = 0.2
"""The share of least probable tokens of Min-K% (Shi et al. 2024)."""
TRIES: Final = 100
"""Draws of which one is to be the response itself, for what can be extracted."""
BETWEEN: Final = "\n"


@dataclass(frozen=True)
class Said:
    """A model on the responses of a collection: pair by pair, the right ones and the wrong ones."""

    query: Any
    """int64[n]: the prompt of each, by row."""
    right: Any
    """bool[n]."""
    nll: Doubles
    """float64[n]: negative log-likelihood of a token."""
    total: Doubles
    """float64[n]: log-probability of the response."""
    lowest: Doubles
    """float64[n]: Min-K%: the mean of the least probable tokens; higher of what was learned."""


def min_k(log_probs: Floats, share: float = LOWEST) -> float:
    """The mean of the lowest `share` of some log-probabilities, at least one of them.

    >>> import numpy as np
    >>> from negatives.measure.responses import min_k
    >>> values = np.array([-.1, -5, -.2, -3, -.5, -.3, -.1, -.4, -.2, -1])
    >>> min_k(values), round(min_k(values, 1.0), 2)
    (-4.0, -1.08)
    """
    if not len(log_probs) or not 0 < share <= 1:
        raise InputError(
            f"the lowest {share:g} of {len(log_probs)} log-probabilities",
            fix="a share above 0 and at most 1, of a response that has tokens",
        )
    count = max(1, math.floor(share * len(log_probs)))
    return float(np.sort(log_probs)[:count].mean())


def said_by(model: CausalLM, data: Collection, between: str = BETWEEN) -> Said:
    """What a model says of all judged and given responses; `DataError` where there are none."""
    check_needs(data, TEXTS, "a language model", where=f"collection {data.name!r}")
    judged = data.judged.select("query", "doc", right=pl.col("relevance") > 0)
    given = data.rows_of(data.given.select("query_id", "doc_id")).select("query", "doc")
    given = given.join(judged, on=["query", "doc"], how="anti")
    rows = pl.concat([judged, given.with_columns(right=pl.lit(False))]).sort("query", "doc")
    prompts = data.query_texts(rows["query"].to_numpy())
    responses = data.doc_texts(rows["doc"].to_numpy())
    pairs = [(f"{asked}{between}", text) for asked, text in zip(prompts, responses, strict=True)]
    found = model.continuations(pairs)
    kept = np.array([len(each.tokens) > 0 for each in found], bool)
    if not kept.any():
        raise DataError(
            "there is no response to measure by",
            where=f"collection {data.name!r}",
            fix="give prompts and responses, each with a label",
        )
    told: list[Continuation] = [each for each in found if len(each.tokens)]
    return Said(
        query=rows["query"].to_numpy().astype(np.int64)[kept],
        right=rows["right"].to_numpy()[kept],
        nll=np.array([-each.mean for each in told]),
        total=np.array([each.total for each in told]),
        lowest=np.array([min_k(each.log_probs) for each in told]),
    )


def figures_of(said: Said) -> dict[str, Any]:
    """The figures of one model; null where a side is missing."""
    right, wrong = said.right, ~said.right
    made: dict[str, Any] = {
        "right": int(right.sum()),
        "wrong": int(wrong.sum()),
        "right_nll": _mean(said.nll[right]),
        "wrong_nll": _mean(said.nll[wrong]),
        "gap": None,
        **_verified(said),
        "wrong_extraction": _mean(np.exp(said.total[wrong])),
        f"wrong_extracted_in_{TRIES}": _mean(-np.expm1(TRIES * _log_not(said.total[wrong]))),
        "wrong_min_k": _mean(said.lowest[wrong]),
    }
    if made["right_nll"] is not None and made["wrong_nll"] is not None:
        made["gap"] = made["wrong_nll"] - made["right_nll"]
    return made


def compared_with(said: Said, retrained: Said) -> dict[str, Any]:
    """A model beside the retrained one, on the same responses.

    `ks_p`: of the two-sample Kolmogorov-Smirnov test between their likelihoods of the wrong
    responses (of truth ratios, where prompts have responses of both sides); high: this cannot tell
    them apart, which is no proof, and less of one the fewer there are.
    """
    from scipy.stats import ks_2samp

    wrong = ~said.right
    made: dict[str, Any] = {
        "wrong_nll": _mean(retrained.nll[wrong]),
        "right_nll": _mean(retrained.nll[~wrong]),
        "overshoot": None,
        "ks_p": None,
    }
    if wrong.any():
        made["overshoot"] = _mean(said.nll[wrong]) - _mean(retrained.nll[wrong])  # type: ignore[operator]
        own, other = truth_ratios(said), truth_ratios(retrained)
        on = "truth ratio"
        if len(own) < 2:
            own, other, on = said.nll[wrong], retrained.nll[wrong], "wrong_nll"
        test = ks_2samp(own, other)
        made |= {"ks_p": float(test.pvalue), "ks": float(test.statistic), "ks_on": on}
    return made


def truth_ratios(said: Said) -> Doubles:
    """float64[prompts]: of prompts with responses of both sides, the mean probability of the wrong
    ones over the mean of the right ones, each a token's (Maini et al. 2024).

    >>> import numpy as np
    >>> from negatives.measure.responses import Said, truth_ratios
    >>> nll = np.array([0.5, 1.0])
    >>> made = Said(np.zeros(2, int), np.array([True, False]), nll, -nll, -nll)
    >>> truth_ratios(made).round(6).tolist()
    [0.606531]
    """
    rows = pl.DataFrame({"query": said.query, "right": said.right, "p": np.exp(-said.nll)})
    right, wrong = (
        rows.filter(pl.col("right") == side).group_by("query").agg(pl.col("p").mean())
        for side in (True, False)
    )
    both = wrong.join(right, on="query", suffix="_right").sort("query")
    return np.asarray((both["p"] / both["p_right"]).to_numpy(), np.float64)


def membership(said: Said, unseen: Said) -> float:
    """How well Min-K% tells the wrong responses, which were learned once, from unseen ones.

    The area under the curve: .5 where it cannot tell, which is what forgetting should come to.
    """
    wrong = said.lowest[~said.right]
    if not len(wrong):
        raise DataError(
            "no response is wrong, or to forget, and members are told by them",
            where="--unseen",
            fix="leave it out, or label what is to be forgotten false",
        )
    return auc(wrong, unseen.lowest)


def leak(area: float, retrained: float) -> float:
    """How far an area is from the retrained model's, in percent: 0 is as it should be.

    >>> from negatives.measure.responses import leak
    >>> round(leak(0.7, 0.5), 6)
    -40.0
    """
    return 100 * ((1 - area) - (1 - retrained)) / (1 - retrained)


def at_equal_forgetting(seen: Sequence[Mapping[str, Any]], level: float) -> dict[str, float] | None:
    """The step, and what right responses had come to, when wrong ones first were at `level`.

    `seen`: figures of a training (`figures` in its training.json): step, right_nll, wrong_nll.
    Between two looks a straight line; None where the level was never reached.

    >>> from negatives.measure.responses import at_equal_forgetting
    >>> seen = [
    ...     {"step": 0, "right_nll": 1.0, "wrong_nll": 1.0},
    ...     {"step": 10, "right_nll": 1.5, "wrong_nll": 3.0},
    ... ]
    >>> at_equal_forgetting(seen, 2.0), at_equal_forgetting(seen, 4.0)
    ({'step': 5.0, 'right_nll': 1.25}, None)
    """
    before: Mapping[str, Any] | None = None
    for row in seen:
        if row["wrong_nll"] >= level:
            if before is None:
                return {"step": float(row["step"]), "right_nll": float(row["right_nll"])}
            share = (level - before["wrong_nll"]) / (row["wrong_nll"] - before["wrong_nll"])
            return {
                name: float(before[name] + share * (row[name] - before[name]))
                for name in ("step", "right_nll")
            }
        before = row
    return None


def evaluate_responses(
    model: str,
    data: Collection,
    *,
    retrained: str = "",
    unseen: Collection | None = None,
    between: str = BETWEEN,
    trained: Sequence[Mapping[str, Any]] = (),
    machine: Machine,
    emit: Emit = silent,
) -> dict[str, Any]:
    """All figures of a language model on the responses of a collection, as plain values.

    `retrained`: a model that never saw what is to be forgotten. `unseen`: responses that no model
    saw, to tell members by. `trained`: figures of the model's own training, on the way.
    """

    def opened(name: str) -> CausalLM:
        threads, device = machine.threads, machine.device
        return CausalLM(name, threads=threads, device=device, memory=machine.memory, emit=emit)

    own = opened(model)
    said = said_by(own, data, between)
    made: dict[str, Any] = {
        "model": model,
        "data": f"{data.name}@{data.split}",
        "prompts": len(np.unique(said.query)),
        **figures_of(said),
    }
    others = None if unseen is None else said_by(own, unseen, between)
    if others is not None:
        made["membership"] = membership(said, others)
    if retrained:
        other = opened(retrained)
        if not own.reads_as(other):
            raise InputError(
                "the two models have different tokenizers, and a token of one is none of the other",
                where=f"{model}, {retrained}",
                fix="compare with a model that was trained from the same one",
            )
        control = said_by(other, data, between)
        made["retrained"] = {"model": retrained, **compared_with(said, control)}
        if unseen is not None:
            area = membership(control, said_by(other, unseen, between))
            made["retrained"] |= {"membership": area, "leak": leak(made["membership"], area)}
        level = made["retrained"]["wrong_nll"]
        if trained and level is not None and all("right_nll" in row for row in trained):
            made["retrained"]["at_equal_forgetting"] = at_equal_forgetting(trained, level)
    return made


def _verified(said: Said) -> dict[str, float | None]:
    """How often likelihood tells right from wrong, of prompts with both: pair by pair, and whether
    the most likely response is right; each prompt counts once.
    """
    rows = pl.DataFrame({"query": said.query, "right": said.right, "nll": said.nll})
    right, wrong = rows.filter("right"), rows.filter(~pl.col("right"))
    pairs = right.join(wrong, on="query", suffix="_wrong")
    if pairs.is_empty():
        return {"verifier_accuracy": None, "best_is_right": None}
    lead = pl.col("nll_wrong") - pl.col("nll")
    won = pl.when(lead > 0).then(1.0).when(lead == 0).then(0.5).otherwise(0.0)
    by_prompt = pairs.group_by("query").agg(won.mean().alias("won"))
    best = rows.filter(pl.col("query").is_in(by_prompt["query"].implode()))
    best = best.sort("nll", "right").unique("query", keep="first", maintain_order=True)
    return {
        "verifier_accuracy": float(by_prompt["won"].mean()),  # type: ignore[arg-type]
        "best_is_right": float(best["right"].cast(pl.Float64).mean()),  # type: ignore[arg-type]
    }


def _log_not(totals: Doubles) -> Doubles:
    """float64[n]: log(1 - p) of log-probabilities."""
    return np.log1p(-np.exp(np.minimum(totals, -1e-12)))


def _mean(values: Doubles) -> float | None:
    return float(np.mean(values)) if len(values) else None
