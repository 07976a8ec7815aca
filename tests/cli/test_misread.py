"""Words of a command that are misread: told as what they are, and never taken for another thing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.commands import negatives


def test_a_number_is_read_as_it_is_written_or_not_at_all(tmp_path: Path) -> None:
    for option, values, what in [
        ("--per-query", ["2.6", "2.0", "none", "0x3", "1_0", "\u0663", " 3"], "a whole number"),
        ("--seed", ["1.5", "null", "9" * 5000], "a whole number"),
        ("--threads", ["1.5", "none"], "a whole number"),
        ("--max-false", ["none", "1_0", "\u0663", "0.1 ", "0,1"], "a number"),
    ]:
        for value in values:
            done = negatives("mine", "nowhere", "--out", tmp_path / "out", option, value)
            assert done.returncode == 2, value
            assert f"Invalid value for {option}: " in done.stderr
            assert f"is not {what}" in done.stderr
    for option, value in [
        ("--per-query", "+2"), ("--seed", "-1"), ("--max-false", "1e-2"), ("--max-false", ".5")
    ]:  # fmt: skip
        done = negatives("mine", "nowhere", "--out", tmp_path / "out", option, value)
        assert "no such file or folder" in done.stderr, (option, value)
    done = negatives("data", "split", "nowhere", "--out", tmp_path / "out", "--dev", "none")
    assert "'none' is not a number" in done.stderr, "commands of a group too"


def test_words_that_are_misread_are_told_as_what_they_are() -> None:
    for command, what, fix in [
        ("mine -- --out x", "after '--' every word is taken for a name", "leave '--' out"),
        ("show run -- --worst", "options too: '--worst'", "leave '--' out"),
        ("show run -- --worst=3", "options too: '--worst'", "leave '--' out"),
        ("-- mine data", "after '--' every word is taken for a name", "leave '--' out"),
        ("mine - --out x", "nothing is read from standard input", "name that"),
        ("evaluate static -", "nothing is read from standard input", "name that"),
        ("mine my data", "words that belong to no option: 'data'", "in quotation marks"),
        ("show run -worst 3", "-worst. Did you mean --worst?", "negatives show --help"),
        ("mine data -quiet", "Unknown option: -quiet. Did you mean --quiet?", "write it so"),
        ("-verbose show run", "Unknown option: -verbose. Did you mean --verbose?", "write it so"),
        ("show run --wrst 3", "Did you mean --worst?", "negatives show --help"),
    ]:
        done = negatives(*command.split())
        assert done.returncode == 2, command
        assert what in done.stderr, done.stderr
        assert fix in done.stderr, done.stderr


def test_a_name_that_is_not_there_is_blamed_whatever_letters_it_has(tmp_path: Path) -> None:
    from negatives.errors import RecipeError
    from negatives.models.prompt import Prompt

    for name in ("x.j2", "a\tb.j2", "a\nb.j2", "it's.j2", "\u202eb.j2"):
        with pytest.raises(RecipeError, match="cannot read: No such file"):
            Prompt(str(tmp_path / name), ("query",))


def test_links_in_a_circle_are_told(tmp_path: Path) -> None:
    from negatives.faults import refused

    (tmp_path / "loop").symlink_to("loop")
    try:
        (tmp_path / "loop").stat()
    except OSError as error:
        told = [refused(error)]
    told.append(refused(FileExistsError(17, "File exists"), tmp_path / "loop"))
    told.append(refused(RuntimeError(f"Symlink loop from '{tmp_path / 'loop'}'")))
    for each in told:
        assert each is not None
        assert "a circle of symbolic links" in each.what
        assert each.where == str(tmp_path / "loop")
        assert each.exit_code == 2


@pytest.mark.slow
def test_links_in_a_circle_are_no_matter_to_what_does_not_need_them(tmp_path: Path) -> None:
    out = tmp_path / "run"
    negatives("mine", "cranfield", "--out", out, "--recipe", "bm25", "--per-query", "1")
    page = out / "report.html"
    page.unlink()
    page.symlink_to("report.html")
    done = negatives("export", out, "-f", "triplet", "-o", tmp_path / "x.jsonl")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_language_model_that_has_no_address_is_told_before_anything_is_made(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("A wing lifts. " * 50)
    done = negatives("adapt", tmp_path / "docs", "--out", tmp_path / "out", "--llm", "qwen")
    assert (done.returncode, "is no address of a language model" in done.stderr) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_run_that_is_not_there_is_no_encoder_of_a_hub(tmp_path: Path) -> None:
    (tmp_path / "first.run").write_text("1 Q0 184 1 2.5 x\n")
    for name in ("frist.run", "none.trec", "none.txt", "none.run.gz"):
        done = negatives("evaluate", tmp_path / name, "cranfield", "--metric", "RR")
        assert (done.returncode, "no such run" in done.stderr) == (2, True), done.stderr
        assert str(tmp_path / name) in done.stderr
    done = negatives("evaluate", tmp_path / "frist.run", "cranfield", "--metric", "RR")
    assert "did you mean" in done.stderr
    assert "first.run" in done.stderr


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_bytes(
        b'\xef\xbb\xbf[[find]]\nkind = "bm25"\n[pick]\nkind = "top"\n'
    )
    done = negatives("recipes", "check", tmp_path / "r.toml")
    assert done.returncode == 0, done.stderr
