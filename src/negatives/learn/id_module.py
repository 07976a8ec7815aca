"""The loss of a batch of ids: tables are looked up, and what several draws compete for is chosen.

Of several draws for one place the model as it is takes the one it scores highest, here and not
where the batch is put together, which is done a step ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from negatives.learn.drawn import Draws, StepDraws
from negatives.learn.encoded import EncodedBatch
from negatives.learn.id_tables import IdTables
from negatives.learn.module import LossModule
from negatives.learn.rows import TrainingRows
from negatives.optional import Tensor, torch


class IdCollator:
    """Numbers of examples become rows of queries and documents, with negatives drawn for them."""

    def __init__(self, rows: TrainingRows, draws: StepDraws | None) -> None:
        self.rows = rows
        self.draws = draws

    def __call__(self, examples: list[int]) -> dict[str, Any]:
        """query int64[n], docs int64[n, 1 + k] (-1: none); drawn: docs and log_q of each law."""
        found, example = self.rows.training_set, np.asarray(examples)
        pairs = found.positives[example]
        docs = found.docs_of(pairs).astype(np.int64)
        made: dict[str, Any] = {
            "example": torch.as_tensor(example),
            "query": torch.as_tensor(pairs[:, 0].astype(np.int64)),
            "docs": torch.as_tensor(docs),
        }
        if found.width > 1:
            chance = np.nan_to_num(found.p_relevant[pairs[:, 0]], nan=0.0)
            own = np.ones((len(pairs), 1), np.float32)
            made["p_relevant"] = torch.as_tensor(np.concatenate([own, chance], axis=1))
        if found.labels is not None:
            made["labels"] = torch.as_tensor(found.labels(pairs[:, 0], docs.astype(np.int32)))
        if self.draws is not None:
            drawn = self.draws.draw(example, self.rows.batch)
            made["drawn"] = [_tensors(each) for each in drawn]
        return made


def _tensors(draws: Draws) -> dict[str, Tensor]:
    return {"docs": torch.as_tensor(draws.docs), "log_q": torch.as_tensor(draws.log_q)}


def _widened(labels: Tensor | None, width: int) -> Tensor | None:
    """float[n, width]: labels, and NaN of the documents that were drawn and nobody has judged."""
    if labels is None:
        return None
    more = width - labels.shape[1]
    wide: Tensor = torch.nn.functional.pad(labels, (0, more), value=float("nan"))
    return wide


class IdLossModule(LossModule):
    """`LossModule` of two tables of vectors. `rows`: what is known of the examples."""

    def __init__(self, model: IdTables, loss: Any, rows: TrainingRows, **options: Any) -> None:
        super().__init__(model, loss, **options)
        self.rows = rows

    def forward(self, sentence_features: Any, labels: Any = None) -> Tensor:
        """The mean loss of what `IdCollator` made, a scalar."""
        given: Mapping[str, Any] = sentence_features
        docs, log_q = self._with_drawn(given)
        present = docs >= 0
        batch = EncodedBatch(
            queries=self.model("queries", given["query"]),
            docs=self.model("docs", docs.clamp(min=0)),
            relevant=self._relevant(given["query"], docs, present),
            present=present,
            labels=_widened(given.get("labels"), docs.shape[1]),
            p_relevant=given.get("p_relevant"),
            log_q=log_q,
        )
        return self.mean(batch, given["example"])

    def _with_drawn(self, given: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        """int64[n, 1 + k] documents, those drawn last, and their log_q, NaN where there is none."""
        docs = given["docs"]
        if "drawn" not in given:
            return docs, None
        none = torch.full(docs.shape, float("nan"), device=docs.device)
        every, log_q = [docs], [none]
        for each in given["drawn"]:
            every.append(self._chosen(given["query"], each["docs"]))
            log_q.append(each["log_q"])
        return torch.cat(every, dim=1), torch.cat(log_q, dim=1)

    def _chosen(self, query: Tensor, drawn: Tensor) -> Tensor:
        """int64[n, s]: of int64[n, s, m] draws, the one that the model scores highest."""
        if drawn.shape[-1] == 1:
            return drawn[..., 0]
        with torch.no_grad():
            dim = self.model.about.dim
            asked = self.model("queries", query)[:, :dim]
            found = self.model("docs", drawn.clamp(min=0))[..., :dim]
            if self.model.about.similarity == "cosine":
                found = torch.nn.functional.normalize(found, dim=-1)
            scores = torch.einsum("nd,nsmd->nsm", asked, found)
            best = scores.masked_fill(drawn < 0, float("-inf")).argmax(dim=-1, keepdim=True)
        return drawn.gather(-1, best)[..., 0]

    def _relevant(self, query: Tensor, docs: Tensor, present: Tensor) -> Tensor:
        """bool[n, n * (1 + k)]; a loss that sees a query's own documents alone asks for none of it.

        Its own negatives are never known positives: what is drawn or mined leaves them out.
        """
        n, width = docs.shape
        if self.settings.sees_own_alone:
            nothing: Tensor = torch.zeros(1, 1, dtype=torch.bool, device=docs.device)
            return nothing.expand(n, n * width)
        from negatives.learn.collator import related

        found, rows = self.rows.training_set, docs.cpu().numpy()
        queries = found.query_keys[query.cpu().numpy()]
        keys = np.column_stack([queries, found.doc_keys[rows]])
        made = related(found.known, keys, present.cpu().numpy())
        return torch.as_tensor(made, device=docs.device)
