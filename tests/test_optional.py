"""Optional dependencies: one error, with the command that installs what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from negatives.errors import InputError, MissingExtra
from negatives.optional import require


def test_what_is_installed_is_imported() -> None:
    assert require("json", extra="any").dumps([1]) == "[1]"


def test_what_is_missing_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra) as caught:
        require("no_such_package", extra="train")
    assert str(caught.value) == (
        "no_such_package is not installed\n  fix:   pip install 'negatives[train]'"
    )


def test_a_missing_part_of_a_package_counts_as_missing() -> None:
    with pytest.raises(MissingExtra, match=r"json\.no_such_part is not installed"):
        require("json.no_such_part", extra="train")


def test_it_is_an_input_error_and_an_import_error() -> None:
    with pytest.raises(ImportError) as caught:
        require("no_such_package", extra="train")
    assert isinstance(caught.value, InputError)
    assert caught.value.exit_code == 2


def test_a_package_that_is_there_but_lacks_something_else_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_installed.py").write_text("import what_it_needs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="what_it_needs") as caught:
        require("half_installed", extra="train")
    assert not isinstance(caught.value, MissingExtra)
