"""The passes of a mining hold one part of the ledger at a time, and that not twice over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BYTES = 1_200
"""What a candidate takes at most, with all that is known of it and all that is made of that."""
PEAKS = """
import resource, sys
import negatives as neg
from negatives.machine import give_back_freed
from negatives.recipe import load_recipe
from negatives.recipe_changes import override

give_back_freed(64 * 2**20)
for shard, folder in ((20, sys.argv[1]), (225, sys.argv[2])):
    settings = ("find.bm25.top=400", "find.dense.top=400", f"shard={shard}")
    recipe = override(load_recipe("default"), settings)
    run = neg.mine("cranfield", folder, recipe=recipe, threads=1, memory="64MB")
    parts = [run.manifest.files[f"candidates/{part.name}"].rows for part in run.parts]
    print(max(parts), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_large_part_takes_so_much_more_than_a_small_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PEAKS, str(tmp_path / "small"), str(tmp_path / "large")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    unit = 1 if sys.platform == "darwin" else 1024
    (few, before), (many, after) = (map(int, line.split()) for line in told.splitlines())
    assert many > 5 * few
    assert (after - before) * unit < (many - few) * BYTES
