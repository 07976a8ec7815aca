"""Vectors of a collection: no text is encoded twice, whatever stops the run in between."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from negatives.errors import DataError, WorkError
from negatives.events import Event, Noted, Progress, Warned
from negatives.find.dense import Dense
from negatives.machine import Machine
from negatives.models import embedding
from negatives.models.embedding import Embedded, chunks, distinct, embed
from negatives.models.encoder import Encoded, Encoder
from negatives.models.open_encoder import open_encoder
from negatives.models.static import BUNDLED, StaticEncoder
from negatives.schema import Collection
from negatives.stats.lengths import normalised
from negatives.store.embedding_care import prune, verify
from negatives.store.embedding_shards import text_keys
from negatives.store.embeddings import store_folder
from tests.build import collection, context

CORPUS = {"a": "a wing in a stream", "b": "heat at the wall", "c": "a wing in a stream", "d": " "}
QUERIES = {"q1": "lift of a wing", "q2": "heat at the wall"}
DATA = collection(CORPUS, QUERIES, [("q1", "a", 1), ("q2", "b", 1)])


@dataclass
class Counting:
    """The static encoder, counting what it is given."""

    inner: Encoder = field(default_factory=StaticEncoder)
    given: list[str] = field(default_factory=list)
    fingerprint: str = ""

    def __post_init__(self) -> None:
        self.fingerprint = self.fingerprint or self.inner.fingerprint

    @property
    def dim(self) -> int:
        return self.inner.dim

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.given += texts
        return self.inner.encode(texts)


@dataclass
class Told(Counting):
    """An encoder whose answers are written down: vector and cut flag of each text."""

    vectors: dict[str, list[float]] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    dim_: int = 2

    @property
    def dim(self) -> int:
        return self.dim_

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.given += texts
        made = [self.vectors.get(text, [1.0, 2.0]) for text in texts]
        return Encoded(np.array(made, np.float32), np.array([t in self.cut for t in texts]))


def embedded(
    encoder: Encoder, scratch: Path, data: Collection = DATA, **settings: Any
) -> tuple[Embedded, list[Event]]:
    heard: list[Event] = []
    opened = replace(context(data, scratch), emit=heard.append)
    return embed(encoder, opened, name="static", label="dense", **settings), heard


def notes(heard: list[Event]) -> dict[str, Any]:
    found = {event.name: dict(event.value) for event in heard if isinstance(event, Noted)}
    for note in found.values():
        assert note.pop("seconds") >= 0
    return found


def test_a_text_is_encoded_once_however_often_it_occurs(tmp_path: Path) -> None:
    encoder = Counting()
    made, heard = embedded(encoder, tmp_path)
    assert sorted(encoder.given) == sorted({*CORPUS.values(), *QUERIES.values()})
    expected = StaticEncoder().encode(list(CORPUS.values())).vectors
    expected = normalised(expected)
    np.testing.assert_array_equal(made.docs, expected)
    assert notes(heard) == {
        "encode dense queries": {
            "texts": 2, "distinct": 2, "from_store": 0, "encoded": 2, "truncated": 0,
        },
        "encode dense corpus": {
            "texts": 4, "distinct": 3, "from_store": 1, "encoded": 2, "truncated": 0,
        },
    }  # fmt: skip


def test_another_run_encodes_nothing_and_ends_in_the_same_bytes(tmp_path: Path) -> None:
    first, _ = embedded(Counting(), tmp_path / "one")
    again, heard = embedded(encoder := Counting(), tmp_path / "two")
    assert encoder.given == []
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert first.fingerprint == again.fingerprint
    assert [note["encoded"] for note in notes(heard).values()] == [0, 0]


def test_another_collection_encodes_only_what_no_collection_had(tmp_path: Path) -> None:
    embedded(Counting(), tmp_path / "one")
    other = collection({"x": "heat at the wall", "y": "new"}, {"q": "new query"}, [("q", "x", 1)])
    embedded(encoder := Counting(), tmp_path / "two", other)
    assert sorted(encoder.given) == ["new", "new query"]


def test_progress_counts_found_texts_as_done(tmp_path: Path) -> None:
    embedded(Counting(), tmp_path / "one")
    more = collection({**CORPUS, "e": "new"}, QUERIES, [("q1", "a", 1)])
    _, heard = embedded(Counting(), tmp_path / "two", more)
    told = [(e.stage, e.done, e.total) for e in heard if isinstance(e, Progress)]
    corpus = "encode corpus (dense)"  # which source's: each may have an encoder of its own
    assert told == [(corpus, 4, 5), (corpus, 5, 5)]


def test_a_side_that_is_stored_is_not_shown_as_encoded_again(tmp_path: Path) -> None:
    embedded(Counting(), tmp_path / "one")
    _, heard = embedded(Counting(), tmp_path / "two")
    assert not [event for event in heard if isinstance(event, Progress)]


def test_each_prompt_has_vectors_of_its_own(tmp_path: Path) -> None:
    encoder = Counting()
    with_prompt, _ = embedded(encoder, tmp_path / "one", query_prompt="query: ")
    assert {"query: lift of a wing", "query: heat at the wall"} <= set(encoder.given)
    without, _ = embedded(encoder, tmp_path / "two")
    assert with_prompt.fingerprint != without.fingerprint
    np.testing.assert_array_equal(with_prompt.docs, without.docs)
    assert (with_prompt.queries != without.queries).any(axis=1).all()
    plain = StaticEncoder().encode(list(QUERIES.values())).vectors
    expected = normalised(plain)
    np.testing.assert_array_equal(without.queries, expected)


def test_a_model_changed_under_its_name_never_gets_the_vectors_of_the_old(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(BUNDLED, model)
    before, _ = embedded(Counting(StaticEncoder(model)), tmp_path / "one")
    table = load_file(model / "table.safetensors")
    save_file({**table, "table": table["table"][::-1].copy()}, model / "table.safetensors")
    after, _ = embedded(encoder := Counting(StaticEncoder(model)), tmp_path / "two")
    assert len(encoder.given) == 4
    assert (before.docs[0] != after.docs[0]).any()
    assert before.fingerprint != after.fingerprint


@pytest.mark.slow
def test_a_sentence_transformers_model_trained_further_in_its_folder_is_another(
    tmp_path: Path,
) -> None:
    library = pytest.importorskip("sentence_transformers")
    modules = pytest.importorskip("sentence_transformers.models")
    tokenizers = pytest.importorskip("tokenizers")
    words = {word: n for n, word in enumerate(["[UNK]", "wing", "heat", "wall", "lift", "stream"])}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, "[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()

    def save(seed: int) -> None:
        weights = np.random.default_rng(seed).normal(size=(len(words), 8)).astype(np.float32)
        static = modules.StaticEmbedding(model, embedding_weights=weights)
        library.SentenceTransformer(modules=[static], device="cpu").save(str(tmp_path / "model"))

    save(1)
    spec = str(tmp_path / "model")
    before, _ = embedded(Counting(open_encoder(spec)), tmp_path / "one")
    embedded(same := Counting(open_encoder(spec)), tmp_path / "two")
    assert same.given == []
    save(2)
    after, _ = embedded(other := Counting(open_encoder(spec)), tmp_path / "three")
    assert len(other.given) == 4
    assert (before.docs[0] != after.docs[0]).any()


@dataclass
class Served(Told):
    """A model behind an address: its fingerprint stays when it is replaced."""

    remote: bool = True
    fingerprint: str = "endpoint-1"


def test_a_served_model_that_was_replaced_does_not_get_the_vectors_of_the_old(
    tmp_path: Path,
) -> None:
    before, _ = embedded(Served(), tmp_path / "one")
    embedded(same := Served(), tmp_path / "two")
    assert same.given == [embedding.PROBE] * 2
    other = {text: [2.0, -1.0] for text in (embedding.PROBE, *CORPUS.values(), *QUERIES.values())}
    after, _ = embedded(Served(vectors=other), tmp_path / "three")
    np.testing.assert_allclose(after.docs[0] @ before.docs[0], 0, atol=1e-6)
    assert before.fingerprint != after.fingerprint
    embedded(again := Served(vectors=other), tmp_path / "four")
    assert again.given == [embedding.PROBE] * 2


@pytest.mark.parametrize(
    ("vector", "said"),
    [
        ([np.nan, 1.0], "1 vectors of the corpus contain NaN or infinity: a"),
        ([np.inf, 1.0], "1 vectors of the corpus contain NaN or infinity: a"),
        ([0.0, 0.0], "1 vectors of the corpus are all zero: a"),
    ],
)
def test_a_vector_that_cannot_be_compared_stops_the_run_before_its_chunk_is_stored(
    vector: list[float], said: str, tmp_path: Path
) -> None:
    bad = Told(fingerprint="told", vectors={CORPUS["a"]: vector, " ": [0.0, 0.0]})
    with pytest.raises(DataError) as caught:
        embedded(bad, tmp_path / "bad")
    assert said in str(caught.value)
    mended = Told(fingerprint="told", vectors={" ": [0.0, 0.0]})  # an empty text may be zero
    embedded(mended, tmp_path / "good")
    assert sorted(mended.given) == sorted({CORPUS["a"], " "})  # the queries' chunk was kept


def test_texts_that_were_cut_are_counted_each_and_told_once_a_side(tmp_path: Path) -> None:
    for scratch in ("one", "two"):  # encoded, and found
        encoder = Told(fingerprint="cutting", cut=(CORPUS["a"],))
        _, heard = embedded(encoder, tmp_path / scratch)
        assert [note["truncated"] for note in notes(heard).values()] == [0, 2]
        assert [event.text for event in heard if isinstance(event, Warned)] == [
            "2 of 4 texts of the corpus are longer than encoder static reads: they are compared "
            "by their beginnings only"
        ]


def test_a_few_cut_texts_are_counted_and_not_worth_a_word(tmp_path: Path) -> None:
    many = collection({f"d{n}": f"text {n}" for n in range(200)}, QUERIES, [("q1", "d1", 1)])
    _, heard = embedded(Told(cut=("text 7", "text 8")), tmp_path, many)
    assert notes(heard)["encode dense corpus"]["truncated"] == 2
    assert not [event for event in heard if isinstance(event, Warned)]


def test_switched_off_the_vectors_stay_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = store_folder()
    monkeypatch.setenv("NEGATIVES_CACHE", "off")
    embedded(Counting(), tmp_path / "one")
    assert list((tmp_path / "one").rglob("*.safetensors"))
    assert shared is not None
    assert not shared.exists()
    embedded(encoder := Counting(), tmp_path / "two")
    assert len(encoder.given) == 4


def test_where_nothing_can_be_shared_the_run_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / "file"))
    made, heard = embedded(Counting(), tmp_path / "one")
    assert made.docs.shape == (4, 256)
    (warning,) = [event.text for event in heard if isinstance(event, Warned)]
    assert warning.startswith("vectors are not shared with other runs")
    assert "NEGATIVES_CACHE" in warning


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_a_small_memory_gives_the_same_bytes(tmp_path: Path, similarity: str) -> None:
    many = {f"d{n:05d}": f"wing number {n % 777} of {n % 7}" for n in range(6000)}
    data = collection(many, QUERIES, [("q1", "d00001", 1)])
    made = []
    for scratch, memory in (("large", 2**30), ("small", 2**20)):
        opened = replace(context(data, tmp_path / scratch), machine=Machine(memory=memory))
        found = embed(
            StaticEncoder(), opened, name="s", label="dense",
            similarity=similarity,  # type: ignore[arg-type]
        )  # fmt: skip
        made.append(np.array(found.docs))
        prune(store_folder() or Path(), to=0)
    np.testing.assert_array_equal(made[0], made[1])
    plain = StaticEncoder().encode(list(many.values())).vectors
    expected = normalised(plain) if similarity == "cosine" else plain
    np.testing.assert_array_equal(made[0], expected)


def test_damage_stops_the_run_and_repair_lets_the_next_one_heal_it(tmp_path: Path) -> None:
    embedded(Counting(), tmp_path / "one")
    folder = store_folder()
    assert folder is not None
    for path in folder.rglob("*.safetensors"):
        content = bytearray(path.read_bytes())
        content[-40] ^= 1
        path.write_bytes(content)
    with pytest.raises(WorkError, match="is damaged") as caught:
        embedded(Counting(), tmp_path / "two")
    assert "verify --repair" in caught.value.fix
    assert verify(folder, repair=True).lost == 4
    embedded(encoder := Counting(), tmp_path / "two")
    assert len(encoder.given) == 4
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_the_dense_source_reads_what_was_stored(tmp_path: Path) -> None:
    made, _ = embedded(Counting(), tmp_path / "one")
    opened = Dense().open(context(DATA, tmp_path / "two"))
    np.testing.assert_array_equal(opened.doc_vectors, made.docs)
    assert opened.fingerprint == made.fingerprint


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.npy")}


class Moody(StaticEncoder):
    """An encoder whose vectors depend on all that is encoded with them; it can be killed."""

    calls = 0
    die_at = 0

    def encode(self, texts: Sequence[str]) -> Encoded:
        self.calls += 1
        if self.calls == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        made = super().encode(texts)
        mood = hashlib.blake2b("\0".join(texts).encode(), digest_size=2).digest()
        return Encoded(made.vectors + np.float32(mood[0] / 1000), made.truncated)


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from negatives.machine import Machine
from negatives.models import embedding
from negatives.store import embeddings
from tests.build import collection, context
from tests.models.test_embedding import Moody
embedding.CHUNK_TEXTS = 50
embeddings.LONGEST = 1e9
docs = {f"d{n:03d}": f"wing {n % 400} {n % 3}" for n in range(500)}
queries = {f"q{n:03d}": f"wing {n} {n % 3}" for n in range(120)}  # texts of the corpus too
data = collection(docs, queries, [(q, "d000", 1) for q in queries])
encoder = Moody()
encoder.die_at = int(sys.argv[2])
little = Machine(memory=8 * 120 * 256 * 4)  # shards of 3 chunks
opened = replace(context(data, Path(sys.argv[1])), machine=little)
embedding.embed(encoder, opened, name="moody", label="dense")
print(encoder.calls)
"""


