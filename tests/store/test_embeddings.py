"""The embedding store: what was encoded once is found again, whole, or the damage is named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Floats, Keys
from negatives.errors import DiskFull, WorkError
from negatives.store import embeddings
from negatives.store.embedding_shards import list_shards, text_keys, write_shard
from negatives.store.embeddings import About, EmbeddingStore, Space, store_folder

DIM = 3


def about(**changed: object) -> About:
    made = {"fingerprint": "f", "encoder": "e", "prompt": "", "dim": DIM} | changed
    return About(**made)  # type: ignore[arg-type]


def vectors_of(values: list[int]) -> Floats:
    """A row of its own for every number."""
    return np.array([[n, -n, n % 7] for n in values], np.float32).reshape(-1, DIM)


def keys_of(values: list[int]) -> Keys:
    return text_keys([str(n) for n in values])


def add(space: Space, *values: int) -> None:
    cut = np.array([n % 2 for n in values], bool)
    space.append(keys_of(list(values)), vectors_of(list(values)), cut)


def store(tmp_path: Path) -> EmbeddingStore:
    return EmbeddingStore(tmp_path / "embeddings")


def shard_paths(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("*.safetensors"))


def test_what_was_added_is_found_by_the_next_who_opens_the_space(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1, 2, 3)
    with store(tmp_path).space(about()) as space:
        places = space.locate(keys_of([3, 9, 1]))
        assert (places < 0).tolist() == [False, True, False]
        found = space.read(places[[0, 2, 0]])
        np.testing.assert_array_equal(found.vectors, vectors_of([3, 1, 3]))
        assert found.truncated.tolist() == [True, True, True]


halves_of_keys = st.integers(0, 3) | st.integers(2**64 - 3, 2**64 - 1)
some_keys = st.lists(st.tuples(halves_of_keys, halves_of_keys), unique=True, max_size=12)


@pytest.mark.slow
@given(st.lists(some_keys, max_size=5), some_keys)
def test_any_keys_are_found_where_a_dictionary_has_them(
    tmp_path_factory: pytest.TempPathFactory,
    added: list[list[tuple[int, int]]],
    wanted: list[tuple[int, int]],
) -> None:
    oracle: dict[tuple[int, int], int] = {}
    folder, number = tmp_path_factory.mktemp("any"), 0
    with EmbeddingStore(folder).space(about()) as space:
        for keys in added:
            values = list(range(number, number + len(keys)))
            number += len(keys)
            if keys:
                held = np.array(keys, np.uint64)
                space.append(held, vectors_of(values), np.zeros(len(keys), bool))
                space.flush()
            oracle = dict(zip(keys, values, strict=True)) | oracle  # the first to come is believed
        places = space.locate(np.array(wanted, np.uint64).reshape(-1, 2))
        assert (places >= 0).tolist() == [key in oracle for key in wanted]
        expected = [oracle[key] for key in wanted if key in oracle]
        found = space.read(places[places >= 0]).vectors
        np.testing.assert_array_equal(found, vectors_of(expected))


@pytest.mark.parametrize("changed", [{"fingerprint": "g"}, {"prompt": "query: "}, {"dim": 4}])
def test_vectors_of_another_model_prompt_or_width_are_in_another_space(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1)
    with store(tmp_path).space(about(**changed)) as space:
        assert space.locate(keys_of([1])).tolist() == [-1]


def test_a_model_under_another_name_is_the_same_space(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1)
    with store(tmp_path).space(about(encoder="./a/copy/of/e")) as space:
        assert space.locate(keys_of([1])).tolist() == [0]


def test_what_is_added_at_once_lies_in_one_shard_and_small_lots_share_one(tmp_path: Path) -> None:
    with EmbeddingStore(tmp_path, memory=8 * 10 * DIM * 4).space(about()) as space:
        for start in range(0, 32, 4):  # ten vectors fill a shard: three lots of four
            add(space, *range(start, start + 4))
    assert [shard.rows for shard in list_shards(next(tmp_path.iterdir()))] == [12, 12, 8]


def test_a_killed_writer_leaves_whole_shards_only(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1, 2)
        space.flush()
        (space.folder / ".partial-0-000002-2-0.safetensors").write_bytes(b"half a shard")
        assert (space.locate(keys_of([1, 2])) >= 0).all()
        assert len(list_shards(space.folder)) == 1


WRITER = """
import sys
from pathlib import Path
from tests.store.test_embeddings import about, add, store
first, folder = int(sys.argv[1]), Path(sys.argv[2])
with store(folder).space(about()) as space:
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(first, first + 20):
        add(space, n, n + 1000)
        space.flush()
