"""Corrupted triples: the head or the tail of a known triple replaced, and never by a known one.

A triple (h, r, t) is corrupted at its tail by an entity e for which (h, r, e) is not known, or at
its head likewise. Replacements are drawn uniformly from all entities, or, as often as `mix` says,
from a *pool*: those that were seen on that side of the relation (types), those of the same cluster,
or a list of the question's own. What is known is left out exactly, by counting: of the n that are
not known the k-th is taken, so that nothing is drawn twice and no loop can hang, however many
answers a question has. Or it is drawn like any other and *dropped*: then a question has fewer
negatives the more answers it has, as it has with PyKEEN's filter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, get_args, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from negatives.arrays import Bools, Doubles, Keys, Places, Ragged, Rows
from negatives.chance import mix as mixed
from negatives.errors import InputError
from negatives.opening import Context
from negatives.sample.exclusion import within

HEAD: Final = 0
TAIL: Final = 2
_EVEN: Final = 0.5

Triples = NDArray[np.int64]
KnownDraws = Literal["redrawn", "dropped"]
"""What becomes of a draw that is a known triple: another takes its place, or none does."""


@dataclass(frozen=True)
class Graph:
    """The known triples by question: rows of (h, r, ?), then rows of (?, r, t).

    `keys: int64[rows]` is `(side * relations + r) * entities + e`, ascending, with side 0 of
    questions for the tail and e the entity that is given; `answers` has the known entities of each
    row, ascending.
    """

    entities: int
    relations: int
    keys: Places
    answers: Ragged[np.uint32]

    @staticmethod
    def of(triples: ArrayLike, *, entities: int, relations: int) -> Graph:
        """The questions of `triples: int[n, 3]`, in any order, repeats allowed."""
        given = np.asarray(triples)
        if given.ndim != 2 or given.shape[1] != 3 or not len(given):
            raise InputError(
                f"triples of shape {given.shape}", fix="give int[n, 3]: head, relation, tail"
            )
        head = within(given[:, HEAD], entities, "entity")
        relation = within(given[:, 1], relations, "relation")
        tail = within(given[:, TAIL], entities, "entity")
        key = np.concatenate([relation * entities + head, (relations + relation) * entities + tail])
        answer = np.concatenate([tail, head])
        order = np.lexsort((answer, key))
        key, answer = key[order], answer[order]
        new = np.ones(len(key), np.bool_)
        new[1:] = (key[1:] != key[:-1]) | (answer[1:] != answer[:-1])
        key, answer = key[new], answer[new]
        keys, row = np.unique(key, return_inverse=True)
        return Graph(
            entities, relations, keys, Ragged.of_owners(row, answer.astype(np.uint32), len(keys))
        )

    @property
    def relation_side(self) -> Places:
        """int64[rows]: `side * relations + r` of each row."""
        return self.keys // self.entities

    def rows(self, triples: Triples) -> Places:
        """int64[n, 2]: the rows of the tail's and of the head's question; -1: none is known."""
        relation = triples[:, 1]
        asked = np.stack(
            [
                relation * self.entities + triples[:, HEAD],
                (self.relations + relation) * self.entities + triples[:, TAIL],
            ],
            axis=1,
        )
        at = np.searchsorted(self.keys, asked)
        found = self.keys.take(at, mode="clip") == asked
        return np.where(found, at, -1)

    def seen_types(self) -> tuple[Ragged[np.uint32], Places]:
        """The entities seen on each side of each relation, and of each row which of these lists."""
        owner = self.relation_side[self.answers.owners]
        pairs = np.unique(owner * self.entities + self.answers.values)
        pool, entity = np.divmod(pairs, self.entities)
        pools = Ragged.of_owners(pool, entity.astype(np.uint32), 2 * self.relations)
        return pools, self.relation_side

    def head_shares(self) -> Doubles:
        """float64[relations]: how often the head is replaced, tph / (tph + hpt); .5 where unseen.

        tph is the mean number of tails of a (h, r, ?) that has some, hpt of heads of a (?, r, t)
        (Wang et al., 2014, TransH, section 3.2).
        """
        sizes = self.answers.lengths.astype(np.float64)
        total = np.bincount(self.relation_side, sizes, minlength=2 * self.relations)
        asked = np.bincount(self.relation_side, minlength=2 * self.relations)
        means = total / np.maximum(asked, 1)
        tph, hpt = means[: self.relations], means[self.relations :]
        both = tph + hpt
        made: Doubles = np.divide(tph, both, out=np.full(len(both), _EVEN), where=both > 0)
        return made


@dataclass(frozen=True)
class Pools:
    """Lists of entities to draw from besides the uniform law: which one is of a row, or an entity.

    `of_row: int64[rows]` or `of_entity: int64[entities]` name the list, -1: none; the other is
    empty. With `of_entity` the list of the entity that is replaced is drawn from.
    """

    lists: Ragged[np.uint32]
    of_row: Places = field(default_factory=lambda: np.empty(0, np.int64))
    of_entity: Places = field(default_factory=lambda: np.empty(0, np.int64))

    @staticmethod
    def clusters(group: ArrayLike, entities: int) -> Pools:
        """The entities of each group: int[entities]; below 0 is of none."""
        given = np.asarray(group)
        if given.shape != (entities,) or given.dtype.kind not in "ui":
            raise InputError(
                f"groups of shape {given.shape} and type {given.dtype} for {entities:,} entities",
                fix="give one whole number for each entity",
            )
        groups = given.astype(np.int64)
        some = np.flatnonzero(groups >= 0)
        lists = Ragged.of_owners(groups[some], some.astype(np.uint32), int(groups.max()) + 1)
        return Pools(lists, of_entity=groups)


@dataclass(frozen=True)
class Corruption:
    """How a source corrupts triples: from which lists, how often, and which side."""

    pools: Pools | None = None
    mix: float = 0.0
    head_shares: Doubles | None = None


@runtime_checkable
class Corrupts(Protocol):
    """A source by whose law triples can be corrupted at every step, so that nothing is mined."""

    def corruption(self, context: Context, graph: Graph, rows: Places) -> Corruption:
        """Its law for a graph; `rows: int64[queries]`, each query's row there, -1: none.

        Entities have the numbers of the collection's documents.
        """


@dataclass(frozen=True)
class Corruptions:
    """What is drawn for the triples of a graph: from where, which side, and what is left out."""

    graph: Graph
    mix: float = 0.0
    pools: Pools | None = None
    head_shares: Doubles | None = None
    """float64[relations]: how often the head is replaced; None: half of the time."""
    known_draws: KnownDraws = "redrawn"
    _excluded: tuple[Places, Rows, Places] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.mix <= 1:
            raise InputError(f"mix is {self.mix}", fix="a share, from 0 to 1")
        if self.mix and self.pools is None:
            raise InputError(
                f"mix is {self.mix}, and there is no list to draw from", fix="name one, or mix = 0"
            )
        if self.known_draws not in get_args(KnownDraws):
            raise InputError(f"known_draws is {self.known_draws!r}", fix='"redrawn" or "dropped"')
        object.__setattr__(self, "_excluded", self._known_in_pools())

    def draw(self, triples: Triples, key: int, count: int) -> tuple[Triples, Bools]:
        """int64[n, count, 3] corrupted triples, and bool[n, count] whether each is one.

        It is none where every entity answers both questions of a triple, and, where known ones are
        dropped, where a known one was drawn. They depend on `key`, on the place of the triple among
        `triples` and on the slot, and on nothing else.
        """
        from negatives.sample import triple_loop

        made = np.empty((len(triples), count, 3), np.int64)
        valid = np.empty((len(triples), count), np.bool_)
        shares = self.head_shares
        lists = self._lists()
        triple_loop.corrupt(
            np.ascontiguousarray(triples, dtype=np.int64),
            self.graph.rows(triples),
            self.graph.answers.starts,
            self.graph.answers.values,
            lists.lists.starts,
            lists.lists.values,
            lists.of_row,
            lists.of_entity,
            *self._excluded,
            self.graph.entities,
            np.full(self.graph.relations, _EVEN) if shares is None else shares,
            self.mix,
            self.known_draws == "dropped",
            mixed(np.array([key], np.uint64))[0],
            made,
            valid,
        )
        return made, valid

    def _lists(self) -> Pools:
        return self.pools or Pools(Ragged(np.zeros(1, np.int64), np.empty(0, np.uint32)))

    def _known_in_pools(self) -> tuple[Places, Rows, Places]:
        """starts[rows + 1], place and pool of known answers: their places in the lists they are in.

        Of each row ascending by (pool, place): what a draw from the row's list leaves out. None
        where known ones are drawn, and dropped.
        """
        if self.known_draws == "dropped":
            empty = np.empty(0, np.int64)
            return np.zeros(len(self.graph.keys) + 1, np.int64), empty.astype(np.uint32), empty
        answers, pools = self.graph.answers, self._lists()
        owners, known = answers.owners, answers.values.astype(np.int64)
        if len(pools.of_row):
            pool = pools.of_row[owners]
        elif len(pools.of_entity):
            pool = pools.of_entity[known]
        else:
            pool = np.full(len(known), -1)
        order = np.lexsort((pools.lists.values, pools.lists.owners))
        keys: Keys = (pools.lists.owners[order] * self.graph.entities).astype(np.uint64)
        keys += pools.lists.values[order]
        asked = (np.maximum(pool, 0) * self.graph.entities + known).astype(np.uint64)
        at = np.searchsorted(keys, asked)
        inside = (pool >= 0) & (keys.take(at, mode="clip") == asked if len(keys) else pool < -1)
        place = order.take(at[inside], mode="clip") - pools.lists.starts[pool[inside]]
        owner, pool = owners[inside], pool[inside]
        turn = np.lexsort((place, pool, owner))
        starts = np.searchsorted(owner[turn], np.arange(len(answers) + 1))
        return starts.astype(np.int64), place[turn].astype(np.uint32), pool[turn].astype(np.int64)
