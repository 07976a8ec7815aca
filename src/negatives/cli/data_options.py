"""How DATA is read: what lies beside it, and which of its columns are what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from negatives.cli.output import OptionalFile

if TYPE_CHECKING:
    from negatives.read.quarantine import Quarantine
    from negatives.schema import Collection, Lost


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class DataOptions:
    """What every command that reads a collection can be told of it.

    Parameters
    ----------
    corpus
        What has the texts of a file of ids, and more documents to mine: a collection in any form,
        a folder of corpus.jsonl and queries.jsonl, or a file of documents (an id and a text, or a
        text).
    queries
        A file that has the texts of the queries' ids: JSONL, JSON, CSV, TSV or Parquet.
    query_column
        The column of the queries, or of their ids, in a file of pairs.
    positive_column
        The column of the positives, or of their ids.
    negative_column
        The column of negatives; may be repeated.
    relevant_from
        In a column of scores or ratings, what is relevant begins here; below it was judged and is
        not relevant.
    quarantine
        Set bad rows aside in this file instead of stopping at them.
    """

    corpus: str | None = None
    queries: str | None = None
    query_column: str = ""
    positive_column: str = ""
    negative_column: Annotated[list[str] | None, Parameter(negative="")] = None
    relevant_from: float | None = None
    quarantine: OptionalFile = None

    def said(self) -> dict[str, Any]:
        """What was said, but for the quarantine: keywords of `negatives.read.load`."""
        named = {
            "corpus": self.corpus,
            "queries": self.queries,
            "query_column": self.query_column or None,
            "positive_column": self.positive_column or None,
            "negative_column": self.negative_column,
            "relevant_from": self.relevant_from,
        }
        return {name: each for name, each in named.items() if each is not None}

    def load(
        self, data: str, *, quarantine: Quarantine | None = None, lost: Lost = "refuse"
    ) -> Collection:
        """The collection; its bad rows in the quarantine that is named, or in the one given."""
        from negatives.read import load

        return load(data, **self.said(), quarantine=quarantine or self.quarantine, lost=lost)


NOTHING_SAID: Final = DataOptions()
