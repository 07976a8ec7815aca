"""One JSON file of a whole collection: queries, corpus and relevant_docs (or qrels), by ids.

    {"queries": {"q1": "..."}, "corpus": {"d1": "..."}, "relevant_docs": {"q1": ["d1"]}}

As LlamaIndex saves an `EmbeddingQAFinetuneDataset`, and as evaluators of retrieval take it. A
document may be an object with a title and a text, and the documents of a query may have grades:
`{"q1": {"d1": 2}}`.
"""

from __future__ import annotations

from negatives.errors import DataError
from negatives.read.address import Address
from negatives.read.findings import Findings
from negatives.read.gathered import Tables, gather
from negatives.read.mappings import (
    judgements_of_mapping,
    mapping_in,
    parts_in,
    texts_of_mapping,
)
from negatives.schema import Collection


def splits(address: Address) -> list[str]:
    """There is one, which is trained with."""
    return ["train"]


def read(address: Address, split: str, findings: Findings) -> Collection:
    """The collection."""
    parts = parts_in(mapping_in(address.path))
    if parts is None or not all(isinstance(each, dict) for each in parts):
        raise DataError(
            "queries, corpus and judgements are not all dictionaries by ids",
            where=str(address.path),
            fix='write {"queries": {...}, "corpus": {...}, "relevant_docs": {...}}',
        )
    queries, corpus, judged = parts
    where = str(address.path)
    tables = Tables(
        corpus=texts_of_mapping(corpus, "doc_id", f"{where}: corpus", findings),
        queries=texts_of_mapping(queries, "query_id", f"{where}: queries", findings),
        qrels=judgements_of_mapping(judged, f"{where}: relevant_docs", findings),
    )
    findings.done()
    return gather(address.name, split, tables, findings)
