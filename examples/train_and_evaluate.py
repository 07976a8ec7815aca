"""Train a static embedding with mined negatives, on a CPU in a minute, and say how good it is.

    python examples/train_and_evaluate.py     needs negatives[train]

The bundled collection has one split, so a third of its queries is set aside to evaluate on.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

import negatives as neg
from negatives.learn.encoder import StaticTraining

whole = neg.Collection.load("cranfield")
aside = pl.col("query_id").cast(pl.Int32) % 3 == 0
train = replace(whole, qrels=whole.qrels.filter(~aside), origin="")
test = replace(whole, qrels=whole.qrels.filter(aside), origin="")

run = neg.mine(train, "runs/train")
neg.train(run, "models/example", settings=StaticTraining(epochs=2))
for model in ("static", "models/example"):
    found = neg.evaluate(model, test, metrics=["nDCG@10"]).figures["metrics"]["nDCG@10"]
    print(f"{model}: nDCG@10 {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})")
