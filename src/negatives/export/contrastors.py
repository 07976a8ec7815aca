"""nomic contrastors' lines: query, document, negatives, and what may be learned from them.

Its loader takes the names of the columns from its own configuration, and checks them against
`metadata.objective`. With scores, `document_score` and `negatives_scores` stand beside the texts,
where it looks for them under `kd_loss`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_POSITIVE, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.fewer import some_positives
from negatives.export.pairs import with_texts

_COLUMNS: Final = pl.List(pl.List(pl.String))
_OBJECTIVE: Final = pl.Series(
    "metadata",
    [
        {
            "objective": {
                "self": [],
                "paired": [["query", "document"]],
                "triplet": [["query", "document", "negatives"]],
            }
        }
    ],
    pl.Struct({"objective": pl.Struct(dict.fromkeys(("self", "paired", "triplet"), _COLUMNS))}),
)


def lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """query, document, negatives, metadata: each positive with all negatives of its query."""
    rows = some_positives(with_texts(block, ask.texts), ask).by_positive()
    columns = {"query": "query", "document": "doc", "negatives": "doc_negative"}
    if ask.scores:
        columns |= {"document_score": "score", "negatives_scores": "score_negative"}
    return rows.select(
        *(pl.col(source).alias(name) for name, source in columns.items()),
        _OBJECTIVE.new_from_index(0, len(rows)),
    )


FORMATS: Final = {
    "contrastors": PairFormat(
        "nomic contrastors: query, document, negatives, metadata; a line a positive",
        (".jsonl",),
        lines,
        options=("rows_per_query",),
        rows_of_query=EACH_POSITIVE,
        no_ids="contrastors' lines hold texts, and nothing else",
    ),
}
