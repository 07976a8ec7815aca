"""Agreement of reviewers, beside figures worked by hand and published ones."""

from __future__ import annotations

import pytest

from negatives.measure.agreement import cohen_kappa, krippendorff_alpha


def test_kappa_is_that_of_a_table_worked_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 differ: observed .7, by chance .5 (Cohen's own example form)
    both = (
        [{"a": 1, "b": 1}] * 20 + [{"a": 1, "b": 0}] * 5 + [{"a": 0, "b": 1}] * 10
        + [{"a": 0, "b": 0}] * 15
    )  # fmt: skip
    kappa = cohen_kappa(both, "a", "b")
    assert kappa is not None
    assert abs(kappa - 0.4) < 1e-12
    assert cohen_kappa([{"a": 1, "b": 1}], "a", "b") is None  # chance would agree always
    assert cohen_kappa([{"a": 1}, {"b": 1}], "a", "b") is None


@pytest.mark.recipe("umbrela")
def test_grades_of_a_person_and_a_judge_agree_as_worked() -> None:
    grades = zip([3, 2, 0, 0, 1, 0], [3, 1, 0, 0, 1, 1], strict=True)
    both = [{"person": one, "judge": other} for one, other in grades]
    assert cohen_kappa(both, "person", "judge") == pytest.approx(0.538462, abs=1e-6)


def test_alpha_is_that_of_krippendorffs_example_with_four_coders_and_missing_values() -> None:
    coders = {
        "A": "1 2 3 3 2 1 4 1 2 . . .",
        "B": "1 2 3 3 2 2 4 1 2 5 . 3",
        "C": ". 3 3 3 2 3 4 2 2 5 1 .",
        "D": "1 2 3 3 2 4 4 1 2 5 1 .",
    }
    values = {name: row.split() for name, row in coders.items()}
    units = [
        {name: row[place] for name, row in values.items() if row[place] != "."}
        for place in range(12)
    ]
    alpha = krippendorff_alpha(units)
    assert alpha is not None
    assert round(alpha, 3) == 0.743
    assert krippendorff_alpha([{"a": 1}]) is None
