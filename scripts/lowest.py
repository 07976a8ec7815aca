"""Write the lowest versions that pyproject.toml allows, as constraints for pip.

    python scripts/lowest.py constraints-lowest.txt

`make lowest` installs the core with them and runs the demo and the tests of the core.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)>=([0-9.]+)$")


def lowest(requirements: list[str]) -> list[str]:
    """`numpy>=1.26` as `numpy==1.26.0`; pip takes 1.26 for 1.26.0, as everybody does."""
    found = [REQUIREMENT.match(each.replace(" ", "")) for each in requirements]
    if None in found:
        raise SystemExit(f"no lower bound: {requirements[found.index(None)]}")
    return [f"{match[1]}=={match[2]}" for match in found if match]


def main() -> None:
    """Write the file that is named, or print."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = "".join(f"{each}\n" for each in lowest(project["dependencies"]))
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(lines, "utf-8")
    else:
        print(lines, end="")


if __name__ == "__main__":
    main()
