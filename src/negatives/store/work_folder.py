"""The folder that a long piece of work goes on in: whose it is, what it was made from, what goes.

One file in it, the account, says that the rest is the work's own and what it was made from. The
work goes on where it was stopped if it is the same, and is refused, saying what differs, if not. A
folder that holds anything else is never written to.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from negatives.addresses import called_alike
from negatives.errors import NegativesError, RunError
from negatives.faults import raise_spent
from negatives.older import without_old
from negatives.store.atomic import TEMPORARY, write_json
from negatives.store.lock import NAME as LOCK
from negatives.store.lock import locked


@dataclass(frozen=True, kw_only=True)
class WorkFolder:
    """The folder `path`, in which a `work` ("run", "training") lies with its account."""

    path: Path
    work: str
    account: str
    """The name of the file that says what was made, and from what."""
    own: tuple[str, ...] = ()
    """What else the work writes."""
    early: frozenset[str] = frozenset()
    """What of it may lie here before there is an account."""
    anew: str = "choose another --out"
    """What a user does where the account cannot be read."""
    replaced: str = "choose another --out, or give --overwrite to replace it"
    """What a user does where another work of this kind lies here."""

    def refuse_file(self) -> None:
        """A file is no folder, and none is made in its place."""
        if self.path.exists() and not self.path.is_dir():
            raise RunError(
                "this is a file, not a folder", where=str(self.path), fix="choose another --out"
            )

    def refuse_foreign(self, *, known: bool | None = None, overwrite: bool = False) -> None:
        """A folder that holds anything else than such a work is never written to.

        Nor is one whose files have the names of the work's, but which has no account to say that
        they are, unless it is to be overwritten. `known`: whether the work is known to be here;
        None: by its account.
        """
        self.refuse_file()
        if known is None:
            known = (self.path / self.account).is_file()
        if known or not self.path.is_dir():
            return
        found = sorted(
            entry.name
            for entry in self.path.iterdir()
            if entry.name not in self.early | {LOCK} and not entry.name.startswith(TEMPORARY)
        )
        foreign = [name for name in found if name not in (*self.own, self.account)]
        if foreign or (found and not overwrite):
            raise RunError(
                f"the folder is not empty and holds no {self.work}: "
                + ", ".join((foreign or found)[:5]),
                where=str(self.path),
                fix="choose another --out"
                if foreign
                else f"choose another --out; or, where this was a {self.work}, put its "
                f"{self.account} back or give --overwrite to make it anew",
            )

    def refuse_other(self, differing: list[str], fix: str = "") -> None:
        """Two works are not mixed: `differing` says what of this one is not as it was."""
        if differing:
            raise RunError(
                f"the folder holds another {self.work}; it differs in: {', '.join(differing)}",
                where=str(self.path),
                fix=fix or self.replaced,
            )

    def begun(self, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """The account of what is here, made from `inputs`; None where nothing is."""
        if not (self.path / self.account).is_file():
            return None
        found = self.read()
        before, now = found["inputs"], msgspec.json.decode(msgspec.json.encode(inputs))
        if isinstance(recipe := before.get("recipe"), Mapping):
            before = {**before, "recipe": without_old(recipe)}
        self.refuse_other(sorted(differences(before, now)))
        return found

    def read(self) -> dict[str, Any]:
        """The account, a JSON object with `inputs` and `status`; `RunError` where it is none."""
        file = self.path / self.account
        try:
            found = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
            if isinstance(found["inputs"], dict) and isinstance(found["status"], str):
                return found
            raise KeyError("inputs, status")
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, KeyError) as error:
            raise_spent(error)
            raise RunError(
                f"the account of the {self.work} cannot be read: {error}",
                where=str(file),
                fix=self.anew,
            ) from None

    def write(self, account: Mapping[str, Any]) -> None:
        """Write the account, atomically."""
        write_json(self.path / self.account, account)

    def remove(self, *names: str) -> None:
        """Remove entries of the folder; of a link, only the link."""
        for name in names:
            entry = self.path / name
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)

    @contextmanager
    def at_work(self, made: str) -> Iterator[None]:
        """Hold the folder; where an error ends the work before its entry `made` is there, the work
        leaves nothing.
        """
        with locked(self.path):
            try:
                yield
            except NegativesError:
                if not (self.path / made).exists():
                    self.wipe()
                raise

    def wipe(self) -> None:
        """Remove all of the work; its account last, which says that the rest is the work's."""
        self.remove(*self.own, self.account)


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Names whose values in `now` are not those of `before`, however servers are called."""
    return [
        name for name, value in now.items() if called_alike(before.get(name)) != called_alike(value)
    ]
