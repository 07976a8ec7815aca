"""Which setting of a recipe named what could not be opened: said beside the error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from negatives.errors import DataError, ServiceError
from negatives.stage import Stage


@contextmanager
def blamed(stage: Stage) -> Iterator[None]:
    """Say of an error that is raised meanwhile which setting of the stage it is about, if any is:
    the one whose value, a model's name or address, stands in the error.
    """
    try:
        yield
    except (DataError, ServiceError) as error:
        for name in stage.__struct_fields__:
            value = getattr(stage, name)
            address = value.partition("?")[0].partition("#")[0] if isinstance(value, str) else ""
            if address and address in f"{error.where} {error.what}":
                path = f"{stage.section}.{getattr(stage, 'label', stage.kind)}.{name}"
                fix = f"{error.fix}; --set {path}=... names another"
                raise type(error)(error.what, where=error.where, fix=fix) from None
        raise
