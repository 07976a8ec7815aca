"""Stages: settings that are checked, however they are given, and errors that say what to write."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import msgspec
import numpy as np
import pytest
from msgspec import Meta

from negatives import kinds
from negatives.errors import RecipeError
from negatives.find.bm25 import BM25
from negatives.find.fused import Fused
from negatives.judge.positive_aware import Margin, PercentOfPositive
from negatives.kinds import KINDS
from negatives.learn.train_round import TrainRound
from negatives.pick.quotas import Quotas
from negatives.pick.stratified import Stratified
from negatives.pick.top import Top
from negatives.settings import describe_field
from negatives.stage import Stage, build, stage_class
from negatives.store import named_files as store
from negatives.store.named_files import changed, named_files, unnoticed
from tests.cli.commands import negatives
from tests.each import for_each

EVERY_KIND = [(section, kind) for section, table in KINDS.items() for kind in table]


@for_each(("section", "kind"), EVERY_KIND)
def test_every_kind_resolves_to_a_stage_of_its_section_and_name(section: str, kind: str) -> None:
    made = stage_class(section, kind)
    assert made.section == section
    assert made.__struct_config__.tag == kind


@for_each(("section", "kind"), EVERY_KIND)
def test_every_setting_has_a_one_line_description(section: str, kind: str) -> None:
    for field in msgspec.structs.fields(stage_class(section, kind)):
        about = describe_field(field)
        assert about["description"], field.name
        assert "\n" not in about["description"]


@for_each(("section", "kind"), EVERY_KIND)
def test_every_stage_says_what_it_does(section: str, kind: str) -> None:
    first = (stage_class(section, kind).__doc__ or "").splitlines()[0]
    assert first.endswith((".", ":"))


@pytest.mark.parametrize(
    ("stage", "name", "written"),
    [
        (BM25, "top", "int"),
        (BM25, "variant", '"lucene" | "robertson" | "atire"'),
        (BM25, "stop_words", "bool | list[str]"),
        (Fused, "weights", "list[float]"),
        (Quotas, "quotas", "dict[str, int]"),
    ],
)
def test_a_type_is_described_as_a_user_would_write_it(
    stage: type[Stage], name: str, written: str
) -> None:
    fields = {field.name: field for field in msgspec.structs.fields(stage)}
    assert describe_field(fields[name])["type"] == written


def test_the_settings_of_a_stage_are_plain_values_with_the_kind_first() -> None:
    assert list(Margin(0.1).settings().items()) == [
        ("kind", "margin"),
        ("margin", 0.1),
        ("scorer", ""),
    ]


def test_building_from_its_settings_gives_the_stage_again() -> None:
    stage = BM25(top=7, stop_words=["the"], name="words")
    assert build("find", stage.settings()) == stage


def test_a_stage_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Top().per_query = 3


def test_equal_stages_have_one_repr_however_their_numbers_were_written() -> None:
    assert repr(Margin(1)) == repr(Margin(1.0)) == "Margin(margin=1.0, scorer='')"
    assert repr(Fused(of=["a"], weights=[2])) == repr(Fused(of=["a"], weights=[2.0]))


def test_a_number_of_numpy_is_a_number() -> None:
    assert repr(Margin(cast("float", np.float32(0.5)))) == "Margin(margin=0.5, scorer='')"
    assert repr(Top(per_query=cast("int", np.int64(3)))) == "Top(per_query=3, by='hardness')"


def test_arrays_of_numpy_are_lists_of_numbers() -> None:
    edges = cast("list[float]", np.array([10, 30]))
    assert Stratified(by="rank", edges=edges) == Stratified(by="rank", edges=[10.0, 30.0])
    inside = [cast("float", np.int64(10)), cast("float", np.float32(30))]
    assert Stratified(by="rank", edges=inside) == Stratified(by="rank", edges=[10.0, 30.0])
    assert "top = [1, 2]: Expected `int`" in message(
        lambda: BM25(top=cast("int", np.array([1, 2])))
    )


def test_a_default_list_is_not_shared_between_stages() -> None:
    Fused().of.append("mine")
    assert Fused().of == []


def message(make: Any) -> str:
    with pytest.raises(RecipeError) as caught:
        make()
    return str(caught.value)


def test_a_wrong_type_is_named_with_what_the_setting_means() -> None:
    assert message(lambda: Margin(cast("float", "wide"))) == (
        "margin: margin = 'wide': Expected `float`, got `str`\n"
        "  fix:   margin: float, in units of the score; higher rejects more"
    )


def test_a_value_out_of_bounds_is_named_with_its_bound() -> None:
    assert message(lambda: BM25(b=1.5)) == (
        "bm25: b = 1.5: Expected `float` <= 1.0\n"
        "  fix:   b: float, normalisation by document length"
    )


def test_a_value_that_is_none_of_the_choices_is_told_the_choices() -> None:
    assert message(lambda: BM25(variant=cast("Any", "okapi"))) == (
        "bm25: variant = 'okapi': Invalid enum value 'okapi'\n"
        '  fix:   variant: "lucene" | "robertson" | "atire", which idf and tf formula'
    )


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_an_infinite_setting_is_refused(number: float) -> None:
    assert "Expected a finite number" in message(lambda: PercentOfPositive(centre=number))
    assert "Expected" in message(lambda: Stratified(edges=[0.0, number]))


@pytest.mark.parametrize("number", [1e13, -1e300])
def test_a_setting_larger_than_can_be_computed_with_is_refused(number: float) -> None:
    assert "Expected a number up to 1e+12" in message(lambda: PercentOfPositive(centre=number))
    assert "a whole one up to 2147483647" in message(lambda: BM25(top=int(abs(number))))


def test_a_source_name_that_is_no_column_prefix_is_refused() -> None:
    assert message(lambda: BM25(name="My BM25")) == (
        "bm25: name = 'My BM25': Expected `str` matching regex '^[a-z0-9-]{0,64}$'\n"
        "  fix:   name: str, column prefix in the ledger; empty: the kind"
    )


def test_an_unknown_kind_is_told_the_nearest_one() -> None:
    assert message(lambda: build("find", {"kind": "bm52"}, "mine.toml: find[0]")) == (
        "there is no find kind 'bm52'\n"
        "  where: mine.toml: find[0].kind\n"
        "  fix:   did you mean 'bm25'?"
    )


def test_a_kind_nothing_like_any_is_told_all_of_them() -> None:
    assert message(lambda: build("pick", {"kind": "zzz"}, "pick")) == (
        "there is no pick kind 'zzz'\n"
        "  where: pick.kind\n"
        "  fix:   valid: information-gain, one-by-one, quotas, random, risk-limited, simans, "
        "stratified, top"
    )


def test_a_stage_without_a_kind_is_told_the_kinds() -> None:
    assert message(lambda: build("pick", {"per_query": 3}, "pick")) == (
        "a stage without a kind\n"
        "  where: pick\n"
        "  fix:   kind = one of information-gain, one-by-one, quotas, random, risk-limited, "
        "simans, stratified, top"
    )


def test_an_unknown_setting_is_told_the_nearest_one() -> None:
    assert message(lambda: build("find", {"kind": "bm25", "tpo": 3}, "find[1]")) == (
        "'bm25' has no setting 'tpo'\n  where: find[1].tpo\n  fix:   did you mean 'top'?"
    )


def test_a_setting_inside_a_list_is_found_at_its_path() -> None:
    assert message(lambda: build("find", {"kind": "fused", "of": ["a", 1]}, "find[1]")) == (
        "fused: Expected `str`, got `int`\n"
        "  where: find[1].of\n"
        "  fix:   of: list[str], names of the sources to fuse; empty: all before"
    )


def test_settings_that_disagree_are_told_where_they_stand() -> None:
    settings = {"kind": "quotas", "quotas": {"bm25": 5, "dense": 5}, "per_query": 7}
    assert message(lambda: build("pick", settings, "mine.toml: pick")) == (
        "quotas: 10 in all, more than per_query = 7\n"
        "  where: mine.toml: pick\n"
        "  fix:   raise per_query, or lower a quota"
    )


@for_each(
    ("make", "said"),
    [
        (lambda: Quotas(), "quotas: no quotas"),
        (lambda: Stratified(edges=[3.0, 1.0]), "stratified: edges [3.0, 1.0] do not ascend"),
        (lambda: Stratified(edges=[1.0, 1.0]), "stratified: edges [1.0, 1.0] do not ascend"),
        (lambda: Fused(of=["a"], weights=[1.0, 2.0]), "fused: 2 weights for 1 sources"),
        (lambda: Fused(of=["a"], weights=[-1.0]), "fused: a weight is negative"),
        (lambda: Fused(of=["a", "b"], weights=[0.0, 0.0]), "fused: every weight is 0"),
        (lambda: Fused(of=["a", "a"]), "fused: a source twice in ['a', 'a']"),
        (lambda: BM25(language="klingon"), "bm25: no stemmer for language"),
    ],
)
def test_settings_that_make_no_sense_together_are_refused(make: Any, said: str) -> None:
    text = message(make)
    assert text.startswith(said)
    assert "fix:" in text


class Theirs(Top, kind="theirs"):
    """As somebody writes it who has not heard of `ModelName`."""

    encoder: str = ""
    teacher: Annotated[str, Meta(description="who knows more")] = ""
    backbone: str = ""
    guide: tuple[str, ...] = ()


def test_a_text_that_is_called_as_models_are_names_one(tmp_path: Path) -> None:
    model, other = (tmp_path / name for name in ("model", "other"))
    for folder in (model, other):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
    stage = Theirs(encoder=str(model), teacher="hub/name", backbone=str(other), guide=("none",))
    assert stage.opens == (str(model), "hub/name")
    before = named_files([stage])
    assert list(before) == [str(model)]
    (model / "config.json").write_text("[]")
    assert changed(before, named_files([stage])) == [str(model)]
    assert unnoticed(stage) == {"backbone": str(other)}
    assert unnoticed(Theirs(backbone="static")) == {}
    assert TrainRound(model="a", encoder="b").opens == ("a",)


def test_a_text_that_names_a_model_unnoticed_is_told_when_the_recipe_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "_third_parties", lambda: {"pick": {"theirs": f"{__name__}:Theirs"}})
    monkeypatch.setattr(store, "file_hash", lambda _: pytest.fail("a model may be large"))
    (tmp_path / "words.txt").write_text("wing")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        'name = "mine"\n[[find]]\nkind = "bm25"\n[pick]\nkind = "theirs"\n'
        f'backbone = "{tmp_path}/words.txt"\nencoder = "{tmp_path}/words.txt"\n'
    )
    done = negatives("recipes", "check", recipe)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == [
        f"theirs: backbone names {tmp_path}/words.txt, and a run would not notice that it has "
        "changed: the type of the setting is to be ModelName or FileName, of negatives.settings"
    ]


@pytest.mark.slow
def test_an_installed_package_adds_kinds_and_never_replaces_one(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        "import negatives as neg\nclass Mine(neg.Top, kind='mine'): ...\nclass Top(Mine): ...\n"
    )
    metadata = tmp_path / "theirs-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[negatives.stages]\npick.mine = theirs:Mine\npick.top = theirs:Top\n"
    )
    asked = (
        "from negatives.kinds import kinds; from negatives.stage import build; "
        "print('mine' in kinds('pick'), "
        "build('pick', {'kind': 'mine'}), build('pick', {'kind': 'top'}), 'mine' in kinds('find'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", asked],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (
        "True Mine(per_query=7, by='hardness') Top(per_query=7, by='hardness') False\n"
    )
