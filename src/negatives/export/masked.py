"""The masks of a run and the text ids they speak of, as files."""

from __future__ import annotations

from typing import Final

from negatives.export.ask import TableFormat
from negatives.export.masks import MASKS, TEXT_IDS, TextIds, mask_tables
from negatives.run.inputs import collection_of

FORMATS: Final = {
    "masks": TableFormat(
        "for a batcher: query_id, text_ids that are no negatives of it; a row a query",
        (".parquet", ".jsonl"),
        MASKS,
        lambda ask, emit: mask_tables(ask.run, ask.above),
        options=("above",),
        of_negatives=False,
        texts="never",
        no_ids="masks hold ids, and nothing else",
        scores="never",
        no_scores=("masks have no scores", "leave out scores"),
        no_positives="leave out positives: the relabelled ones are always masked",
    ),
    "text-ids": TableFormat(
        "for a batcher: doc_id, text_id, the same for the same text; a row a document",
        (".parquet", ".jsonl", ".csv", ".tsv"),
        TEXT_IDS,
        lambda ask, emit: TextIds(collection_of(ask.run)).tables(),
        of_negatives=False,
        texts="never",
        no_ids="text-ids hold ids, and nothing else",
        scores="never",
        no_scores=("text-ids have no scores", "leave out scores"),
        no_positives="leave out positives",
    ),
}
