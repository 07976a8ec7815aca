"""Sequences planted into documents, by which it is told later that a model was trained on them.

Meeus et al. 2024, "Copyright Traps for Large Language Models". A language model writes sequences
that nobody else would; half of them are planted, and the others, which are as probable, are never
shown to anybody. A model that finds the planted ones more probable has seen the documents: the
check `contamination` asks that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from negatives.arrays import Places
from negatives.chance import id_hashes, stream_key, uniforms
from negatives.errors import DataError, InputError, WorkError
from negatives.events import Progress
from negatives.models.causal_lm import CausalLM
from negatives.needs import check_needs
from negatives.optional import torch
from negatives.schema import TEXTS, Collection, check_collection

TEMPERATURES: Final = tuple(step / 2 for step in range(1, 9))
"""At which sequences are written, in turn: improbable ones are wanted, too."""
MOST: Final = 100.0
"""Perplexity of a sequence, at most."""
BUCKETS: Final = 9
"""Equal ranges of perplexity: each gives as many sequences as the others, or what it has."""
ALIKE: Final = 0.2
"""Share of tokens that two sequences may have in common (Jaccard)."""
_AT_ONCE: Final = 32
_TRIES: Final = 40
"""Sequences that are written for each one that is wanted, before it is given up."""


@dataclass(frozen=True)
class Canaries:
    """`collection` has the planted sequences; `planted`: doc_id, text; `unseen`: doc_id, text."""

    collection: Collection
    planted: pl.DataFrame
    unseen: pl.DataFrame


def plant_canaries(
    collection: Collection,
    model: CausalLM,
    *,
    count: int = 40,
    tokens: int = 25,
    repeats: int = 10,
    seed: int = 0,
) -> Canaries:
    """Plant `count` sequences of so many tokens that `model` writes, and hold as many out.

    Each is written `repeats` times into a document of its own, at ends of sentences. `InputError`
    where there are fewer documents with text than sequences, `WorkError` where the model writes too
    few that are usable.
    """
    for name, value, least in (
        ("count", count, 10),
        ("tokens", tokens, 8),
        ("repeats", repeats, 1),
    ):
        if value < least:
            raise InputError(f"{name} is {value:,}", where=name, fix=f"give {least} or more")
    check_needs(collection, TEXTS, "planting sequences")
    empty = collection.corpus["doc_id"].gather(collection.empty_docs)
    docs = collection.corpus.filter(~pl.col("doc_id").is_in(empty.implode())).sort("doc_id")
    if len(docs) < count:
        raise InputError(
            f"{len(docs):,} documents have a text, and each of {count:,} sequences needs one",
            where=f"collection {collection.name!r}",
            fix="plant fewer sequences",
        )
    planted, unseen = _halves(written(model, 2 * count, tokens, seed=seed), seed)
    draw = uniforms(id_hashes(docs["doc_id"]), stream_key(seed, "canaries/documents"))
    chosen = docs.with_columns(draw=pl.Series(draw)).sort("draw", "doc_id").head(count)
    grown = {
        doc: _inserted(text, canary, repeats, seed, doc)
        for (doc, text), canary in zip(
            chosen.select("doc_id", "text").iter_rows(), planted, strict=True
        )
    }
    new = pl.DataFrame({"doc_id": list(grown), "new": list(grown.values())})
    corpus = collection.corpus.join(new, on="doc_id", how="left", maintain_order="left")
    corpus = corpus.with_columns(text=pl.coalesce("new", "text")).drop("new")
    made = replace(collection, corpus=corpus, origin="", name=f"{collection.name}, with canaries")
    return Canaries(
        check_collection(made),
        pl.DataFrame({"doc_id": chosen["doc_id"], "text": planted}),
        pl.DataFrame({"doc_id": [f"unseen-{n}" for n in range(len(unseen))], "text": unseen}),
    )


def written(model: CausalLM, count: int, tokens: int, *, seed: int = 0) -> list[str]:
    """So many sequences, the less probable ones last; no two have much in common.

    Each is read by the model as the tokens that it wrote, is a single line, and has a perplexity of
    1 to `MOST`, spread over that range as evenly as the model allows.
    """
    kept: list[tuple[float, str, frozenset[int]]] = []
    room = dict.fromkeys(range(BUCKETS), -(-count // BUCKETS))
    spare: list[tuple[float, str, frozenset[int]]] = []
    tried = 0
    for rows in _drawn(model, tokens, seed):
        texts = [model.text(row) for row in rows]
        sound = [n for n, row in enumerate(rows) if _usable(model, texts[n], row)]
        read = model.continuations([("", texts[n]) for n in sound])
        for n, said in zip(sound, read, strict=True):
            own = frozenset(rows[n])
            if said.perplexity > MOST or any(_alike(own, other) for *_, other in kept + spare):
                continue
            bucket = min(int((said.perplexity - 1) / (MOST - 1) * BUCKETS), BUCKETS - 1)
            entry = (said.perplexity, texts[n], own)
            if room[bucket]:
                room[bucket] -= 1
                kept.append(entry)
            else:
                spare.append(entry)
        tried += len(rows)
        model.emit(Progress("write", min(len(kept), count), count, "sequences"))
        if len(kept) >= count or tried >= _TRIES * count:
            break
    kept = sorted(kept + spare[: max(0, count - len(kept))])[:count]
    if len(kept) < count:
        raise WorkError(
            f"of {tried:,} sequences that the model wrote {len(kept):,} are usable, and {count:,} "
            "are needed",
            where=model.name,
            fix="plant fewer or shorter sequences, or name a model that knows more words",
        )
    return [text for _, text, _ in kept]


def _usable(model: CausalLM, text: str, tokens: Sequence[int]) -> bool:
    """Whether it is one line, and is read as it was written."""
    plain = text == text.strip() and text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text
    return plain and [piece.token for piece in model.pieces(text)] == list(tokens)


def _alike(ours: frozenset[int], theirs: frozenset[int]) -> bool:
    return len(ours & theirs) > ALIKE * len(ours | theirs)


def _drawn(model: CausalLM, length: int, seed: int) -> Iterator[list[list[int]]]:
    """Batches of sequences of tokens, drawn from nothing, at one temperature after another."""
    if model.start is None:
        raise DataError(
            "the model has no token that begins a text, so that it cannot write from nothing",
            where=model.name,
            fix="name another model",
        )
    shut = torch.tensor(sorted({model.start, *model.ends}), device=model.device)
    batch = 0
    while True:
        temperature = TEMPERATURES[batch % len(TEMPERATURES)]
        chance = np.random.Generator(np.random.PCG64(int(stream_key(seed, f"canaries/{batch}"))))
        token, mask = model.padded([[model.start]] * _AT_ONCE)
        cache, rows = None, []
        for _ in range(length):
            out = model.read(token, mask, cache)
            cache, logits = out.past_key_values, out.logits[:, -1].double() / temperature
            logits[:, shut] = -torch.inf
            noise = chance.gumbel(size=(_AT_ONCE, logits.shape[1]))
            token = (logits + torch.from_numpy(noise).to(logits.device)).argmax(1, keepdim=True)
            mask = torch.cat([mask, torch.ones_like(token)], 1)
            rows.append(token[:, 0].cpu().numpy())
        yield np.stack(rows, axis=1).tolist()
        batch += 1


def _halves(texts: list[str], seed: int) -> tuple[list[str], list[str]]:
    """Of each two neighbours in how probable they are, one for either side, by chance."""
    first = (
        uniforms(np.arange(len(texts) // 2, dtype=np.uint64), stream_key(seed, "canaries")) < 0.5
    )
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    sides = [(pair if own else pair[::-1]) for pair, own in zip(pairs, first, strict=True)]
    return [ours for ours, _ in sides], [theirs for _, theirs in sides]


def _inserted(text: str, canary: str, repeats: int, seed: int, doc: str) -> str:
    """The text with lines of the canary at ends of its sentences and lines, drawn by chance."""
    ends = _ends(text)
    chance = np.random.Generator(np.random.PCG64(int(stream_key(seed, f"canaries/in/{doc}"))))
    at = np.sort(chance.choice(ends, repeats))
    parts, last = [], 0
    for place in at.tolist():
        parts += [text[last:place].strip(), canary]
        last = place
    return "\n".join(part for part in (*parts, text[last:].strip()) if part)


def _ends(text: str) -> Places:
    """int64[n]: where sentences and lines of a text end, its own end among them."""
    found = [n + 1 for n, sign in enumerate(text[:-1]) if sign == "\n" or text[n : n + 2] == ". "]
    return np.array([*found, len(text)], np.int64)
