"""Replies of language models, each paid for once: kept by model, prompt and question.

They lie in the folder `replies` beside the store of vectors, a folder for each model and prompt
with a small database in it. A reply is there as soon as it has come: a process that is killed loses
none that it has. about.json says what they are replies of.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from negatives.errors import RunError, WorkError
from negatives.faults import disk_full
from negatives.store.atomic import explained, make_folder, write_json
from negatives.store.embeddings import store_folder, writable
from negatives.store.kept_folders import kept_folders
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import locked, shared

if TYPE_CHECKING:
    import sqlite3

ABOUT: Final = "about.json"
FOLDER: Final = "replies"
DATABASE: Final = "replies.sqlite"
_NAME: Final = re.compile(r"[0-9a-f]{20}")
_AT_ONCE: Final = 500
"""Keys of one query; SQLite takes 999 and more."""
_PATIENCE: Final = 30.0
"""Seconds that another process may take to write its reply."""


class AboutReplies(msgspec.Struct, frozen=True, kw_only=True):
    """Whose replies they are, and to which prompt; `hash` is that of its text.

    >>> AboutReplies(model="http://127.0.0.1:8080/v1#m", prompt="judge-yes-no", hash="").prompt
    'judge-yes-no'
    """

    model: str
    prompt: str
    hash: str

    @property
    def id(self) -> str:
        """Names the folder."""
        told = msgspec.json.encode((self.model, self.hash))
        return hashlib.blake2b(told, digest_size=10).hexdigest()


@dataclass(frozen=True, slots=True)
class HeldReplies:
    """Kept replies: how many, bytes of all their files, when last used (seconds since 1970)."""

    folder: Path
    about: AboutReplies
    replies: int
    bytes: int
    used: float


@contextmanager
def open_replies(scratch: Path, about: AboutReplies) -> Iterator[Replies]:
    """The replies of `about`; in `scratch` where there is no shared store, or none to write to."""
    folder = make_folder(_folder(scratch, about))
    with shared(folder):
        if not (folder / ABOUT).exists():
            write_json(folder / ABOUT, about)
        os.utime(folder / ABOUT)
        with _told(folder):
            database = _opened(folder / DATABASE)
        try:
            yield Replies(folder, database)
        finally:
            database.close()


def known_replies(scratch: Path, about: AboutReplies, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Those of the replies to `keys` that are there; nothing is made where there are none."""
    if not (_folder(scratch, about) / DATABASE).exists():
        return {}
    with open_replies(scratch, about) as replies:
        return replies.get(keys)


def any_replies(scratch: Path, about: AboutReplies) -> bool:
    """Whether replies of `about` are kept; nothing is made where there are none."""
    if not (_folder(scratch, about) / DATABASE).exists():
        return False
    with open_replies(scratch, about) as replies:
        return replies.any()


def _folder(scratch: Path, about: AboutReplies) -> Path:
    store = store_folder()
    shared_one = store is not None and writable(store.parent)
    return (store.parent if store and shared_one else scratch) / FOLDER / about.id


class Replies:
    """Replies by key, in a database that is held open; several threads may use it."""

    def __init__(self, folder: Path, database: sqlite3.Connection) -> None:
        self.folder = folder
        self._database = database
        self._lock = threading.Lock()

    def any(self) -> bool:
        """Whether there is one."""
        with self._lock, _told(self.folder):
            found = self._database.execute("SELECT 1 FROM replies LIMIT 1").fetchone()
        return found is not None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those of the replies to `keys` that are there."""
        found: dict[bytes, bytes] = {}
        with self._lock, _told(self.folder):
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ",".join("?" * len(some))
                found.update(
                    self._database.execute(
                        f"SELECT key, reply FROM replies WHERE key IN ({marks})", some
                    )
                )
        return found

    def forget(self, reply: bytes) -> None:
        """Remove every reply that is this one, so that its question is asked again."""
        with self._lock, _told(self.folder):
            self._database.execute("DELETE FROM replies WHERE reply = ?", (reply,))

    def add(self, key: bytes, reply: bytes) -> None:
        """Keep a reply; of two to one question the first."""
        with self._lock, _told(self.folder):
            self._database.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, reply))


def _opened(path: Path) -> sqlite3.Connection:
    import sqlite3

    # Each statement is a transaction of its own, and any thread may make it (under a lock).
    made = sqlite3.connect(path, _PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        # A log that is written ahead: a reply costs no wait for the disk, and a kill tears nothing.
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA synchronous = NORMAL")
        made.execute(
            "CREATE TABLE IF NOT EXISTS replies (key BLOB PRIMARY KEY, reply BLOB) WITHOUT ROWID"
        )
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Tell of what SQLite says in this library's words."""
    import sqlite3

    path = folder / DATABASE
    with explained(path):
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise disk_full(str(path)) from None
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise WorkError(
                    f"the kept replies of a language model are damaged: {error}",
                    where=str(path),
                    fix="negatives cache verify --repair; the next run asks for them again",
                ) from None
            raise WorkError(
                f"replies of a language model cannot be kept: {error}",
                where=str(path),
                fix="check that the folder can be written, or set NEGATIVES_CACHE to another",
            ) from None


def held_replies(store: Path) -> list[HeldReplies]:
    """The replies kept beside a store of vectors, by model and prompt, the last used first."""
    found = []
    for folder in reply_folders(store):
        about = _read_about(folder)
        if about is None:
            continue
        files = [path for path in folder.iterdir() if path.name.startswith(DATABASE)]
        with suppress(FileNotFoundError):  # removed meanwhile
            size = sum(path.stat().st_size for path in (*files, folder / ABOUT))
            used = max(path.stat().st_mtime for path in (*files, folder / ABOUT))
            found.append(HeldReplies(folder, about, _count(folder), size, used))
    return sorted(found, key=lambda held: (-held.used, held.folder))


def reply_folders(store: Path) -> list[Path]:
    """The folders of replies beside a store of vectors."""
    return kept_folders(store.parent / FOLDER, _NAME)


def remove_replies(folder: Path) -> bool:
    """Remove a folder of replies; False where a process is using it."""
    try:
        with locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    except RunError:
        return False
    return True


def damaged_replies(folder: Path) -> bool:
    """Whether a folder's replies cannot be read, every page of them."""
    import sqlite3

    if _read_about(folder) is None:
        return any(path.name != LOCK for path in folder.iterdir())
    if not (folder / DATABASE).exists():
        return False
    try:
        with suppress(sqlite3.OperationalError):  # in use, or not to be opened
            database = _opened(folder / DATABASE)
            try:
                said = database.execute("PRAGMA integrity_check").fetchone()
            finally:
                database.close()
            return bool(said != ("ok",))
    except sqlite3.DatabaseError:
        return True
    return False


def _read_about(folder: Path) -> AboutReplies | None:
    try:
        about = msgspec.json.decode((folder / ABOUT).read_bytes(), type=AboutReplies)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return about if about.id == folder.name else None


def _count(folder: Path) -> int:
    import sqlite3

    if not (folder / DATABASE).exists():
        return 0
    try:
        database = sqlite3.connect(folder / DATABASE, 1.0)
        try:
            return int(database.execute("SELECT count(*) FROM replies").fetchone()[0])
        finally:
            database.close()
    except sqlite3.Error:
        return 0
