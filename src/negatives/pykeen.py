"""For users of PyKEEN: importing this registers a negative sampler, `exact` or `negatives`.

    import negatives.pykeen
    pipeline(..., negative_sampler="negatives", negative_sampler_kwargs=dict(law="typed", mix=0.5))

Needs `pip install 'negatives[kg]'`.
"""

from __future__ import annotations

from negatives.learn.graph.sampler import ExactNegativeSampler as ExactNegativeSampler
from negatives.learn.graph.sampler import clusters_of as clusters_of
from negatives.optional import require

__all__ = ["ExactNegativeSampler", "clusters_of"]

NAMES = ("exact", "negatives")
"""What PyKEEN finds the sampler by."""

_resolver = require("pykeen.sampling", extra="kg").negative_sampler_resolver
if NAMES[0] not in _resolver.lookup_dict:
    _resolver.register(ExactNegativeSampler, synonyms={NAMES[1]})
