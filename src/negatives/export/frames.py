"""The rows of an export in memory: as a frame of polars or pandas, as a dataset, or on the hub."""

from __future__ import annotations

import re
from typing import Any, Final, Unpack

import polars as pl

from negatives.errors import InputError, WorkError
from negatives.events import Emit, silent
from negatives.export.ask import Choices
from negatives.export.choices import asked
from negatives.export.export import rows_of
from negatives.export.texts import ExportTexts
from negatives.hub import hub, out_of_reach
from negatives.optional import require
from negatives.run.inputs import collection_of
from negatives.store.run import Run

_NAMED: Final = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"
_LONGEST: Final = 96
"""Characters of a name that the hub takes."""
_LOGIN: Final = "log in with `hf auth login`, or set HF_TOKEN; the token must be allowed to write"


def to_polars(
    run: Run, format: str | None = None, *, emit: Emit = silent, **choices: Unpack[Choices]
) -> pl.DataFrame:
    """The rows of a format; without one, the negatives with their texts, a row each.

    `choices` are those of `export`. All rows are in memory: where they are many, write them to a
    file.
    """
    if format is None:
        if choices:
            raise InputError(
                f"{', '.join(choices)} is a choice of a format, and none is named",
                fix='name one, as in to_polars("triplet")',
            )
        return _negatives(run)
    chosen, ask = asked(run, format, **choices)
    made: pl.DataFrame = pl.concat(
        [pl.DataFrame(schema=chosen.schema(ask)), *rows_of(chosen, ask, emit)]
    )
    return made


def to_pandas(
    run: Run, format: str | None = None, *, emit: Emit = silent, **choices: Unpack[Choices]
) -> Any:
    """The same as a frame of pandas."""
    require("pandas", extra="hub")
    made: Any = to_polars(run, format, emit=emit, **choices)
    return made.to_pandas()


def to_dataset(run: Run, format: str, *, emit: Emit = silent, **choices: Unpack[Choices]) -> Any:
    """The same as a `datasets.Dataset`, which trains as it is where the format's file does."""
    library = require("datasets", extra="hub")
    return library.Dataset.from_polars(to_polars(run, format, emit=emit, **choices))


def check_repository(repository: str) -> None:
    """Refuse what is no name of a dataset on the hub; `InputError`."""
    if re.fullmatch(_NAMED, repository) is None or len(repository) > _LONGEST:
        raise InputError(f"{repository!r} names no dataset", fix="name it as OWNER/NAME")


def push_to_hub(
    run: Run,
    repository: str,
    format: str,
    *,
    private: bool = True,
    emit: Emit = silent,
    **choices: Unpack[Choices],
) -> str:
    """Push the rows to OWNER/NAME on the hub, as `datasets` does; returns its address.

    Other tables that the rows refer to are pushed as configs of their names. Who pushes is known
    from HF_TOKEN or from the hub's login: no token is taken here, and none is kept.

    Raises `WorkError` where the hub cannot be reached, or does not let this user write there.
    """
    library = require("datasets", extra="hub")
    library_of_hub = require("huggingface_hub", extra="hub")
    if out_of_reach():
        hub()  # which may be back, and asks no more than once a minute
    check_repository(repository)
    chosen, ask = asked(run, format, **choices)
    tables = {"default": to_polars(run, format, emit=emit, **choices)}
    for part in chosen.parts(ask):
        tables[part.name] = pl.concat([pl.DataFrame(schema=part.columns), *part.frames()])
    try:
        for config, table in tables.items():
            library.Dataset.from_polars(table).push_to_hub(
                repository, config_name=config, private=private
            )
    except library_of_hub.errors.OfflineModeIsEnabled:
        if address := out_of_reach():
            why, fix = f"nothing answers at {address}", "check the connection, and run it again"
        else:
            why, fix = "no connection is allowed", "unset HF_HUB_OFFLINE"
        raise _failed(repository, why, fix) from None
    except (
        library_of_hub.errors.LocalTokenNotFoundError,
        library_of_hub.errors.HfHubHTTPError,
    ) as error:
        raise _failed(repository, _first_line(error), _LOGIN) from None
    except Exception as error:
        # The libraries below have classes of their own for a connection that fails.
        if not any("Connect" in each.__name__ or "Timeout" in each.__name__ or each is OSError
                   for each in type(error).__mro__):  # fmt: skip
            raise
        fix = "check the connection, and run it again: what was pushed is not pushed twice"
        raise _failed(repository, _first_line(error), fix) from None
    return f"https://huggingface.co/datasets/{repository}"


def _failed(repository: str, why: str, fix: str) -> WorkError:
    return WorkError(f"the hub cannot be written to: {why}", where=repository, fix=fix)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _negatives(run: Run) -> pl.DataFrame:
    negatives, collection = run.negatives, collection_of(run)
    texts = ExportTexts(collection)
    columns = {}
    if collection.has("queries", "text"):
        columns["query"] = texts.queries(negatives["query_id"])
    if collection.has("docs", "text"):
        columns["text"] = texts.docs(negatives["doc_id"])
    return negatives.with_columns(**columns)
