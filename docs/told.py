"""Sentences of the docs that say what was measured, written from the pages of docs/results.

So they stay true when a page is measured anew: who reads "it took the better one" finds it there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
FOUND = {
    "confirmed": "As they say",
    "contradicted": "The other way round there",
    "not seen": "Not seen",
}
SHORT = {"confirmed": "as they say", "contradicted": "the other way round", "not seen": "not seen"}
STAGES = ("medquad", "wordnet", "debian", "skills", "planted", "passages")
"""Of the page of recipes: those on which all light recipes train the static table."""
AGAINST = "naive top"
FEW = ("none", "random", "sentence-transformers", AGAINST, "nv-retriever", "default", "passages")
"""What a table of few recipes has, cheapest first; the recipe nv-retriever is the 95% rule."""
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
           "eleven", "twelve")  # fmt: skip


def auto_told() -> str:
    """How `--recipe auto` fared, as docs/results/auto.md sums it up."""
    page = (RESULTS / "auto.md").read_text("utf-8")
    kept = json.loads((RESULTS / "auto.json").read_text("utf-8"))
    fewest = min(found["seeds"] for found in kept.values())
    said = "\n".join(line for line in page.split("\n") if line.startswith("- "))
    return (
        f"What that cost on [{_number(len(kept))} data sets](results/auto.md) in nDCG@10, "
        f"{_seeds(fewest)} each, the static table trained:\n\n{said}\n"
    )


def recipes_told() -> str:
    """What few recipes were worth on each data set of docs/results/recipes.json, and the first."""
    kept = json.loads((RESULTS / "recipes.json").read_text("utf-8"))
    lines = [
        f"| data | {' | '.join(FEW)} | the first of all | default less {AGAINST} | p |",
        f"|---|{'---:|' * len(FEW)}---|---:|---:|",
    ]
    for name in STAGES:
        rows = {row["recipe"]: row for row in kept[name]["rows"]}
        first = max(rows.values(), key=lambda row: row.get("mean") or 0)
        values = [f"{rows[each]['mean']:.3f}" if each in rows else "" for each in FEW]
        test = rows["default"]["test"]
        lines.append(
            f"| [{name}](results/recipes.md#{name}), {_seeds(kept[name]['seeds'])} | "
            f"{' | '.join(values)} | {first['recipe']} {first['mean']:.3f} | "
            f"{_short(test['difference'], signed=True)} | {test['p_holm']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def minilm_told() -> str:
    """What docs/results/passages-minilm.md has of each way to choose negatives, best first."""
    page = (RESULTS / "passages-minilm.md").read_text("utf-8")
    rows = list(_rows(page.split("\n\n")[3]))
    told = [
        f"`{row['negatives']}` {_short(float(row['nDCG@10'].strip('*')))}" for row in reversed(rows)
    ]
    seeds = len(rows[0]["by seed"].split())
    return (
        f"- MiniLM, trained on a part of the passages ({_seeds(seeds)}, nDCG@10): "
        f"{', '.join(told)} ([all tests](results/passages-minilm.md)).\n"
    )


def rerankers_told() -> str:
    """What the stage `rerankers` of docs/results/recipes.json came to, best first."""
    kept = json.loads((RESULTS / "recipes.json").read_text("utf-8"))["rerankers"]
    rows = sorted(kept["rows"], key=lambda row: -row["mean"])
    told = [f"`{row['recipe']}` {_short(row['mean'])}" for row in rows]
    found = kept["reranked"]
    before = _short(found["as found"][kept["metric"]])
    return (
        f"- A reranker made of BERT-tiny ({kept['queries']} questions of MedQuAD, "
        f"{_seeds(kept['seeds'])}, nDCG@10) that puts in order the {found['top']} documents which "
        f"the built-in encoder finds first ({before} as they come), by the negatives that it "
        f"learned from: {', '.join(told)} ([all tests](results/recipes.md#rerankers)).\n"
    )


def directions_told() -> str:
    """What was found of the claims at the largest share of docs/results/directions.md."""
    page = (RESULTS / "directions.md").read_text("utf-8")
    *fewer, (share, _, section) = [part.partition("\n") for part in page.split("\n## ")[1:]]
    rows = list(_rows(section))
    own = sum(row["source"] == "this library" for row in rows)
    others = len(rows) - own
    many = _number(others)
    seeds = _said(section)
    lines = [
        f"Papers say that one way is better than another. {many.capitalize()} such "
        f"claim{'' if others == 1 else 's'}, and {_number(own)} of this library, "
        f"were tried on answers of MedQuAD ({share[0].lower()}{share[1:]}), with the built-in "
        f"table and {seeds}; no recipe was changed after the figures "
        "([all of them, with tests](results/directions.md)). In nDCG@10:",
        "",
    ]
    for found, said in FOUND.items():
        claims = [_claim(row) for row in rows if row["found"] == found]
        lines.append(f"- **{said}**: {'; '.join(claims) if claims else 'none'}.")
    for other, _, section in fewer:
        lines.append(
            f"- {_otherwise(f'{other.split()[0]} ({_said(section)})', [*_rows(section)], rows)}"
        )
    return "\n".join(lines) + "\n"


def _said(section: str) -> str:
    """How many seeds a section says that it has."""
    lines = section.split("\n")
    return next(line for line in lines if line.endswith((" seeds.", " seed."))).rstrip(".")


def _otherwise(share: str, rows: list[dict[str, str]], most: list[dict[str, str]]) -> str:
    """Which claims came out otherwise where fewer answers have an unlabelled half."""
    before = {row["claim"]: row["found"] for row in most}
    other = [row for row in rows if row["found"] != before[row["claim"]]]
    if not other:
        return f"At {share} all came out the same."
    told = "; ".join(f"{_claim(row)} {SHORT[row['found']]}" for row in other)
    return f"At {share} {len(rows) - len(other)} of {len(rows)} came out the same, but: {told}."


def _claim(row: dict[str, str]) -> str:
    claim = row["claim"]
    first = (
        claim
        if claim.split()[0].isupper() and len(claim.split()[0]) > 1
        else claim[0].lower() + claim[1:]
    )
    return f"{first} ({_short(float(row['difference']), signed=True)})"


def _rows(text: str) -> Iterator[dict[str, str]]:
    """The rows of the first table in a text, by the names of its columns."""
    lines = [line for line in text.split("\n") if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    for cells in table[2:]:
        yield dict(zip(table[0], cells, strict=True))


def _short(value: float, *, signed: bool = False) -> str:
    return f"{value:{'+' if signed else ''}.3f}".replace("0.", ".", 1)


def _seeds(count: int) -> str:
    return f"{_number(count)} seed{'' if count == 1 else 's'}"


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
