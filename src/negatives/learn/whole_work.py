"""A training by a trainer that does all of it by itself: its inputs, its account, its refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from negatives.errors import RecipeError
from negatives.learn.model_files import MINED
from negatives.learn.settings import Whole, WholeTraining
from negatives.learn.source import Data, content_of
from negatives.learn.work import Work
from negatives.read import DEV
from negatives.store.fingerprints import fingerprints


@dataclass(frozen=True)
class WholeWork(Work):
    """What `train` does with a `WholeTraining`: where it was stopped it is begun anew."""

    @property
    def settings(self) -> WholeTraining:
        """The recipe's [train]."""
        return cast("WholeTraining", self.recipe.train)

    def carry_out(self, data: Data, dev: Any, look: bool, overwrite: bool) -> None:
        """Train; `dev`: the name of a split of the same data, perhaps after an @."""
        if look and dev is not None and not isinstance(dev, str):
            raise RecipeError(
                f"{self.settings.kind} looks at a split of its own data",
                where="--dev",
                fix="--dev valid, the name of the split",
            )
        source = self.source
        read = source.read(data)
        named = DEV if dev is None else (dev.rpartition("@")[2],)
        names = tuple(filter(None, named)) if look else ()
        inputs = {
            "recipe": self.recipe.settings(),
            "data": fingerprints(content_of(read)),
            "dev": list(names),
        }
        if not self.begin(inputs, overwrite):
            return
        whole = Whole(
            read=read,
            recipe=self.recipe,
            mine=lambda found: source.mine(found, source.encoder, self.path / MINED),
            path=self.path,
            dev=names,
            machine=self.machine,
            emit=self.emit,
        )
        told = self.settings.teach(whole)
        self.folder.write({**self.done(inputs), **told})
