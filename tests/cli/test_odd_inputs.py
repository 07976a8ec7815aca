"""Thousands of odd inputs: each ends in a message, and leaves its folder as it was."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from tests.cli.commands import negatives
from tests.cli.odd import Odd, complaints
from tests.cli.odd_domains import domain_files
from tests.cli.odd_files import BEIR, pair_files
from tests.cli.odd_models import unfit
from tests.cli.odd_options import commands, no_positive, options
from tests.cli.odd_recipes import accepted, files, misread, settings
from tests.learn.small import save_static
from tests.models.tiny_lm import tiny_llama


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a finished run, by their path in a folder."""
    folder = tmp_path_factory.mktemp("odd")
    for name, content in BEIR.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    done = negatives("mine", folder / "data", "--out", folder / "RUN", "--quiet", "--threads", "1")
    assert done.returncode == 0, done.stderr
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / "RUN").rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def check(odds: Iterable[Odd], folder: Path, *, at_least: int) -> None:
    """All of them end as they must; `at_least` so many are there."""
    listed = list(odds)
    assert len(listed) >= at_least
    wrong = complaints(listed, folder)
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(islice(wrong, 20))


@pytest.mark.slow
def test_files_of_pairs(tmp_path: Path) -> None:
    check(pair_files(), tmp_path, at_least=450)


@pytest.mark.slow
def test_files_of_ids_triples_labels_responses_series_and_captions(tmp_path: Path) -> None:
    check(domain_files(), tmp_path, at_least=400)


@pytest.mark.slow
def test_settings_of_stages(tmp_path: Path) -> None:
    odds = list(settings())
    assert len(odds) >= 4_000
    wrong = [f"{odd.name}: {told}" for odd in odds if (told := misread(odd.files["r.toml"]))]
    assert not wrong, f"{len(wrong)} wrong:\n" + "\n".join(wrong[:20])
    # What the command makes of a refusal is the same for all: every fiftieth goes through it.
    check(odds[::50], tmp_path, at_least=80)


@pytest.mark.slow
def test_settings_that_only_a_run_can_refuse(tmp_path: Path) -> None:
    check(accepted(), tmp_path, at_least=30)


@pytest.mark.slow
def test_recipe_files(tmp_path: Path) -> None:
    check(files(), tmp_path, at_least=90)


@pytest.mark.slow
def test_options_of_commands(run: dict[str, bytes], tmp_path: Path) -> None:
    check(options(run), tmp_path, at_least=600)


@pytest.mark.slow
def test_commands(run: dict[str, bytes], tmp_path: Path) -> None:
    check(commands(run), tmp_path, at_least=90)


def test_data_without_a_positive(tmp_path: Path) -> None:
    check(no_positive(), tmp_path, at_least=5)


@pytest.mark.slow
def test_what_does_not_fit_is_said_before_any_training(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    from safetensors.numpy import load_file, save_file

    no_numbers = save_static(tmp_path / "no-numbers", ["wing lift"], dim=4)
    for file in no_numbers.rglob("*.safetensors"):
        save_file({name: each * float("nan") for name, each in load_file(file).items()}, file)
    place = tmp_path / "odd"
    place.mkdir()
    check(unfit(tiny_llama(), no_numbers), place, at_least=80)
