"""Good, usable or not fit to train on: each rule with its number, and the words that say why."""

from __future__ import annotations

from dataclasses import replace

from negatives.show.verdict import GOOD, STOP, USABLE, Figures, verdict

WELL = Figures(
    negatives=700,
    asked=700,
    max_false=0.05,
    false={"model": 0.03, "known positives": 0.035},
    highest=0.06,
    confidence=0.9,
    guessed=False,
    hardness=0.4,
    above_lowest=0.8,
)


def test_all_is_well() -> None:
    found = verdict(WELL)
    assert (found["level"], found["title"], found["reasons"]) == (GOOD, "Good to train on", [])
    assert found["sentence"] == (
        "All 700 negatives asked for are there; about 3.5% of them are expected to be false, "
        "within the 5% asked for; and the median one scores as high as a known positive of its "
        "query."
    )


def test_a_share_that_reads_like_what_was_asked_is_no_more_than_that() -> None:
    for expected, level in ((0.0504, GOOD), (0.0506, USABLE)):
        found = verdict(replace(WELL, false={"model": expected}))
        assert found["level"] == level, found["sentence"]
    below = replace(WELL, false={"model": 0.0205}, max_false=0.0206, highest=0.03)
    assert verdict(below)["level"] == GOOD


def test_each_rule_has_its_number_and_its_words() -> None:
    for rule, level, said, changes in (
        ("none", STOP, "not one negative", {"negatives": 0}),
        ("false", STOP, "about 41.0% of them are expected", {"false": {"model": 0.41}}),
        ("false", USABLE, "where at most 5% was asked for", {"false": {"model": 0.15}}),
        ("false", USABLE, "about 9.0%", {"false": {"model": 0.09}}),
        ("false", USABLE, "at most 5% would be usual", {"false": {"m": 0.09}, "max_false": None}),
        ("coverage", STOP, "600 of the 700", {"negatives": 100}),
        ("coverage", USABLE, "100 of the 700 negatives asked for are missing", {"negatives": 600}),
        ("unknown", USABLE, "and 80.0% score as high as a known positive", {"false": {}}),
        ("unknown", USABLE, "nobody can say", {"false": {}, "above_lowest": 0.1}),
        ("guess", USABLE, "forty to sixty judgements would", {"guessed": True}),
        ("bound", USABLE, "as many as 21.0%", {"highest": 0.21}),
        ("agreement", USABLE, "0.2% and 4.0%", {"false": {"model": 0.002, "known": 0.04}}),
        ("hardness", USABLE, "lies 1.50 standard deviations below", {"hardness": -1.5}),
        ("hardness", USABLE, "no source scores them", {"hardness": None}),
    ):
        found = verdict(replace(WELL, **changes))
        assert found["level"] == level, rule
        assert [reason["rule"] for reason in found["reasons"]] == [rule]
        assert said.lower() in found["sentence"].lower(), found["sentence"]


def test_the_worst_level_counts_and_only_its_reasons_are_said() -> None:
    found = verdict(replace(WELL, false={"model": 0.5}, hardness=-3.0))
    assert found["level"] == STOP
    assert "easy" not in found["sentence"]
    assert {reason["rule"] for reason in found["reasons"]} == {"false", "hardness"}


def test_what_a_person_judged_counts_before_any_estimate() -> None:
    judged = replace(WELL, false={"model": 0.5, "known": 0.2, "review": 0.02}, guessed=True)
    assert verdict(judged)["level"] == GOOD
    assert judged.expected == 0.02


def test_estimates_agree_within_a_factor_of_two_or_two_points() -> None:
    for low, high, agree in ((0.1, 0.2, True), (0.001, 0.02, True), (0.05, 0.2, False)):
        assert replace(WELL, false={"a": low, "b": high}).agree is agree
    assert replace(WELL, false={"a": 0.1}).agree is None


def test_how_many_are_expected_to_be_false_is_told_once() -> None:
    for changes, said in (
        ({"guessed": True}, "; the labels alone cannot tell how many of them are false: forty"),
        ({"highest": 0.21}, "; it may be as many as 21.0%"),
    ):
        found = verdict(replace(WELL, false={"model": 0.09}, **changes))["sentence"]
        assert found.startswith("About 9.0% of them are expected to be false, where at most 5% was")
        assert said in found
        assert found.count("9.0%") == 1


def test_a_share_of_less_than_can_be_told_is_said_in_words() -> None:
    for guessed in (True, False):
        found = verdict(replace(WELL, guessed=guessed, false={"model": 0.0002}))["sentence"]
        assert "ess than 0.1% of them" in found
        assert "<" not in found