"""


@pytest.mark.slow
def test_two_processes_may_add_to_a_space_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(first), str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for first in (0, 10)  # half of the texts are the other's too
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.communicate("go\n")
        assert writer.returncode == 0
    wanted = [*range(30), *range(1000, 1030)]
    with store(tmp_path).space(about()) as space:
        places = space.locate(keys_of(wanted))
        found = space.read(places).vectors
    np.testing.assert_array_equal(found, vectors_of(wanted))


def test_any_changed_byte_is_noticed_before_a_vector_is_believed(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1, 2)
    (path,) = shard_paths(tmp_path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        with store(tmp_path).space(about()) as space, pytest.raises(WorkError) as caught:
            space.read(space.locate(keys_of([1, 2])))
        assert caught.value.where == str(path)
        assert "negatives cache verify --repair" in caught.value.fix


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_shard_that_was_cut_short_is_noticed(tmp_path: Path, kept: int) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1, 2)
    (path,) = shard_paths(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with store(tmp_path).space(about()) as space, pytest.raises(WorkError, match="is damaged"):
        space.locate(keys_of([1]))


@pytest.mark.parametrize("content", [b"", b"{}", b'{"schema_version": 1}', b"\xff"])
def test_a_space_that_does_not_say_what_it_holds_is_not_used(
    tmp_path: Path, content: bytes
) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1)
    (space.folder / "space.json").write_bytes(content)
    with pytest.raises(WorkError, match="is damaged"), store(tmp_path).space(about()):
        pass


def test_shards_without_a_space_json_are_not_used(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1)
    (space.folder / "space.json").unlink()
    with pytest.raises(WorkError, match="it is gone"), store(tmp_path).space(about()):
        pass


def test_a_served_model_that_changed_gets_a_space_of_its_own_and_finds_the_old_again(
    tmp_path: Path,
) -> None:
    before, after = about(probe=(1.0, 0.0, 0.0)), about(probe=(0.9, 0.4, 0.0))
    with store(tmp_path).space(before) as space:
        add(space, 1)
    with store(tmp_path).space(about(probe=(2.0, 0.01, 0.0))) as space:  # the same direction
        assert space.locate(keys_of([1])).tolist() == [0]
    with store(tmp_path).space(after) as space:
        assert space.locate(keys_of([1])).tolist() == [-1]
        add(space, 2)
    with store(tmp_path).space(after) as space:
        assert space.locate(keys_of([1, 2])).tolist() == [-1, 0]
    with store(tmp_path).space(before) as space:
        assert space.locate(keys_of([1, 2])).tolist() == [0, -1]


def test_many_small_shards_become_one_and_every_text_keeps_the_vector_it_got_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "MANY", 10)
    keys = keys_of(list(range(200)))

    def shard(folder: Path, number: int, texts: list[int], value: int) -> None:
        cut = np.zeros(len(texts), bool)
        write_shard(folder, number, keys[texts], vectors_of([value] * len(texts)), cut)

    with store(tmp_path).space(about()) as space:
        for number in range(1, 10):
            shard(space.folder, number, [number, number + 1, number + 2], number)
        monkeypatch.setattr(embeddings, "SMALL", 2000)
        shard(space.folder, 5, [*range(12), *range(100, 200)], 99)  # not small; fifth in order
    with store(tmp_path).space(about()) as space:
        places = space.locate(keys)
        before = space.read(places[places >= 0]).vectors
        shard(space.folder, 10, [20], 10)
        shard(space.folder, 11, [20, 21], 11)
    assert len(shard_paths(tmp_path)) == 2
    with store(tmp_path).space(about()) as space:
        now = space.locate(keys)
        np.testing.assert_array_equal(now >= 0, (places >= 0) | np.isin(np.arange(200), [20, 21]))
        np.testing.assert_array_equal(space.read(now[places >= 0]).vectors, before)
        new = space.read(now[[20, 21]]).vectors
        np.testing.assert_array_equal(new, vectors_of([10, 11]))


def test_small_shards_are_left_alone_while_another_uses_the_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "MANY", 2)
    with store(tmp_path).space(about()) as other:
        with store(tmp_path).space(about()) as space:
            for n in range(5):
                add(space, n)
                space.flush()
        assert len(shard_paths(tmp_path)) == 5
        assert (other.locate(keys_of([0, 4])) >= 0).all()
    assert len(shard_paths(tmp_path)) == 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KB; skipped where one cannot be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("no permission to mount a small file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


@pytest.mark.slow
def test_a_full_disk_keeps_the_shards_that_are_whole_and_nothing_else(tiny_disk: Path) -> None:
    def fill() -> None:
        with EmbeddingStore(tiny_disk).space(about()) as space:
            for start in range(0, 100_000, 2000):
                add(space, *range(start, start + 2000))
                space.flush()

    with pytest.raises(DiskFull, match="no space left on the disk"):
        fill()
    assert list(tiny_disk.rglob(".partial-*")) == []
    whole = list_shards(tiny_disk / about().id)
    assert len(whole) > 0
    assert all(shard.sound for shard in whole)


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"NEGATIVES_CACHE": "/c"}, "/c/embeddings"),
        ({"NEGATIVES_CACHE": "~/c"}, "/home/me/c/embeddings"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/negatives/embeddings"),
        ({}, "/home/me/.cache/negatives/embeddings"),
        ({"NEGATIVES_CACHE": "off"}, None),
    ],
)
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="the folders of Linux")
def test_the_store_is_where_the_user_says_else_where_caches_are(
    environment: dict[str, str], folder: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NEGATIVES_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"HOME": "/home/me", **environment}.items():
        monkeypatch.setenv(name, value)
    assert store_folder() == (Path(folder) if folder else None)


def test_tests_do_not_touch_the_vectors_of_the_user() -> None:
    assert os.environ["NEGATIVES_CACHE"] in str(store_folder())
