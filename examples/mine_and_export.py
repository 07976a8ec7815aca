"""Mine the bundled collection, look at what came out, and write a file that a trainer reads.

python examples/mine_and_export.py
"""

from __future__ import annotations

import negatives as neg

run = neg.mine("cranfield", "runs/example", pick=neg.RiskLimited(per_query=5, max_false=0.02))
texts = dict(run.collection.corpus.select("doc_id", "text").iter_rows())
for row in run.negatives.head(3).iter_rows(named=True):
    print(
        f"hardness {row['hardness']:+.2f}, p {row['p_relevant']:.3f}  {texts[row['doc_id']][:50]}"
    )

rows = run.export("triplets.parquet", format="triplet")
print(f"{rows:,} rows in triplets.parquet; what was found, and why: {run.path}/report.html")
