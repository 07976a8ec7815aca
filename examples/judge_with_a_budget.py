"""Let a costly reranker look at the few hundred pairs where its word could change a negative.

python examples/judge_with_a_budget.py MODEL     a cross-encoder: a folder or a hub name
"""

from __future__ import annotations

import sys

import negatives as neg

run = neg.mine("cranfield", "runs/judged")
before = set(run.negatives.select("query_id", "doc_id").iter_rows())
run = run.judge(neg.Rerank(model=sys.argv[1]), budget=300)
after = set(run.negatives.select("query_id", "doc_id").iter_rows())
print(f"{len(before - after)} of {len(before):,} negatives are replaced")
