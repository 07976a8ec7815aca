"""Labelled pairs put to a language model in several ways that mean the same.

The words yes and no change places, the question is put in other words or the other way round, a
third answer is offered, unsure, an emotional appeal follows (`models.stimuli`), or several
documents are shown in one call, in two orders. What a good judge says does not depend on that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Doubles
from negatives.chance import id_hashes, pair_uniforms, stream_key, uniforms
from negatives.judge.abstain import UNSURE
from negatives.judge.llm_score import Relevant, listed, log_odds, spoken_chance
from negatives.judge.shown_pairs import ShownPairs
from negatives.measure.audits.subject import Subject
from negatives.models.chat import Chat, Form
from negatives.models.chat_reply import Answer
from negatives.models.language_model import Words
from negatives.models.prompt import Filling, Messages, Prompt
from negatives.models.stimuli import STIMULI
from negatives.schema import PAIR, Collection

ALONE: Final = "as asked"
SWAPPED: Final = "no named before yes"
WORDED: Final = "in other words"
TURNED: Final = "the other way round"
OFFERED: Final = "when it may say unsure"
LISTED: Final = "several in a call"
EARLY: Final = "early in a list"
LATE: Final = "late in a list"
UNSURE_IS: Final = 0.5
"""What unsure counts as, between yes and no."""
FEWEST: Final = 20
"""Queries, below which nothing is said."""

_ONE: Final = Words(("query", "document"), ("positives",), ("swapped",))
_MANY: Final = Words(("query", "documents"), ("positives",))
_WORD: Final = Form(8, alternatives=20)
_NUMBER: Final = 8
"""Tokens that naming one document of a list may take, and the object around them thrice that."""


def appeal(number: int) -> str:
    """What the way of asking with an emotional appeal is called, from 1 on."""
    return f"with appeal {number}"


def labelled(
    subject: Subject, queries: int, documents: int, among: Iterable[str] | None = None
) -> tuple[pl.DataFrame, bool]:
    """query_id, doc_id, relevant: pairs of known labels, of each query some of either sort.

    At most so many `queries`, drawn by ids (of those `among` these, where they are named), with at
    most so many `documents`: half of them are positives, where there are as many. The others are
    pairs that the truth, or the collection, judges not relevant, and where fewer than `FEWEST`
    queries have such, the negatives; the flag says whether they were judged.
    """
    data, truth = subject.collection, subject.truth
    said = data.qrels if truth is None else pl.concat([data.qrels.select(truth.columns), truth])
    positive = said.filter(pl.col("relevance") > 0).select(PAIR).unique()
    zero = (truth if truth is not None else data.qrels).filter(pl.col("relevance") == 0)
    judged = zero.select(PAIR).unique().join(positive, on="query_id", how="semi")
    known = judged["query_id"].n_unique() >= FEWEST
    others = judged if known else subject.negatives.select(PAIR)
    others = others.join(positive, on=PAIR, how="anti")
    sorts = [_shuffled(data, each, subject.seed) for each in (positive, others)]
    first = sorts[0].filter(pl.col("place") < max(documents // 2, 1))
    rest = sorts[1].join(first.group_by("query_id").agg(room=documents - pl.len()), on="query_id")
    rest = rest.filter(pl.col("place") < pl.col("room")).drop("room")
    both = pl.concat([first.with_columns(relevant=True), rest.with_columns(relevant=False)])
    both = both.filter(pl.col("relevant").n_unique().over("query_id") == 2)
    if among is not None:
        both = both.filter(pl.col("query_id").is_in(list(among)))
    names = both["query_id"].unique().sort()
    drawn = uniforms(id_hashes(names), stream_key(subject.seed, "audit/judge-bias/queries"))
    kept = names.gather(np.argsort(drawn)[:queries])
    found = both.filter(pl.col("query_id").is_in(kept.implode())).sort(PAIR)
    return found.select(*PAIR, "relevant"), known


def _shuffled(data: Collection, pairs: pl.DataFrame, seed: int) -> pl.DataFrame:
    """The pairs of which both sides have a text, with their `place` in their query, by chance."""
    rows = data.rows_of(pairs)
    for side, column in (("docs", "doc"), ("queries", "query")):
        empty = pl.Series(data.lacking(side, ("text",)), dtype=pl.UInt32)  # type: ignore[arg-type]
        rows = rows.filter(~pl.col(column).is_in(empty.implode()))
    found = data.ids_of(rows).select(PAIR)
    chance = pl.Series("chance", pair_uniforms(found, seed, "audit/judge-bias"))
    place = (pl.col("chance").rank("ordinal").over("query_id") - 1).cast(pl.Int64)
    return found.with_columns(chance).with_columns(place=place).drop("chance")


def asked_in_ways(
    chat: Chat, pairs: ShownPairs, *, documents: int, appeals: int
) -> Mapping[str, Doubles]:
    """Way of asking -> float64[pairs]: 1 where the reply says relevant, 0 where not; NaN: neither.

    Unsure, where that is offered, is a half: it moves the share of yes where noes turn into it more
    often than yeses do.

    `pairs` are sorted by query; a list shows at most so many `documents` of one.
    """
    alone, worded, turned, offered = (
        Prompt(name, *_ONE)
        for name in ("judge-yes-no", "judge-yes-no-worded", "judge-yes-no-turned", "judge-abstain")
    )
    texts: list[dict[str, Filling]] = pairs.one_by_one()
    usual = [alone.filled(each) for each in texts]
    said = {
        ALONE: _words(chat, alone, usual),
        SWAPPED: _words(chat, alone, [alone.filled({**each, "swapped": True}) for each in texts]),
        WORDED: _words(chat, worded, [worded.filled(each) for each in texts]),
        TURNED: 1 - _words(chat, turned, [turned.filled(each) for each in texts]),
        OFFERED: _words(chat, offered, [offered.filled(each) for each in texts]),
    }
    for number, stimulus in enumerate(STIMULI[:appeals], start=1):
        moved = [each._replace(user=f"{each.user}\n\n{stimulus}") for each in usual]
        said[appeal(number)] = _words(chat, alone, moved)
    return said | _lists(chat, pairs, documents)


def _words(chat: Chat, prompt: Prompt, questions: list[Messages]) -> Doubles:
    answers = chat.ask(prompt, questions, _WORD)
    return np.array([np.nan if each is None else _said(each) for each in answers])


def _said(answer: Answer) -> float:
    """1: yes; 0: no; a half: unsure, where that is more probable than not."""
    if spoken_chance(answer, UNSURE) >= 0.5:
        return UNSURE_IS
    odds = log_odds(answer)
    return np.nan if np.isnan(odds) else float(odds > 0)


def _lists(chat: Chat, pairs: ShownPairs, size: int) -> dict[str, Doubles]:
    """Each list in two orders: what is said of a document there, where it stands early and late.

    A document in the middle of a list stands in neither half.
    """
    prompt, form = Prompt("judge-list", *_MANY), Form(_NUMBER * (size + 3), schema=Relevant)
    lists = [each for each in pairs.lists(size) if len(each) > 1]
    found = {name: np.full(len(pairs), np.nan) for name in (EARLY, LATE)}
    both = np.full((2, len(pairs)), np.nan)
    for order, step in enumerate((1, -1)):
        shown = [each[::step] for each in lists]
        questions = [prompt.filled(each) for each in pairs.in_lists(shown)]
        for places, answer in zip(shown, chat.ask(prompt, questions, form), strict=True):
            odds = None if answer is None else listed(answer, len(places))
            if odds is not None:
                yes, half = np.array(odds) > 0, len(places) // 2
                both[order, places] = yes
                found[EARLY][places[:half]] = yes[:half]
                found[LATE][places[-half:]] = yes[-half:]
    return {LISTED: both.mean(axis=0), **found}
