"""Every stage of this package: `python scripts/kinds.py` writes it.

Do not edit. It is a table rather than a search at start, so that nothing has to be imported to
know what there is, in a zip file as on a disk.
"""

# fmt: off

from __future__ import annotations

KINDS: dict[str, dict[str, str]] = {
    "find": {
        "bm25": "negatives.find.bm25:BM25",
        "dense": "negatives.find.dense:Dense",
        "fused": "negatives.find.fused:Fused",
        "given": "negatives.find.known:Given",
        "judged": "negatives.find.known:Judged",
        "popularity": "negatives.find.sampled:Popularity",
        "random": "negatives.find.sampled:Random",
    },
    "make": {
        "contrastive": "negatives.make.contrastive:Contrastive",
        "inverse-cloze": "negatives.make.inverse_cloze:InverseCloze",
    },
    "judge": {
        "absolute-score": "negatives.judge.positive_aware:AbsoluteScore",
        "adaptive-margin": "negatives.judge.adaptive_margin:AdaptiveMargin",
        "agreement": "negatives.judge.agreement:Agreement",
        "consistency": "negatives.judge.consistency:Consistency",
        "icr": "negatives.judge.icr:ICR",
        "known": "negatives.judge.known:Known",
        "llm": "negatives.judge.llm:LLMJudge",
        "margin": "negatives.judge.positive_aware:Margin",
        "near-duplicate": "negatives.judge.near_duplicate:NearDuplicate",
        "neighbours": "negatives.judge.neighbours:Neighbours",
        "not-before": "negatives.judge.not_before:NotBefore",
        "out-of-reach": "negatives.judge.positive_aware:OutOfReach",
        "percent-of-positive": "negatives.judge.positive_aware:PercentOfPositive",
        "perplexity": "negatives.judge.perplexity:Perplexity",
        "reranker": "negatives.judge.reranker:Rerank",
        "score-agreement": "negatives.judge.score_agreement:ScoreAgreement",
        "seed-neighbours": "negatives.judge.seed_neighbours:SeedNeighbours",
        "self-aware": "negatives.judge.self_aware:SelfAware",
        "shared-keywords": "negatives.judge.shared_keywords:SharedKeywords",
        "skip-survivors": "negatives.judge.rank_window:SkipSurvivors",
        "skip-top": "negatives.judge.rank_window:SkipTop",
        "text-perplexity": "negatives.judge.text_perplexity:TextPerplexity",
    },
    "estimate": {
        "ensemble": "negatives.estimate.ensemble:Ensemble",
        "evidence": "negatives.estimate.evidence:Evidence",
        "pooling-bias": "negatives.estimate.pooling_bias:PoolingBias",
    },
    "pick": {
        "information-gain": "negatives.pick.mig:InformationGain",
        "one-by-one": "negatives.pick.one_by_one:OneByOne",
        "quotas": "negatives.pick.quotas:Quotas",
        "random": "negatives.pick.sampled:RandomPick",
        "risk-limited": "negatives.pick.risk_limited:RiskLimited",
        "simans": "negatives.pick.simans:SimANS",
        "stratified": "negatives.pick.stratified:Stratified",
        "top": "negatives.pick.top:Top",
    },
    "batch": {
        "cluster-aware": "negatives.batch.cluster_aware:ClusterAware",
        "conflict-free": "negatives.batch.conflict_free:ConflictFree",
        "grouped": "negatives.batch.grouped:Grouped",
        "neighbours": "negatives.batch.neighbours:NeighbourBatches",
        "no-same-cluster": "negatives.batch.no_same_cluster:NoSameCluster",
        "random": "negatives.batch.random:RandomBatches",
        "self-aware": "negatives.batch.self_aware:SelfAwareBatches",
        "topic-aware": "negatives.batch.topic_aware:TopicAware",
    },
    "learn": {
        "adversarial": "negatives.learn.adversarial:Adversarial",
        "dice": "negatives.learn.dice:Dice",
        "dual-teacher": "negatives.learn.dual_teacher:DualTeacher",
        "focal": "negatives.learn.focal:Focal",
        "guided": "negatives.learn.guided:Guided",
        "hardness-weighted": "negatives.learn.hardness_weighted:HardnessWeighted",
        "js": "negatives.learn.distil:JS",
        "kl": "negatives.learn.distil:KL",
        "lambda-rank": "negatives.learn.lambda_rank:LambdaRank",
        "margin-mse": "negatives.learn.margin_mse:MarginMSE",
        "mixing": "negatives.learn.mixing:Mixing",
        "multi-level": "negatives.learn.multi_level:MultiLevel",
        "multiple-negatives": "negatives.learn.multiple_negatives:MultipleNegatives",
        "online-mixing": "negatives.learn.mixing:OnlineMixing",
        "pairwise": "negatives.learn.pairwise:Pairwise",
        "pairwise-listwise": "negatives.learn.pairwise_listwise:PairwiseListwise",
        "pointwise": "negatives.learn.pointwise:Pointwise",
        "rank-hinge": "negatives.learn.rank_hinge:RankHinge",
        "softmax-list": "negatives.learn.softmax_list:SoftmaxList",
        "static-bank": "negatives.learn.static_bank:StaticBank",
        "unified-pairs": "negatives.learn.unified_pairs:UnifiedPairs",
        "wasserstein": "negatives.learn.wasserstein:Wasserstein",
    },
    "train": {
        "encoder": "negatives.learn.encoder:EncoderTraining",
        "reranker": "negatives.learn.reranker:RerankerTraining",
        "sparse": "negatives.learn.sparse:SparseTraining",
        "static-embedding": "negatives.learn.encoder:StaticTraining",
    },
}
"""Section -> kind -> where it lives."""
