"""What the docs take from the code: pages, and parts of pages, written from what they describe.

Reference pages come from the fields of the stages, the recipes, the commands and the docstrings.
Parts stand in README.md and in pages of docs/ between two marks:

    <!-- begin: NAME --> ... <!-- end -->
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import griffe
import markup
import methods
import msgspec
import told

import negatives
from negatives import tiny
from negatives.cli.app import app
from negatives.export import FORMATS
from negatives.kinds import KINDS, kinds
from negatives.read.address import Format
from negatives.read.formats import reader
from negatives.recipe import PURPOSES, shipped
from negatives.settings import describe_field
from negatives.stage import Stage, stage_class

DOCS = Path(__file__).resolve().parent

MARKED = re.compile(r"(<!-- begin: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
VERBS = {
    "find": "Sources: `[[find]]`. Each proposes candidates from the corpus.",
    "make": "Generators: `[[make]]`. Each writes queries from documents, or documents for queries.",
    "judge": "Judges: `[[judge]]`. Each adds evidence and may give a verdict; none drops a row.",
    "estimate": "Estimators: `[estimate]`. One says how probable it is that each pair is relevant.",
    "pick": "Pickers: `[pick]`. One decides which kept candidates become the negatives.",
    "choose": "Choosers: `[choose]`. One decides which training examples are learned from.",
    "batch": "Batchers: `[batch]`. One decides which training examples share a batch.",
    "learn": "Losses: `[learn]`. One says what is learned from a batch.",
    "train": "Trainers: `[train]`. The settings of one training, by the sort of model.",
    "round": "Rounds: `[[round]]`. Trainings one after another, in the order of the recipe.",
    "audit": "Checks: `negatives audit --checks`. Each asks one thing of a run or a mined file.",
}
ALSO = {
    "negatives.export.export": "negatives.export.export",
    "negatives.models.open_encoder.open_encoder": "negatives.models.open_encoder",
}
"""Functions worth a place beside the public names -> the module that defines them."""

COMPARED = (
    "ours: default",
    "ours: default, static encoder",
    "ours: nv-retriever (95%)",
    "st: top",
    "st: relative margin 5% (95% rule)",
    "st: skip 10",
    "st: skip 20",
    "st: random of ranks 10-100",
)
"""Rows of docs/results/coverage.md that README.md shows."""

SECTIONS_OF_FILES = {
    "the package `mined`": "[files of pairs and of negatives](#columns)",
    "`pairs.py`": "[Ids of pair files](#ids)",
    "`grades.py`": "[Grades](#grades)",
    "`topics.py`": "[Topics](#topics)",
    "`texts.py`": "[Documents and queries](#texts)",
    "`mappings.py`": "[Dictionaries by ids](#mappings)",
}
"""Where a reader's docstring names a file, the page has a section."""


# ---- generated parts -----------------------------------------------------------------------------


def in_words(name: str, *, linked: bool) -> str:
    """A shipped recipe as a list: what each stage does, and the settings its file gives."""
    table = tomllib.loads(shipped()[name])
    lines = []
    for section in KINDS:
        rows = table.get(section, [])
        for row in [rows] if isinstance(rows, Mapping) else rows:
            kind = row["kind"]
            given = [f"`{key} = {json.dumps(value)}`" for key, value in row.items()
                     if key != "kind"]  # fmt: skip
            label = f"`{kind}`"
            if linked:
                label = f"[{label}](stages.md#{section}-{kind})"
            about = _first_line(stage_class(section, kind))
            lines.append(f"- {section} {label}: {about} {', '.join(given)}".rstrip())
    return "\n".join(lines) + "\n"


