"""Every stage: its settings make it again, are all described, and others are refused."""

from __future__ import annotations

import re
import sys
import tomllib

import pytest

from negatives.errors import RecipeError
from negatives.kinds import KINDS, kinds
from negatives.recipe_toml import line
from negatives.settings import describe_field, names
from negatives.stage import Stage, build, fields_of, stage_class
from tests.contracts import kinds as made
from tests.contracts.theirs import Unfinished


def test_every_section_has_a_kind_of_the_third_party_and_all_of_ours() -> None:
    for section, ours in KINDS.items():
        names = {stage.kind for stage in made.stages(section)}
        assert names >= set(ours)
        assert len(names - set(ours)) == 1, section


def test_settings_make_the_stage_again_and_so_do_its_toml_and_its_repr() -> None:
    for stage in made.every():
        settings = stage.settings()
        assert build(stage.section, settings) == stage
        text = "\n".join(line(key, value, "") for key, value in settings.items())
        assert build(stage.section, tomllib.loads(text)) == stage, text
        names = vars(sys.modules["negatives.batch.weights"])
        assert eval(repr(stage), {**names, type(stage).__name__: type(stage)}) == stage


def test_a_setting_that_there_is_not_is_refused_and_every_one_there_is_is_described() -> None:
    import msgspec

    for stage in made.every():
        with pytest.raises(RecipeError, match="has no setting 'no_such_setting'"):
            build(stage.section, stage.settings() | {"no_such_setting": 1})
        for field in msgspec.structs.fields(type(stage)):
            assert describe_field(field)["description"], (stage.kind, field.name)
        assert (type(stage).__doc__ or "").splitlines()[0].endswith((".", ":"))


NAMES_FILES = re.compile(r"\bfiles?\b|\bfolder\b|\bhub name\b|\bJinja\b|\.parquet\b|\bURL#NAME\b")
"""What a description has that says of a setting's texts that they name files, or models."""


def test_a_setting_that_is_said_to_name_a_file_or_a_model_has_the_type_that_says_so() -> None:
    found = 0
    for stage in made.every():
        for field in fields_of(type(stage)):
            described = describe_field(field)
            if "str" in described["type"] and NAMES_FILES.search(described["description"]):
                found += 1
                typed = [kind for kind in ("file", "model") if names(kind, field.type)]
                assert len(typed) == 1, (stage.kind, field.name)
    assert found > 50


def test_the_encoder_or_model_of_a_stage_is_one_that_it_opens() -> None:
    for stage in made.every():
        for field in fields_of(type(stage)):
            if field.name in ("model", "encoder", "guide", "teacher") and stage.section != "round":
                text = describe_field(field)["type"] == "str"
                assert names("model", field.type) == text, (stage.kind, field.name)


def test_a_kind_is_frozen_and_of_the_section_that_it_is_found_in() -> None:
    for section in KINDS:
        for kind in kinds(section):
            if (section, kind) == made.UNFINISHED:
                continue
            cls = stage_class(section, kind)
            assert (cls.section, cls.__struct_config__.tag) == (section, kind)
            assert cls.__struct_config__.frozen


def test_a_stage_that_lacks_a_method_says_which() -> None:
    with pytest.raises(TypeError, match="abstract method 'open'"):
        Unfinished()  # type: ignore[abstract]
    with pytest.raises(RecipeError) as caught:
        build("find", {"kind": "unfinished"}, "mine.toml: find[0]")
    assert str(caught.value) == (
        "the find kind 'unfinished' does not define open()\n"
        "  where: mine.toml: find[0].kind\n"
        "  fix:   define open in Unfinished, or update the package that it is from"
    )


def test_a_base_class_is_no_stage() -> None:
    bases = {base for stage in made.every() for base in type(stage).__mro__ if base is not Stage}
    abstract = [base for base in bases if getattr(base, "__abstractmethods__", ())]
    assert len(abstract) >= len(KINDS)
    for base in abstract:
        with pytest.raises(TypeError, match="abstract"):
            base()
