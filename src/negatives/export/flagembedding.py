"""FlagEmbedding's training lines: query, pos, neg and, for distillation, pos_scores, neg_scores.

Its trainer draws one positive a step and as many negatives as its group has places, so lists may
differ in length; it cannot use a query without negatives. It passes over every other column, such
as `pos_relabelled`: which positives are no judgement's.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from negatives.export.ask import EACH_QUERY, Ask, PairFormat
from negatives.export.blocks import ExportBlock
from negatives.export.pairs import with_texts

_SCORES: Final = {
    "pos_scores": "score",
    "neg_scores": "score_negative",
    "neg_hardness": "hardness",
    "neg_p_relevant": "p_relevant_negative",
}
_IDS: Final = {"query_id": "query_id", "pos_id": "doc_id", "neg_id": "doc_id_negative"}


def lines(block: ExportBlock, ask: Ask) -> pl.DataFrame:
    """One row a query. Ids come beside the texts: the trainer has no other place to find those."""
    columns = {"query": "query", "pos": "doc", "neg": "doc_negative"}
    columns |= _SCORES if ask.scores else {}
    columns |= _IDS if ask.ids else {}
    columns |= {"pos_relabelled": "relabelled"} if ask.positives != "known" else {}
    rows = with_texts(block, ask.texts).by_query()
    return rows.select(pl.col(source).alias(name) for name, source in columns.items())


FORMATS: Final = {
    "flagembedding": PairFormat(
        "FlagEmbedding (BGE): query, pos, neg as lists; a line a query",
        (".jsonl",),
        lines,
        rows_of_query=EACH_QUERY,
        texts="always",
    ),
}
