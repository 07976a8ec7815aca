"""How probable it is that a label of a test set is wrong, by its neighbours and by its copies.

A label that somebody put on the wrong document is on any document. So each positive is compared
with documents drawn at random, in three ways together: how like the query it is by meaning, how
like by words, and how like the query's other positives. The place u of the positive among the drawn
ones is even in (0, 1) where the label is on a document drawn at random, and near 0 where it is not.
What there is beyond u = 0.9 is therefore the tenth part of the labels that are so: their share is
estimated as the share of null hypotheses among tests is (Storey 2002, "A direct approach to false
discovery rates"), and the probability of each label by the local false discovery rate (Efron et al.
2001), with a density that falls in u (Grenander 1956).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles, Floats, Places
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.measure.likeness import unit_vectors
from negatives.schema import PAIR, Collection
from negatives.stats.lengths import normalised
from negatives.text.keys import normalised_keys

DRAWN: Final = 1_000
"""Documents that a positive is compared with, at most; the same for all positives."""
POSITIVES: Final = 20_000
"""Positives that are looked at, at most, drawn by ids."""
TAIL: Final = 0.9
"""Beyond this u there are next to no right labels."""
BINS: Final = 20
CONTRADICTED: Final = 0.5
"""How probable it is that the one of two contrary labels is the wrong one."""
_AT_ONCE: Final = 2_000


def drawn_positives(data: Collection, seed: int) -> pl.DataFrame:
    """query, doc (rows of the collection): positives with texts on both sides, `POSITIVES` at most,
    sorted.
    """
    known = data.positives
    for side, empty in (("query", _empty(data.queries)), ("doc", _empty(data.corpus))):
        known = known.filter(~pl.col(side).is_in(empty.implode()))
    ids = known.select(
        query_id=data.queries["query_id"].gather(known["query"]),
        doc_id=data.corpus["doc_id"].gather(known["doc"]),
    )
    chance = pl.Series("chance", pair_uniforms(ids, seed, "audit/labels/positives"))
    return known.with_columns(chance).sort("chance").head(POSITIVES).drop("chance").sort(
        "query", "doc"
    )  # fmt: skip


def _empty(frame: pl.DataFrame) -> pl.Series:
    return (frame["text"].fill_null("").str.strip_chars() == "").arg_true()


def places_among_random(
    data: Collection, positives: pl.DataFrame, encoder: str = "static", seed: int = 0
) -> Doubles:
    """float64[positives] u: the place of each among documents drawn at random, from 0 to 1.

    `positives`: query, doc (rows), sorted. Documents that are judged relevant to a query are not
    among those that its positives are compared with.
    """
    drawn = _drawn(data, seed)
    query, doc = (positives[name].to_numpy().astype(np.int64) for name in ("query", "doc"))
    asked, owner = np.unique(query, return_inverse=True)
    used, place = np.unique(np.concatenate([doc, drawn]), return_inverse=True)
    texts = (
        data.queries["text"].gather(asked).fill_null(""),
        data.corpus["text"].gather(used).fill_null(""),
    )
    mine, others = place[: len(doc)], place[len(doc) :]
    meaning = [unit_vectors(side, encoder) for side in texts]
    words = _by_words(*texts)
    beside = _other_positives(meaning[1], owner, mine)
    hidden = _judged_relevant(data, asked, drawn)
    found = np.empty(len(doc))
    for start in range(0, len(doc), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        rows, docs = owner[part], mine[part]
        of_words = words[0][rows]
        views = (
            _view(meaning[0][rows], meaning[1], docs, others),
            _view(beside[part], meaning[1], docs, others),
            (
                np.asarray(of_words.multiply(words[1][docs]).sum(1)).ravel(),
                (of_words @ words[1][others].T).toarray(),
            ),
        )
        own, rest = (sum(each) for each in zip(*map(_standard, views), strict=True))
        found[part] = _place(np.asarray(own), np.asarray(rest), hidden[rows])
    return found


def _drawn(data: Collection, seed: int) -> Places:
    """int64[n]: rows of documents with a text, drawn by ids."""
    texts = data.corpus["text"].fill_null("").str.strip_chars()
    chance = uniforms(id_hashes(data.corpus["doc_id"]), stream_key(seed, "audit/labels/random"))
    order: Places = np.argsort(chance, kind="stable").astype(np.int64)
    there = (texts != "").to_numpy()[order]
    found: Places = order[there][:DRAWN]
    return found


def _by_words(queries: pl.Series, docs: pl.Series) -> tuple[Any, Any]:
    """TF-IDF vectors of length 1 of both sides, sparse."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    maker = TfidfVectorizer(sublinear_tf=True, token_pattern=r"\w+")
    made = maker.fit_transform([*docs.to_list(), *queries.to_list()]).tocsr()
    return made[len(docs) :], made[: len(docs)]


