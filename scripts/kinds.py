"""Write `table_of_kinds.py` and `stages.py` of the package from the classes themselves.

    python scripts/kinds.py

A stage is one file in the room of its section. This command finds it there, and with the table it
is a kind that recipes can name, a public name (if it takes part in mining), and an entry of the
reference. A test fails where the table is not what this command writes.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src" / "negatives"
TABLE, NAMES = SOURCE / "table_of_kinds.py", SOURCE / "stages.py"
SECTIONS = (
    "find",
    "make",
    "judge",
    "estimate",
    "pick",
    "choose",
    "batch",
    "learn",
    "train",
    "round",
    "audit",
)

TABLE_HEAD = '''"""Every stage of this package: `python scripts/kinds.py` writes it.

Do not edit. It is a table rather than a search at start, so that nothing has to be imported to
know what there is, in a zip file as on a disk.
"""

# fmt: off

from __future__ import annotations

'''
NAMES_HEAD = '''"""The stages that are public names: from `python scripts/kinds.py`."""

# fmt: off

'''


def stages() -> Iterator[type]:
    """Every class with a kind and a section, from the files that have one."""
    from negatives.stage import Stage

    for path in sorted(SOURCE.glob("*/**/*.py")):
        if ', kind="' in path.read_text("utf-8"):
            place = path.relative_to(SOURCE).with_suffix("").parts
            importlib.import_module(".".join(("negatives", *place)))
    todo = [Stage]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        if cls.__struct_config__.tag and cls.section and cls.__module__.startswith("negatives."):
            yield cls


def written() -> dict[Path, str]:
    """Path -> text of the two modules."""
    from negatives.kinds import PUBLIC

    found: dict[str, dict[str, type]] = {section: {} for section in SECTIONS}
    for cls in stages():
        found[cls.section][cls.__struct_config__.tag] = cls  # type: ignore[attr-defined]
    lines = ["KINDS: dict[str, dict[str, str]] = {"]
    for section, kinds in found.items():
        lines.append(f'    "{section}": {{')
        lines += [
            f'        "{kind}": "{cls.__module__}:{cls.__name__}",'
            for kind, cls in sorted(kinds.items())
        ]
        lines.append("    },")
    lines += ["}", '"""Section -> kind -> where it lives."""', ""]
    public = sorted(
        (cls.__module__, cls.__name__) for section in PUBLIC for cls in found[section].values()
    )
    names = [f"from {module} import {name} as {name}" for module, name in public]
    return {
        TABLE: TABLE_HEAD + "\n".join(lines),
        NAMES: NAMES_HEAD + "\n".join([*names, ""]),
    }


if __name__ == "__main__":
    sys.path.insert(0, str(SOURCE.parent))
    for path, text in written().items():
        path.write_text(text, "utf-8")
