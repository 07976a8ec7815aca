"""Looking after what runs share: what is kept, making room, finding and removing damage.

That is the embedding store and, beside it, the models exported to ONNX and the replies of language
models. Only files that the library
wrote are ever removed, and none of a space that a run is using.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from negatives.errors import RunError, WorkError
from negatives.store.atomic import remove_partial
from negatives.store.embedding_shards import Shard, list_shards
from negatives.store.embeddings import ABOUT, About, read_about, space_folders
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import locked
from negatives.store.onnx_models import ABOUT as ABOUT_MODEL
from negatives.store.onnx_models import (
    HeldModel,
    damaged_files,
    held_models,
    model_folders,
    read_about_model,
    remove_model,
    remove_unfinished,
)
from negatives.store.replies import (
    HeldReplies,
    damaged_replies,
    held_replies,
    remove_replies,
    reply_folders,
)


@dataclass(frozen=True, slots=True)
class Held:
    """A space: vectors, bytes of all its files, and when it was last used (seconds since 1970)."""

    folder: Path
    about: About
    vectors: int
    bytes: int
    used: float


@dataclass(slots=True)
class Freed:
    """What was removed, and the spaces left alone because a run is using them."""

    vectors: int = 0
    bytes: int = 0
    models: int = 0
    replies: int = 0
    busy: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class Checked:
    """Files that are damaged and the vectors in them; what was repaired, and could not be."""

    files: int = 0
    damaged: list[Path] = field(default_factory=list)
    lost: int = 0
    repaired: bool = False
    busy: list[Path] = field(default_factory=list)


def spaces(store: Path) -> list[Held]:
    """Every space of a store, the last used first; `WorkError` where a space.json is damaged."""
    found = []
    for folder in space_folders(store):
        shards = list_shards(folder)
        if not (folder / ABOUT).exists() and not shards:
            continue  # just being made, or just pruned
        about = read_about(folder)
        files = [*_statuses(shards).values(), (folder / ABOUT).stat()]
        used = max(file.st_mtime for file in files)
        size = sum(file.st_size for file in files)
        found.append(Held(folder, about, sum(shard.rows for shard in shards), size, used))
    return sorted(found, key=lambda held: (-held.used, held.folder))


def _statuses(shards: list[Shard]) -> dict[Shard, os.stat_result]:
    """Size and age of the shards; one that was merged into another meanwhile is left out."""
    found = {}
    for shard in shards:
        with suppress(FileNotFoundError):
            found[shard] = shard.path.stat()
    return found


def prune(store: Path, *, older_than: float | None = None, to: int | None = None) -> Freed:
    """Remove what is unread for `older_than` seconds, then the longest unread until `to` bytes.

    Shards of vectors, exported models, and a language model's replies to a prompt alike.
    """
    freed = Freed()
    wholes: list[HeldModel | HeldReplies] = [*held_models(store), *held_replies(store)]
    remove_unfinished(store)
    with ExitStack() as stack:
        free = []
        for folder in space_folders(store):
            try:
                stack.enter_context(locked(folder))
            except RunError:
                freed.busy.append(folder)
            else:
                free.append(folder)
        sizes = _statuses([shard for folder in free for shard in list_shards(folder)])
        busy = _statuses([shard for folder in freed.busy for shard in list_shards(folder)])
        total = sum(status.st_size for status in (*sizes.values(), *busy.values()))
        total += sum(whole.bytes for whole in wholes)
        kept: list[tuple[float, int, Shard | HeldModel | HeldReplies]] = [
            *((status.st_mtime, status.st_size, shard) for shard, status in sizes.items()),
            *((whole.used, whole.bytes, whole) for whole in wholes),
        ]
        oldest = time.time() - older_than if older_than is not None else float("-inf")
        for used, size, item in sorted(kept, key=lambda one: (one[0], _place(one[2]))):
            if used < oldest or (to is not None and total > to):
                if isinstance(item, HeldReplies) and not remove_replies(item.folder):
                    freed.busy.append(item.folder)
                    continue
                total -= size
                freed.bytes += size
                if isinstance(item, HeldReplies):
                    freed.replies += item.replies
                elif isinstance(item, HeldModel):
                    freed.models += 1
                    remove_model(item.folder)
                else:
                    freed.vectors += item.rows
                    item.path.unlink()
        for folder in free:
            remove_partial(folder)
            _remove_if_empty(folder)
    return freed


def _place(item: Shard | HeldModel | HeldReplies) -> Path:
    return item.path if isinstance(item, Shard) else item.folder


def verify(store: Path, *, repair: bool = False) -> Checked:
    """Read every file of a store; with `repair`, remove the damaged and what killed writers left.

    A space whose space.json is damaged is removed whole: nobody knows what its vectors are of.
    """
    checked = Checked(repaired=repair)
    for folder in space_folders(store):
        with ExitStack() as stack:
            if repair:
                try:
                    stack.enter_context(locked(folder))
                except RunError:
                    checked.busy.append(folder)
                    continue
                remove_partial(folder)
            shards = list_shards(folder)
            wrong = [shard for shard in shards if not _sound(shard)]
            paths = [shard.path for shard in wrong]
            if not _told(folder, shards):
                wrong, paths = shards, [folder / ABOUT, *paths]
            checked.files += len(shards) + 1
            checked.damaged += paths
            checked.lost += sum(shard.rows for shard in wrong)
            if repair:
                for path in {*paths, *(shard.path for shard in wrong)}:
                    path.unlink(missing_ok=True)
                _remove_if_empty(folder)
    _verify_models(store, checked)
    _verify_replies(store, checked)
    return checked


def _verify_replies(store: Path, checked: Checked) -> None:
    """Read the replies of language models; what is damaged of one prompt's is removed with it."""
    for folder in reply_folders(store):
        checked.files += 1
        if damaged_replies(folder):
            checked.damaged.append(folder)
            if checked.repaired and not remove_replies(folder):
                checked.busy.append(folder)


def _verify_models(store: Path, checked: Checked) -> None:
    """Read the exported models; one that is damaged, or was never whole, is removed whole."""
    for folder in model_folders(store):
        about = read_about_model(folder)
        wrong = [folder / ABOUT_MODEL] if about is None else damaged_files(folder, about)
        checked.files += 1 if about is None else 1 + len(about.files)
        checked.damaged += wrong
        if wrong and checked.repaired:
            remove_model(folder)
    if checked.repaired:
        remove_unfinished(store)


def _sound(shard: Shard) -> bool:
    try:
        return shard.sound
    except FileNotFoundError:
        return True  # merged into another meanwhile
    except OSError:
        return False


def _told(folder: Path, shards: list[Shard]) -> bool:
    if not (folder / ABOUT).exists():
        return not shards
    try:
        read_about(folder)
    except WorkError:
        return False
    return True


def _remove_if_empty(folder: Path) -> None:
    """Remove the folder of a space without shards, unless something else lies there."""
    foreign = [p for p in folder.iterdir() if p.name not in (ABOUT, LOCK)]
    if not foreign:
        for name in (ABOUT, LOCK):
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