@pytest.mark.slow
def test_killed_at_any_chunk_and_run_again_a_run_ends_in_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(name: str, die_at: int) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("NEGATIVES_CACHE", str(tmp_path / f"cache-{name}"))
        command = [sys.executable, "-c", KILLED, str(tmp_path / name), str(die_at)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    calls = int(run("whole", 0).stdout)
    assert calls >= 10
    for die_at in (5, calls):
        name = f"killed-{die_at}"
        assert run(name, die_at).returncode == -signal.SIGKILL
        assert run(name, 2).returncode == -signal.SIGKILL  # and once more, further on
        assert run(name, 0).returncode == 0
        assert contents(tmp_path / name) == contents(tmp_path / "whole")


@given(st.lists(st.integers(0, 40), max_size=60), st.sampled_from([1, 5, 50]))
def test_chunks_cover_the_texts_in_order_and_none_is_too_large(
    lengths: list[int], dim: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding, "CHUNK_TEXTS", 7)
        patch.setattr(embedding, "CHUNK_TEXT_BYTES", 50)
        patch.setattr(embedding, "CHUNK_VECTOR_BYTES", 60)
        found = list(chunks(np.array(lengths, np.int64), dim))
    assert [n for start, stop in found for n in range(start, stop)] == list(range(len(lengths)))
    for start, stop in found:
        size = stop - start
        assert size == 1 or (size <= 7 and size * dim * 4 <= 60 and sum(lengths[start:stop]) <= 50)


@given(st.lists(st.sampled_from(["", "a", "b", "c", "ab"]), max_size=12))
def test_distinct_texts_are_those_of_a_dictionary(texts: list[str]) -> None:
    first, of_text = distinct(text_keys(texts))
    seen = list(dict.fromkeys(texts))
    assert [texts[row] for row in first] == seen
    assert first.tolist() == [texts.index(text) for text in seen]
    assert [seen[number] for number in of_text] == texts