def recipe_table() -> str:
    """The shipped recipes by what they are for: name, what they do, after whom, what differs."""
    parts = []
    for title, names in by_purpose():
        lines = [f"**{title[0].upper()}{title[1:]}**", ""]
        lines += [
            "| recipe | what it does | after | what differs from the paper |",
            "|---|---|---|---|",
        ]
        for name in names:
            table = tomllib.loads(shipped()[name])
            told = (table.get(word, "") for word in ("about", "paper", "differs"))
            lines.append(f"| `{name}` | {' | '.join(told)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def purposes_table() -> str:
    """A line for each thing that recipes are for, with their names."""
    lines = ["| for | recipes |", "|---|---|"]
    for title, names in by_purpose():
        lines.append(f"| {title} | {', '.join(f'`{name}`' for name in names)} |")
    return "\n".join(lines) + "\n"


def by_purpose() -> Iterator[tuple[str, list[str]]]:
    """What recipes are for, in words, with the names of the shipped ones."""
    purposes = {name: tomllib.loads(text).get("purpose", "") for name, text in shipped().items()}
    for purpose, title in PURPOSES.items():
        if names := [name for name in purposes if purposes[name] == purpose]:
            yield title, names


def export_table() -> str:
    """The formats out, each in its own words."""
    lines = ["| format | what is in it |", "|---|---|"]
    lines += [f"| `{name}` | {about} |" for name, about in FORMATS.items()]
    return "\n".join(lines) + "\n"


def export_names() -> str:
    """The names of the formats out."""
    return ", ".join(f"`{name}`" for name in FORMATS) + ".\n"


def coverage_table() -> str:
    """The rows of docs/results/coverage.md that tell most; nothing where it was not measured."""
    page = DOCS / "results" / "coverage.md"
    lines = page.read_text("utf-8").split("\n") if page.exists() else []
    table = [line for line in lines if line.startswith("|")]
    shown = [row for name in COMPARED for row in table if row.startswith(f"| {name} |")]
    return "\n".join([*table[:2], *shown]) + "\n" if shown else ""


HOW = (
    "With the document's title before each passage, as here",
    "Without titles",
    "Descriptions of Debian's packages, on which nothing was chosen",
)


def passages_table() -> str:
    """The first table of docs/results/passages.md, and what it says of each setting at last."""
    page = DOCS / "results" / "passages.md"
    parts = page.read_text("utf-8").split("\n\n") if page.exists() else []
    table = next((part for part in parts if part.startswith("|")), "")
    closest = [part for part in parts if part.startswith("Of the others ")]
    told = [
        f"{how}: {said[0].lower()}{said[1:].strip()}"
        for how, said in zip(HOW, closest, strict=True)
    ]
    return "\n\n".join([table.strip(), *told]) + "\n" if table else ""


FILLS: dict[str, Callable[[], str]] = {
    "default-recipe": lambda: in_words("default", linked=False),
    "recipes": recipe_table,
    "recipes-by-purpose": purposes_table,
    "export-formats": export_table,
    "export-names": export_names,
    "coverage": coverage_table,
    "passages": passages_table,
    "methods": methods.methods_table,
    "auto": told.auto_told,
    "few": told.recipes_told,
    "minilm": told.minilm_told,
    "rerankers": told.rerankers_told,
    "directions": told.directions_told,
}


def filled(text: str) -> str:
    """`text` with every marked part written anew."""
    return MARKED.sub(lambda found: f"{found[1]}{FILLS[found[2]]()}{found[3]}", text)


# ---- generated pages -----------------------------------------------------------------------------


def recipes_page() -> str:
    """Every shipped recipe: the idea, what it takes, its figures, its stages, and its file."""
    parts = [
        "# The recipes one by one",
        "Every recipe of the package in full. What they are for: [Recipes](../recipes.md); which "
        "methods have one: [Methods](../methods.md).",
    ]
    for name, text in shipped().items():
        parts += [f"## {name} {{ #{name} }}", *methods.about(name)]
        parts += [in_words(name, linked=True), f"```toml\n{text.strip()}\n```"]
    return markup.page(parts)


def stages_page() -> str:
    """Every kind of stage with its settings, from the fields themselves."""
    parts = [
        "# Stages",
        "Every kind a recipe may name. The same settings are the arguments of the class in Python "
        "and of `--set` on the command line: `--set find.bm25.top=200`.",
        *_tiny(),
    ]
    for section in KINDS:
        parts += [f"## {section} {{ #{section} }}", VERBS.get(section, "")]
        for kind in sorted(kinds(section)):
            parts += _stage(section, kind)
    return markup.page(parts)


def _tiny() -> Iterator[str]:
    """What the examples of the stages are about."""
    yield (
        "The examples try each stage on `negatives.tiny`, three questions and nine texts, in which "
        "BM25 and a dense source have looked for candidates. `pan`, `plane` and `lift` are known "
        "to answer them, `stove` is judged not to. Batches are of four animals and four vehicles, "
        "and a loss has two rows, in the second of which a negative is nearer than the positive."
    )
    texts = {**tiny.QUERIES, **tiny.DOCS}
    rows = [f"| `{name}` | {year} | {text} |" for name, (year, text) in texts.items()]
    yield "\n".join(["| id | year | text |", "|---|---|---|", *rows])


def _stage(section: str, kind: str) -> Iterator[str]:
    cls = stage_class(section, kind)
    yield f"### {kind} {{ #{section}-{kind} }}"
    public = f"negatives.{cls.__name__}"
    if cls.__name__ not in negatives.__all__:
        public = f"{cls.__module__}.{cls.__name__}"
    yield f"In Python: `{public}`"
    yield markup.prose(inspect.cleandoc(cls.__doc__ or ""))
    rows = ["| setting | type | default | what it is |", "|---|---|---|---|"]
    for field in msgspec.structs.fields(cls):
        about = describe_field(field)
        default = "required" if about["required"] else f"`{_plain(about['default'])}`"
        bounds = _bounds(field.type)
        rows.append(
            f"| `{about['name']}` | {markup.cell(about['type'])}{bounds} | {default} | "
            f"{markup.prose(about['description'])} |"
        )
    yield "\n".join(rows) if len(rows) > 2 else "It has no settings."


def _bounds(kind: Any) -> str:
    """The limits of a field's values in words."""
    found = [
        f"{word} {getattr(meta, name):g}"
        for meta in getattr(kind, "__metadata__", ())
        for name, word in BOUNDS.items()
        if getattr(meta, name, None) is not None
    ]
    return f", {', '.join(found)}" if found else ""


def cli_page() -> str:
    """Every command, from its own help."""
    text = app.generate_docs(output_format="markdown", heading_level=1)
    text = re.sub(r"\n## Table of Contents\n.*?(?=\n\*\*Commands)", "\n", text, flags=re.DOTALL)
    text = text.replace(" *[default: False]*", "").replace("```console", "```text")
    # Anchors that do not depend on how a title is slugged.
    text = re.sub(
        r"^(#+) (negatives [^\n]+)$",
        lambda found: (
            f"{found[1]} {found[2]} {{ #{found[2].replace(' --', ' ').replace(' ', '-')} }}"
        ),
        text,
        flags=re.MULTILINE,
    )
    codes = (
        "Exit codes: 0 done; 1 the work failed; 2 the input or the command is wrong; "
        "130 interrupted (Ctrl-C) and 143 stopped (SIGTERM), after which the same mine, judge, "
        "train, compare or bench command goes on. Progress goes to stderr, results to stdout. "
        "-v, or NEGATIVES_TRACEBACK=1, shows where in the code an error was raised."
    )
    return text.replace("# negatives\n", f"# Command line\n\n{codes}\n", 1)


def formats_page() -> str:
    """What is read: addresses, formats and vectors, from the docstrings of the readers."""
    parts = [
        "# Formats in",
        "What `DATA` may be on the command line, and `Collection.load` in Python. What can be "
        "written is in [Formats out](../exports.md).",
        "## Which format",
        _module_doc("negatives.read.address"),
    ]
    for name in get_args(Format):
        about = inspect.getdoc(reader(name)) or ""
        parts += [f"## {name} {{ #{name} }}", markup.prose(about)]
    parts += [
        "## Files of pairs and of negatives { #columns }",
        _module_doc("negatives.read.mined.layout"),
        _module_doc("negatives.read.mined.names"),
        "## Documents and queries { #texts }",
        _module_doc("negatives.read.texts"),
        "## Dictionaries by ids { #mappings }",
        _module_doc("negatives.read.mappings"),
        "## Data in Python { #memory }",
        _module_doc("negatives.read.memory"),
        "## Judgements { #qrels }",
        _module_doc("negatives.read.qrels"),
        "## Grades { #grades }",
        _module_doc("negatives.read.grades"),
        "## Topics { #topics }",
        _module_doc("negatives.read.topics"),
        "## Ids of pair files { #ids }",
        _module_doc("negatives.read.pairs"),
        "## Encoders { #encoders }",
        _module_doc("negatives.models.open_encoder"),
        "## Precomputed vectors { #vectors }",
        _module_doc("negatives.models.precomputed"),
        _module_doc("negatives.models.parquet_vectors"),
    ]
    page = markup.page(parts)
    for file, section in SECTIONS_OF_FILES.items():
        page = page.replace(file, section)
    return page


def api_page() -> str:
    """Every public name: signature, docstring, public members."""
    parts = [
        "# Python",
        "`import negatives as neg` gives these names. Stages and their settings are in "
        "[Stages](stages.md).",
    ]
    stages = []
    for name in sorted(negatives.__all__):
        value = getattr(negatives, name)
        if isinstance(value, type) and issubclass(value, Stage):
            stages.append(f"[`{name}`](stages.md#{value.section}-{value.__struct_config__.tag})")
        elif hasattr(value, "__module__"):
            parts += _object(name, _parsed(value.__module__)[value.__qualname__])
    for name in sorted(negatives.guide.__all__):
        value = getattr(negatives.guide, name)
        parts += _object(f"guide.{name}", _parsed(value.__module__)[value.__qualname__])
    for name, module in ALSO.items():
        parts += _object(name, _parsed(module)[name.rpartition(".")[2]])
    parts += ["## Stages { #stages }", ", ".join(stages)]
    return markup.page(parts)


def _parsed(module: str) -> griffe.Module:
    """A module's source, read rather than imported: its annotations as they are written."""
    path = Path(inspect.getfile(importlib.import_module(module)))
    return griffe.visit(module, path, path.read_text("utf-8"))


def _object(name: str, found: Any) -> Iterator[str]:
    yield f"## {name} {{ #{name} }}"
    if found.is_function:
        yield _signature(found, name)
        yield _doc(found)
        return
    bases = f"({', '.join(str(base) for base in found.bases)})" if found.bases else ""
    fields = [
        f"    {member.name}: {member.annotation}"
        for member in found.members.values()
        if member.is_attribute and member.is_public and member.annotation and not member.docstring
    ]
    yield "\n".join([f"```python\nclass {name}{bases}", *fields, "```"])
    yield _doc(found)
    for member in found.members.values():
        if not member.docstring or not member.is_public or member.name == "__init__":
            continue
        yield f"### {name}.{member.name} {{ #{name}.{member.name} }}"
        if member.is_function:
            yield _signature(member, member.name)
        elif member.annotation:
            yield f"```python\n{member.name}: {member.annotation}\n```"
        yield _doc(member)


def _signature(function: Any, name: str) -> str:
    """The signature as one would write it, an argument a line where it is long."""
    parts, star = [], False
    for parameter in function.parameters:
        if parameter.name in ("self", "cls"):
            continue
        kind = parameter.kind.value if parameter.kind else ""
        if kind == "keyword-only" and not star:
            parts.append("*")
            star = True
        text = {"variadic keyword": "**"}.get(kind, "") + parameter.name
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None and not kind.startswith("variadic"):
            text += f" = {parameter.default}"
        parts.append(text)
    returns = f" -> {function.returns}" if function.returns is not None else ""
    line = f"{name}({', '.join(parts)}){returns}"
    if len(line) > 88:
        line = f"{name}(\n    " + ",\n    ".join(parts) + f",\n){returns}"
    return f"```python\n{line}\n```"


def results_page() -> str:
    """What was measured: each page's title and first paragraph."""
    parts = ["# Results", "Measured by `python -m benchmarks NAME`, which writes these pages."]
    for path in sorted((DOCS / "results").glob("*.md")):
        text = path.read_text("utf-8")
        paragraphs = [each.strip() for each in text.split("\n\n") if each.strip()]
        prose = [each for each in paragraphs if each[0] not in "#|-<`"]
        parts += [f"## [{markup.title(text)}]({path.name})", prose[0] if prose else ""]
    return markup.page(parts)


PAGES: dict[str, Callable[[], str]] = {
    "reference/recipes.md": recipes_page,
    "reference/cli.md": cli_page,
    "reference/stages.md": stages_page,
    "reference/api.md": api_page,
    "reference/formats.md": formats_page,
    "results/index.md": results_page,
}


# ---- text ----------------------------------------------------------------------------------------


def _doc(found: Any) -> str:
    return markup.prose(inspect.cleandoc(found.docstring.value)) if found.docstring else ""


def _module_doc(module: str) -> str:
    return markup.prose(inspect.cleandoc(importlib.import_module(module).__doc__ or ""))


def _first_line(cls: type) -> str:
    return markup.prose((cls.__doc__ or "").split("\n")[0])


def _plain(value: Any) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False)
