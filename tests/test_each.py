"""What stands in the place of many tests tries every input, and says which of them fail."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.each import for_each


def test_every_input_is_tried_and_those_that_fail_are_named() -> None:
    tried = []

    @for_each("number", [1, 2, 3])
    def odd(number: int) -> None:
        tried.append(number)
        assert number == 2, "not two"

    with pytest.raises(ExceptionGroup, match="2 of 3 cases fail") as caught:
        odd()
    assert tried == [1, 2, 3]
    assert [each.__notes__ for each in caught.value.exceptions] == [
        ["with number = 1"],
        ["with number = 3"],
    ]


def test_what_a_test_expected_to_be_raised_and_was_not_is_a_failure_of_one_input() -> None:
    @for_each("text", ["x", "1"])
    def no_number(text: str) -> None:
        with pytest.raises(ValueError, match="invalid"):
            int(text)

    with pytest.raises(BaseExceptionGroup, match="1 of 2 cases fail"):
        no_number()


def test_stacked_they_are_every_combination() -> None:
    tried = []

    @for_each("first", "ab")
    @for_each(("second", "third"), [(1, 2), (3, 4)], ids=["low", "high"])
    def pair(first: str, second: int, third: int) -> None:
        tried.append((first, second, third))
        assert third < 4

    with pytest.raises(ExceptionGroup) as caught:
        pair()
    assert tried == [("a", 1, 2), ("a", 3, 4), ("b", 1, 2), ("b", 3, 4)]
    assert caught.value.exceptions[0].__notes__ == ["with first = 'a', second and third = high"]


@for_each("number", [1, 2])
@given(drawn=st.integers(0, 3))
def test_inputs_of_hypothesis_are_drawn_for_each(number: int, drawn: int) -> None:
    assert number + drawn >= number


@for_each("name", ["a", "b"])
def test_each_input_has_a_folder_and_an_environment_of_its_own(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(tmp_path.iterdir()) == []
    assert "NEGATIVES_OF_A_TEST" not in os.environ
    (tmp_path / name).touch()
    monkeypatch.setenv("NEGATIVES_OF_A_TEST", name)


def test_pytest_is_asked_for_the_fixtures_only() -> None:
    @for_each("number", [1])
    def test(number: int, tmp_path: Path) -> None: ...

    assert list(inspect.signature(test).parameters) == ["tmp_path"]


def test_marks_above_between_and_below_are_kept() -> None:
    @pytest.mark.filterwarnings("ignore")
    @for_each("first", [1])
    @pytest.mark.slow
    @for_each("second", [1])
    @pytest.mark.xdist_group("one")
    def test(first: int, second: int) -> None: ...

    marks = [mark.name for mark in vars(test)["pytestmark"]]
    assert marks == ["xdist_group", "slow", "filterwarnings"]


def test_a_table_without_rows_or_of_other_names_is_no_test() -> None:
    with pytest.raises(ValueError, match="no case"):
        for_each("number", [])(lambda number: None)
    with pytest.raises(ValueError, match="does not ask for nubmer"):
        for_each("nubmer", [1])(lambda number: None)
