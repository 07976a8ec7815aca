"""Formats: what each says that it can hold is what it takes, and the rest is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from negatives.errors import InputError
from negatives.export.ask import Choices, Option
from negatives.export.choices import OWN, format_named
from negatives.export.export import export
from negatives.find.bm25 import BM25
from negatives.pick.top import Top
from negatives.recipe import Recipe
from negatives.run import mine
from negatives.schema import Collection

CHOICES: dict[str, Any] = {
    "short": "drop",
    "mined": "zero",
    "labels": "hard",
    "above": 0.6,
    "rows_per_query": 1,
    "reviews": True,
}


@pytest.mark.slow
def test_every_format_takes_what_it_declares_and_refuses_the_rest(
    tiny: Collection, tmp_path: Path
) -> None:
    assert set(CHOICES) == set(get_args(Option)) <= set(Choices.__annotations__)
    run = mine(tiny, tmp_path / "run", recipe=Recipe(find=(BM25(),), pick=Top(per_query=2)))
    for name in (*OWN, "id-list"):
        chosen = format_named(name)

        def written(**asked: Any) -> str:
            out = tmp_path / f"out{chosen.suffixes[-1]}"  # noqa: B023
            suffix = ".jsonl" if ".jsonl" in chosen.suffixes else chosen.suffixes[-1]  # noqa: B023
            out = out.with_suffix(suffix)
            assert export(run, out, format=name, **asked) > 0  # noqa: B023
            return out.read_text()

        plain = written()
        holds = "wing" in plain
        assert holds == (chosen.texts in ("unless ids", "always")), name
        for option, value in CHOICES.items():
            if option in chosen.options:
                written(**{option: value})
            else:
                with pytest.raises(InputError, match=f"{option} is for the format"):
                    written(**{option: value})
        if chosen.no_ids:
            with pytest.raises(InputError, match=chosen.no_ids):
                written(ids=True)
        else:
            assert ("wing" in written(ids=True)) == (chosen.texts == "always" or name == "tevatron")
        if chosen.scores == "never":
            with pytest.raises(InputError, match=chosen.no_scores[0]):
                written(scores=True)
        else:
            always = chosen.scores in ("always", "needed")
            assert (written(scores=True) == plain) == always, name
        if chosen.no_positives:
            with pytest.raises(InputError, match="holds no positives to choose"):
                written(positives="all")


def test_a_format_that_there_is_not_is_told_the_nearest_a_third_partys_too(
    tiny: Collection, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        format_named("id-lst")
    assert caught.value.fix == "did you mean 'id-list'?"
