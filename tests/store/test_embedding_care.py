"""Looking after the embedding store: room is made, damage removed, and nothing else touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from negatives.errors import WorkError
from negatives.store.embedding_care import prune, spaces, verify
from negatives.store.embedding_shards import Shard, list_shards
from negatives.store.embeddings import EmbeddingStore
from tests.store.test_embeddings import about, add, keys_of, store

DAY = 86_400


def filled(tmp_path: Path) -> Path:
    """Two spaces; the shards of each were read 40, 20 and 0 days ago."""
    for prompt in ("", "query: "):
        with store(tmp_path).space(about(prompt=prompt)) as space:
            for n in range(3):
                add(space, *range(10 * n, 10 * n + 10))
                space.flush()
        for shard, days in zip(list_shards(space.folder), (40, 20, 0), strict=True):
            age(shard, days)
    return tmp_path / "embeddings"


def age(shard: Shard, days: float) -> None:
    before = shard.path.stat().st_mtime - days * DAY
    os.utime(shard.path, (before, before))


def shards(folder: Path) -> list[Shard]:
    return [shard for space in sorted(folder.iterdir()) for shard in list_shards(space)]


def test_spaces_say_what_they_hold(tmp_path: Path) -> None:
    found = spaces(filled(tmp_path))
    assert {(held.about.prompt, held.vectors) for held in found} == {("", 30), ("query: ", 30)}
    held = found[0]
    assert held.bytes == sum(
        path.stat().st_size for path in held.folder.iterdir() if path.name != ".lock"
    )


def test_a_store_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "none"
    assert spaces(folder) == []
    assert prune(folder, to=0).bytes == 0
    assert verify(folder).damaged == []


@pytest.mark.parametrize(("days", "left"), [(50, 6), (30, 4), (10, 2)])
def test_what_was_long_unread_is_removed(tmp_path: Path, days: int, left: int) -> None:
    folder = filled(tmp_path)
    freed = prune(folder, older_than=days * DAY)
    assert len(shards(folder)) == left
    assert freed.vectors == 10 * (6 - left)


def test_reading_a_vector_keeps_its_shard(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    with store(tmp_path).space(about()) as space:
        space.read(space.locate(keys_of([3])))
    prune(folder, older_than=10 * DAY)
    assert sorted(held.vectors for held in spaces(folder)) == [10, 20]


def test_the_longest_unread_go_first_and_no_more_than_must(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    sizes = [shard.path.stat().st_size for shard in shards(folder)]
    freed = prune(folder, to=sum(sizes) - 1)
    assert (freed.vectors, len(shards(folder))) == (10, 5)
    prune(folder, to=sum(sizes) - 3 * sizes[0])
    assert sorted(len(list_shards(space)) for space in folder.iterdir()) == [1, 2]
    freed = prune(folder, to=0)
    assert list(folder.iterdir()) == []
    assert freed.vectors == 30


def test_a_space_in_use_is_left_alone(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    with store(tmp_path).space(about()) as space:
        freed = prune(folder, to=0)
        assert freed.busy == [space.folder]
        assert freed.vectors == 30
        assert (space.locate(keys_of(list(range(30)))) >= 0).all()
        assert verify(folder, repair=True).busy == [space.folder]
    assert prune(folder, to=0).vectors == 30


def test_a_space_removed_before_it_is_opened_is_made_again(tmp_path: Path) -> None:
    prune(filled(tmp_path), to=0)
    with store(tmp_path).space(about()) as space:
        assert space.locate(keys_of([1])).tolist() == [-1]
        add(space, 1)
    assert len(shards(tmp_path / "embeddings")) == 1


def test_what_the_store_did_not_write_is_never_removed(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    mine = [folder / "notes.txt", folder / "mine" / "file", next(folder.iterdir()) / "model.bin"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    prune(folder, to=0)
    verify(folder, repair=True)
    assert all(path.read_text() == "mine" for path in mine)


def test_damage_is_found_and_repair_removes_it_with_what_killed_writers_left(
    tmp_path: Path,
) -> None:
    folder = filled(tmp_path)
    assert verify(folder).damaged == []
    flipped, cut, *_ = shards(folder)
    content = bytearray(flipped.path.read_bytes())
    content[-1] ^= 1
    flipped.path.write_bytes(content)
    cut.path.write_bytes(cut.path.read_bytes()[:50])
    partial = cut.path.with_name(".partial-0-x.safetensors")
    partial.write_bytes(b"")

    found = verify(folder)
    assert found.damaged == sorted([flipped.path, cut.path])
    assert (found.lost, found.repaired) == (20, False)
    assert len(shards(folder)) == 6

    assert verify(folder, repair=True).damaged == found.damaged
    assert len(shards(folder)) == 4
    assert not partial.exists()
    assert verify(folder).damaged == []


def test_a_space_that_does_not_say_what_it_holds_is_removed_whole(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    broken = sorted(folder.iterdir())[0] / "space.json"
    broken.write_text("{}")
    with pytest.raises(WorkError, match="is damaged"):
        spaces(folder)
    found = verify(folder, repair=True)
    assert (found.damaged, found.lost) == ([broken], 30)
    assert [held.vectors for held in spaces(folder)] == [30]


def test_a_repaired_space_takes_the_lost_vectors_again(tmp_path: Path) -> None:
    with store(tmp_path).space(about()) as space:
        add(space, 1, 2)
    (shard,) = list_shards(space.folder)
    shard.path.write_bytes(shard.path.read_bytes()[:-1])
    verify(tmp_path / "embeddings", repair=True)
    with EmbeddingStore(tmp_path / "embeddings").space(about()) as space:
        assert space.locate(keys_of([1, 2])).tolist() == [-1, -1]
        add(space, 1, 2)
        assert (space.locate(keys_of([1, 2])) >= 0).all()
