"""Sentences of the docs that say what was measured, written from the pages of docs/results.

So they stay true when a page is measured anew: who reads "it took the better one" finds it there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
BETWEEN = ("default", "passages")
"""Recipes that `--recipe auto` chooses between where there are texts."""
FOUND = {
    "confirmed": "As they say",
    "contradicted": "The other way round there",
    "not seen": "Not seen",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def auto_told() -> str:
    """How `--recipe auto` fared by the last table of docs/results/recipes.md."""
    page = (RESULTS / "recipes.md").read_text("utf-8")
    kept = json.loads((RESULTS / "recipes.json").read_text("utf-8"))
    rows = list(_rows(page.partition("{ #auto }")[2].split("\n## ")[0]))
    if not rows:
        return ""
    means = {
        row["data"]: {each["recipe"]: each.get("mean") for each in kept[row["data"]]["rows"]}
        for row in rows
    }
    losses = {
        how: {
            row["data"]: max(means[row["data"]][name] for name in BETWEEN)
            - means[row["data"]][row[how]]
            for row in rows
        }
        for how in ("auto", "left out")
    }
    right = sum(loss == 0 for loss in losses["auto"].values())
    seeds = sorted({kept[row["data"]]["seeds"] for row in rows})
    many = " to ".join(_number(each) for each in dict.fromkeys((seeds[0], seeds[-1])))
    return (
        f"On [{_number(len(rows))} data sets](results/recipes.md#auto), {many} "
        f"seed{'' if seeds[-1] == 1 else 's'} each, it took the better of the two on "
        f"{_number(right)}; on the others it lost {_most(losses['auto'])}. With the first limit "
        f"set on the other data sets alone it would have lost {_most(losses['left out'])}.\n"
    )


def _most(losses: dict[str, float]) -> str:
    worst = max(losses, key=lambda name: losses[name])
    if losses[worst] == 0:
        return "nothing"
    return f"at most {_short(losses[worst])} of nDCG@10 ({worst})"


def directions_told() -> str:
    """What was found of the claims at the largest share of docs/results/directions.md."""
    page = (RESULTS / "directions.md").read_text("utf-8")
    share, _, section = page.split("\n## ")[-1].partition("\n")
    rows = list(_rows(section))
    own = sum(row["source"] == "this library" for row in rows)
    others = len(rows) - own
    many = _number(others)
    seeds = next(line for line in page.split("\n") if line.endswith((" seeds.", " seed.")))
    lines = [
        f"Papers say that one way is better than another. {many.capitalize()} such "
        f"claim{'' if others == 1 else 's'}, and {_number(own)} of this library, "
        f"were tried on answers of MedQuAD ({share[0].lower()}{share[1:]}), with the built-in "
        f"table and {seeds.rstrip('.')}; no recipe was changed after the figures "
        "([all of them, with tests](results/directions.md)). In nDCG@10:",
        "",
    ]
    for found, said in FOUND.items():
        claims = [_claim(row) for row in rows if row["found"] == found]
        lines.append(f"- **{said}**: {'; '.join(claims) if claims else 'none'}.")
    return "\n".join(lines) + "\n"


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


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)
