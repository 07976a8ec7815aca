"""The runner: carries a recipe out, shard by shard, and knows stages only by their protocols."""

from negatives.run.mine import mine

__all__ = ["mine"]
