"""The stages that are public names: from `python scripts/kinds.py`."""

# fmt: off

from negatives.estimate.ensemble import Ensemble as Ensemble
from negatives.estimate.evidence import Evidence as Evidence
from negatives.estimate.pooling_bias import PoolingBias as PoolingBias
from negatives.find.bm25 import BM25 as BM25
from negatives.find.dense import Dense as Dense
from negatives.find.fused import Fused as Fused
from negatives.find.known import Given as Given
from negatives.find.known import Judged as Judged
from negatives.find.sampled import Popularity as Popularity
from negatives.find.sampled import Random as Random
from negatives.judge.adaptive_margin import AdaptiveMargin as AdaptiveMargin
from negatives.judge.agreement import Agreement as Agreement
from negatives.judge.consistency import Consistency as Consistency
from negatives.judge.icr import ICR as ICR
from negatives.judge.known import Known as Known
from negatives.judge.llm import LLMJudge as LLMJudge
from negatives.judge.near_duplicate import NearDuplicate as NearDuplicate
from negatives.judge.neighbours import Neighbours as Neighbours
from negatives.judge.not_before import NotBefore as NotBefore
from negatives.judge.perplexity import Perplexity as Perplexity
from negatives.judge.positive_aware import AbsoluteScore as AbsoluteScore
from negatives.judge.positive_aware import Margin as Margin
from negatives.judge.positive_aware import OutOfReach as OutOfReach
from negatives.judge.positive_aware import PercentOfPositive as PercentOfPositive
from negatives.judge.rank_window import SkipSurvivors as SkipSurvivors
from negatives.judge.rank_window import SkipTop as SkipTop
from negatives.judge.reranker import Rerank as Rerank
from negatives.judge.score_agreement import ScoreAgreement as ScoreAgreement
from negatives.judge.seed_neighbours import SeedNeighbours as SeedNeighbours
from negatives.judge.self_aware import SelfAware as SelfAware
from negatives.judge.shared_keywords import SharedKeywords as SharedKeywords
from negatives.judge.text_perplexity import TextPerplexity as TextPerplexity
from negatives.make.contrastive import Contrastive as Contrastive
from negatives.make.inverse_cloze import InverseCloze as InverseCloze
from negatives.pick.mig import InformationGain as InformationGain
from negatives.pick.one_by_one import OneByOne as OneByOne
from negatives.pick.quotas import Quotas as Quotas
from negatives.pick.risk_limited import RiskLimited as RiskLimited
from negatives.pick.sampled import RandomPick as RandomPick
from negatives.pick.simans import SimANS as SimANS
from negatives.pick.stratified import Stratified as Stratified
from negatives.pick.top import Top as Top