def _other_positives(docs: Floats, owner: Places, mine: Places) -> Floats:
    """float32[positives, dim]: where the other positives of the same query are; zeros for none."""
    sums = np.zeros((int(owner.max()) + 1, docs.shape[1]), np.float32)
    np.add.at(sums, owner, docs[mine])
    alone = np.bincount(owner)[owner] == 1
    return np.where(alone[:, None], np.float32(0), normalised(sums[owner] - docs[mine]))


def _view(asked: Floats, docs: Floats, mine: Places, others: Places) -> tuple[Any, Any]:
    """Likeness to the positive's own document, [n], and to the drawn ones, [n, drawn]."""
    return np.einsum("nd,nd->n", asked, docs[mine]), asked @ docs[others].T


def _standard(view: tuple[Any, Any]) -> tuple[Doubles, Doubles]:
    """In deviations of the drawn ones, so that views can be added; what says nothing is 0."""
    own, rest = view
    middle, spread = rest.mean(1), rest.std(1)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread, np.float64), where=spread > 1e-6)
    return (own - middle) * scale, (rest - middle[:, None]) * scale[:, None]


def _place(own: Doubles, rest: Doubles, hidden: Any) -> Doubles:
    """float64[n]: the share of the drawn ones that are as like or more so, itself among them."""
    counted = ~hidden
    above = ((rest >= own[:, None]) & counted).sum(1)
    found: Doubles = (above + 1) / (counted.sum(1) + 1)
    return found


def _judged_relevant(data: Collection, asked: Places, drawn: Places) -> Any:
    """bool[asked, drawn]: which drawn documents are positives of which query."""
    hidden = np.zeros((len(asked), len(drawn)), bool)
    order = np.argsort(drawn, kind="stable")
    query, doc = (data.positives[name].to_numpy().astype(np.int64) for name in ("query", "doc"))
    at = np.searchsorted(asked, query).clip(max=len(asked) - 1)
    to = np.searchsorted(drawn[order], doc).clip(max=len(drawn) - 1)
    there = (asked[at] == query) & (drawn[order][to] == doc)
    hidden[at[there], order[to[there]]] = True
    return hidden


def probability_wrong(u: Doubles, rate: float) -> Doubles:
    """float64[n]: how probable it is that each label is on a document drawn at random.

    `rate`: the share of all labels that are. The density of u is a histogram made to fall.

    >>> probability_wrong(np.linspace(0.01, 0.99, 50), 1.0).round(6).min()
    np.float64(1.0)
    """
    from sklearn.isotonic import IsotonicRegression

    if not len(u):
        return np.empty(0)
    bin_of = np.minimum((u * BINS).astype(np.int64), BINS - 1)
    height = np.bincount(bin_of, minlength=BINS) * (BINS / len(u))
    density = IsotonicRegression(increasing=False).fit_transform(np.arange(BINS), height)
    found: Doubles = np.minimum(rate / np.maximum(density[bin_of], 1e-12), 1.0)
    return found


def contradicted(data: Collection) -> pl.DataFrame:
    """query_id, doc_id of judged pairs whose very texts are judged the other way in another pair.

    Texts are the same where letters and digits are, in order, whatever their case and marks.
    """
    judged = data.qrels.filter(pl.col("relevance") >= 0)
    keyed = judged.select(*PAIR, positive=pl.col("relevance") > 0)
    for name, frame in (("query_id", data.queries), ("doc_id", data.corpus)):
        key = pl.Series(f"{name} key", normalised_keys(frame["text"].fill_null("")))
        keyed = keyed.join(frame.select(name).with_columns(key), on=name)
    same = [f"{name} key" for name in PAIR]
    return keyed.filter(pl.col("positive").n_unique().over(same) == 2).select(PAIR).sort(PAIR)
