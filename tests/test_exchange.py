"""Another kind of stage: what both kinds can be set to stays, and what is lost is told."""

from __future__ import annotations

import tomllib
from typing import cast

import msgspec
import pytest

from negatives.errors import RecipeError
from negatives.events import Event, Warned
from negatives.exchange import exchanged
from negatives.kinds import KINDS
from negatives.learn.request import completed
from negatives.learn.settings import Training, WholeTraining
from negatives.recipe import load_recipe, parse, shipped
from negatives.recipe_changes import override, promised
from negatives.settings import describe_field
from negatives.stage import stage_class


class Told(list[str]):
    """What is told, in order."""

    def __call__(self, event: Event) -> None:
        """Keep the text of a warning."""
        assert isinstance(event, Warned)
        self.append(event.text)


def recipe(*lines: str) -> str:
    """The text of a recipe with a source, and these lines."""
    return "\n".join(['[[find]]\nkind = "bm25"', *lines])


TOP = '[pick]\nkind = "top"\nper_query = 3'


@pytest.mark.slow
def test_a_trained_kind_keeps_what_the_recipes_say_that_it_can_be_told() -> None:
    for name, text in shipped().items():
        given = tomllib.loads(text).get("train")
        if not given:
            continue
        for kind in KINDS["train"]:
            told = Told()
            try:
                made = completed(load_recipe(name), "static", kind, emit=told).train
            except RecipeError:
                # What learns from triples or responses has no use for a teacher's scores, say.
                trainer = cast("type[Training]", stage_class("train", kind))
                if issubclass(trainer, WholeTraining) or trainer.gives == "sequences":
                    continue
                raise
            assert made is not None
            assert made.kind == kind
            able = {field.name for field in msgspec.structs.fields(type(made))}
            kept = given.keys() & able - {"kind"}
            assert {key: getattr(made, key) for key in kept} == {key: given[key] for key in kept}
            lost = given.keys() - able - {"kind"}
            assert len(told) == bool(lost), name
            assert all(key in told[0] for key in lost), name


def test_what_is_lost_is_told_in_one_line_with_its_values() -> None:
    told = Told()
    completed(load_recipe("adore"), "static", "reranker", emit=told)
    assert told == [
        '[train] reranker takes the place of encoder, without frozen = "docs", refresh = 2000'
    ]


def test_every_section_keeps_what_both_kinds_have_whichever_way_a_kind_is_named() -> None:
    text = recipe(
        '[[find]]\nkind = "dense"\ntop = 33\nname = "mine"\nindex = "ivf"',
        '[pick]\nkind = "stratified"\nper_query = 3\nby = "dense_rank"\nstrata = 5',
        '[learn]\nkind = "guided"\ntemperature = 0.5\nmargin = 0.1',
        '[batch]\nkind = "grouped"\nweight = { kind = "progressive" }',
    )
    told = Told()
    changes = ["find.mine.kind=bm25", "pick.kind=top", "learn.kind=focal", "batch.kind=random"]
    made = override(parse(text), changes, told)
    assert made.find[1].settings() | {"top": 33, "name": "mine"} == made.find[1].settings()
    assert made.pick.settings() == {"kind": "top", "per_query": 3, "by": "dense_rank"}
    assert made.learn is not None
    assert made.learn.settings()["temperature"] == 0.5
    assert made.batch is not None
    assert made.batch.settings()["weight"]["kind"] == "progressive"
    assert [line.partition("without ")[2] for line in told] == [
        'index = "ivf"',
        "strata = 5",
        "margin = 0.1",
    ]


def test_a_limit_of_false_negatives_keeps_the_pickers_other_settings() -> None:
    told = Told()
    made = promised(load_recipe("simans"), 0.01, emit=told)
    before = load_recipe("simans").pick
    assert made.pick.settings()["per_query"] == before.per_query
    assert made.pick.settings()["max_false"] == 0.01
    own = promised(parse(recipe('[pick]\nkind = "risk-limited"\nmax_p = 0.3')), 0.01, emit=told)
    assert (own.pick.settings()["max_p"], told) == (0.3, [])


def test_a_setting_that_the_recipe_states_is_kept_though_it_is_the_default_of_its_kind() -> None:
    stated = parse(recipe(TOP, '[train]\nkind = "encoder"\nbatch_size = 64'))
    unstated = parse(recipe(TOP, '[train]\nkind = "encoder"'))
    sizes = [
        completed(each, "static", "reranker").settings()["train"]["batch_size"]
        for each in (stated, unstated)
    ]
    assert sizes == [64, 16]


def test_what_the_user_sets_and_the_new_kind_does_not_have_is_refused() -> None:
    made = parse(recipe('[pick]\nkind = "simans"'))
    for changes in (["pick.a=0.4", "pick.kind=top"], ["pick.kind=top", "pick.a=0.4"]):
        with pytest.raises(RecipeError, match="'top' has no setting 'a'"):
            override(made, changes)
    with pytest.raises(RecipeError, match="'reranker' has no setting 'chunk'"):
        completed(load_recipe("star"), "static", "reranker", ["train.chunk=8"])


def test_a_kind_that_there_is_not_is_told_the_nearest_one() -> None:
    with pytest.raises(RecipeError) as caught:
        completed(load_recipe("star"), "static", "rerankr")
    assert str(caught.value) == (
        "there is no train kind 'rerankr'\n"
        "  where: recipe star: train.kind\n"
        "  fix:   did you mean 'reranker'?"
    )


@pytest.mark.slow
def test_defaults_are_no_loss_between_any_two_kinds() -> None:
    for section, kinds in KINDS.items():
        for kind in kinds:
            settings = _made(section, kind)
            told = Told()
            for other in kinds:
                there = exchanged(section, settings, other, told)
                assert there["kind"] == other
                assert told == [], "defaults are no loss"


def _made(section: str, kind: str) -> dict[str, object]:
    """The settings of a stage at their defaults."""
    cls = stage_class(section, kind)
    fields = map(describe_field, msgspec.structs.fields(cls))
    return {"kind": kind} | {
        field["name"]: msgspec.to_builtins(field["default"])
        for field in fields
        if not field["required"]
    }
