"""Negatives at generation time: one prediction out of those with, without and against a condition.

Guides are functions of arrays, of numpy or of torch alike, and know no model:

    cfg, negative_prompt, subtracted, perp_neg       predictions of a denoiser (directions)
    cfg_plus_plus, ddim_step, equivalent_scale       a step that stays near clean samples (manifold)
    negtome                                          features away from a reference's (tokens)
    minority_scores, minority_classes, classifier_guided             rare samples (minority)
    drawn_share, mixed_targets                       training with negatives (negative_targets)
    ring, in_ring, beyond, erased                    a concept and its neighbours (erasure)
    steered, contrasted, caption_guided              the next token (contrastive)
    entropy, trials, likeliest                       where a model is unsure (cautious)
    key_phrases, ForgetIndex, RestrictedLogits       what must not be written (restriction)
    cut, spread, strangeness, reconciled             tasks that hinder one another (intervals)

`Schedule` says how strong a guide is at each step. `Mixture` has a perfect denoiser to try guides
on. `SteeredLogits` and `negative_guider` bring the functions to transformers and diffusers. Names
are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from negatives.guide.cautious import entropy as entropy
    from negatives.guide.cautious import likeliest as likeliest
    from negatives.guide.cautious import trials as trials
    from negatives.guide.contrastive import caption_guided as caption_guided
    from negatives.guide.contrastive import contrasted as contrasted
    from negatives.guide.contrastive import steered as steered
    from negatives.guide.diffusers_guider import negative_guider as negative_guider
    from negatives.guide.directions import cfg as cfg
    from negatives.guide.directions import negative_prompt as negative_prompt
    from negatives.guide.directions import perp_neg as perp_neg
    from negatives.guide.directions import perpendicular as perpendicular
    from negatives.guide.directions import subtracted as subtracted
    from negatives.guide.erasure import beyond as beyond
    from negatives.guide.erasure import erased as erased
    from negatives.guide.erasure import in_ring as in_ring
    from negatives.guide.erasure import ring as ring
    from negatives.guide.intervals import cut as cut
    from negatives.guide.intervals import reconciled as reconciled
    from negatives.guide.intervals import spread as spread
    from negatives.guide.intervals import strangeness as strangeness
    from negatives.guide.logits import PromptBranch as PromptBranch
    from negatives.guide.logits import SteeredLogits as SteeredLogits
    from negatives.guide.manifold import cfg_plus_plus as cfg_plus_plus
    from negatives.guide.manifold import clean_sample as clean_sample
    from negatives.guide.manifold import ddim_step as ddim_step
    from negatives.guide.manifold import equivalent_scale as equivalent_scale
    from negatives.guide.minority import classifier_guided as classifier_guided
    from negatives.guide.minority import minority_classes as minority_classes
    from negatives.guide.minority import minority_scores as minority_scores
    from negatives.guide.mixture import Mixture as Mixture
    from negatives.guide.mixture import generated as generated
    from negatives.guide.mixture import signals as signals
    from negatives.guide.negative_targets import drawn_share as drawn_share
    from negatives.guide.negative_targets import mixed_targets as mixed_targets
    from negatives.guide.restriction import ForgetIndex as ForgetIndex
    from negatives.guide.restriction import RestrictedLogits as RestrictedLogits
    from negatives.guide.restriction import key_phrases as key_phrases
    from negatives.guide.schedule import Schedule as Schedule
    from negatives.guide.tokens import negtome as negtome

_WHERE = {
    "ForgetIndex": "restriction",
    "Mixture": "mixture",
    "PromptBranch": "logits",
    "RestrictedLogits": "restriction",
    "Schedule": "schedule",
    "SteeredLogits": "logits",
    "beyond": "erasure",
    "caption_guided": "contrastive",
    "cfg": "directions",
    "cfg_plus_plus": "manifold",
    "classifier_guided": "minority",
    "clean_sample": "manifold",
    "contrasted": "contrastive",
    "cut": "intervals",
    "ddim_step": "manifold",
    "drawn_share": "negative_targets",
    "entropy": "cautious",
    "equivalent_scale": "manifold",
    "erased": "erasure",
    "generated": "mixture",
    "in_ring": "erasure",
    "key_phrases": "restriction",
    "likeliest": "cautious",
    "minority_classes": "minority",
    "minority_scores": "minority",
    "mixed_targets": "negative_targets",
    "negative_guider": "diffusers_guider",
    "negative_prompt": "directions",
    "negtome": "tokens",
    "perp_neg": "directions",
    "perpendicular": "directions",
    "reconciled": "intervals",
    "ring": "erasure",
    "signals": "mixture",
    "spread": "intervals",
    "steered": "contrastive",
    "strangeness": "intervals",
    "subtracted": "directions",
    "trials": "cautious",
}

__all__ = [*_WHERE]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'negatives.guide' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"negatives.guide.{_WHERE[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
