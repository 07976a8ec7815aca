"""negatives: find, judge and pick the negatives that retrieval models learn from.

Names are imported when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from negatives.api import Collection as Collection
    from negatives.api import Run as Run
    from negatives.api import mine as mine
    from negatives.errors import DataError as DataError
    from negatives.errors import NegativesError as NegativesError
    from negatives.errors import RecipeError as RecipeError
    from negatives.errors import RunError as RunError
    from negatives.estimate.ensemble import Ensemble as Ensemble
    from negatives.estimate.evidence import Evidence as Evidence
    from negatives.estimate.pooling_bias import PoolingBias as PoolingBias
    from negatives.find.bm25 import BM25 as BM25
    from negatives.find.dense import Dense as Dense
    from negatives.find.fused import Fused as Fused
    from negatives.find.sampled import Popularity as Popularity
    from negatives.find.sampled import Random as Random
    from negatives.judge.adaptive_margin import AdaptiveMargin as AdaptiveMargin
    from negatives.judge.consistency import Consistency as Consistency
    from negatives.judge.near_duplicate import NearDuplicate as NearDuplicate
    from negatives.judge.neighbours import Neighbours as Neighbours
    from negatives.judge.positive_aware import AbsoluteScore as AbsoluteScore
    from negatives.judge.positive_aware import Margin as Margin
    from negatives.judge.positive_aware import PercentOfPositive as PercentOfPositive
    from negatives.judge.rank_window import SkipSurvivors as SkipSurvivors
    from negatives.judge.rank_window import SkipTop as SkipTop
    from negatives.judge.reranker import Rerank as Rerank
    from negatives.judge.score_agreement import ScoreAgreement as ScoreAgreement
    from negatives.judge.seed_neighbours import SeedNeighbours as SeedNeighbours
    from negatives.judge.self_aware import SelfAware as SelfAware
    from negatives.learn.compare import compare as compare
    from negatives.learn.train import train as train
    from negatives.measure.audit import audit as audit
    from negatives.measure.evaluation import evaluate as evaluate
    from negatives.measure.lint import lint as lint
    from negatives.pick.quotas import Quotas as Quotas
    from negatives.pick.risk_limited import RiskLimited as RiskLimited
    from negatives.pick.sampled import RandomPick as RandomPick
    from negatives.pick.simans import SimANS as SimANS
    from negatives.pick.stratified import Stratified as Stratified
    from negatives.pick.top import Top as Top
    from negatives.recipe import Recipe as Recipe
    from negatives.recipe import load_recipe as load_recipe

__version__ = "0.1.0"

_WHERE = {
    "AbsoluteScore": "negatives.judge.positive_aware",
    "AdaptiveMargin": "negatives.judge.adaptive_margin",
    "BM25": "negatives.find.bm25",
    "Collection": "negatives.api",
    "Consistency": "negatives.judge.consistency",
    "DataError": "negatives.errors",
    "Dense": "negatives.find.dense",
    "Ensemble": "negatives.estimate.ensemble",
    "Evidence": "negatives.estimate.evidence",
    "Fused": "negatives.find.fused",
    "Margin": "negatives.judge.positive_aware",
    "NearDuplicate": "negatives.judge.near_duplicate",
    "NegativesError": "negatives.errors",
    "Neighbours": "negatives.judge.neighbours",
    "PercentOfPositive": "negatives.judge.positive_aware",
    "PoolingBias": "negatives.estimate.pooling_bias",
    "Popularity": "negatives.find.sampled",
    "Quotas": "negatives.pick.quotas",
    "Random": "negatives.find.sampled",
    "RandomPick": "negatives.pick.sampled",
    "Recipe": "negatives.recipe",
    "RecipeError": "negatives.errors",
    "Rerank": "negatives.judge.reranker",
    "RiskLimited": "negatives.pick.risk_limited",
    "Run": "negatives.api",
    "RunError": "negatives.errors",
    "ScoreAgreement": "negatives.judge.score_agreement",
    "SeedNeighbours": "negatives.judge.seed_neighbours",
    "SelfAware": "negatives.judge.self_aware",
    "SimANS": "negatives.pick.simans",
    "SkipSurvivors": "negatives.judge.rank_window",
    "SkipTop": "negatives.judge.rank_window",
    "Stratified": "negatives.pick.stratified",
    "Top": "negatives.pick.top",
    "audit": "negatives.measure.audit",
    "compare": "negatives.learn.compare",
    "evaluate": "negatives.measure.evaluation",
    "lint": "negatives.measure.lint",
    "load_recipe": "negatives.recipe",
    "mine": "negatives.api",
    "train": "negatives.learn.train",
}

__all__ = [*_WHERE, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'negatives' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
