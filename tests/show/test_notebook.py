"""A notebook, executed as its user would: progress, warnings, and what results look like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "first_look.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The code cells of the example, as they came out."""
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell: Any, kind: str) -> str:
    """All that a cell shows of one kind."""
    return "".join(out["data"].get(kind, "") for out in cell.outputs if "data" in out)


def printed(cell: Any, stream: str) -> str:
    return "".join(out["text"] for out in cell.outputs if out.get("name") == stream)


def cell_with(cells: list[Any], text: str) -> Any:
    (found,) = [cell for cell in cells if text in cell.source]
    return found


@pytest.mark.slow
def test_a_notebook_shows_progress_warnings_and_results_as_html(cells: list[Any]) -> None:
    loaded = cell_with(cells, "Collection.load")
    assert "1,400" in shown(loaded, "text/html")
    assert "Collection('cranfield' (test): 1,400 documents" in shown(loaded, "text/plain")

    mined = cell_with(cells, "neg.mine")
    assert '<progress value="225" max="225">' in shown(mined, "text/html")
    assert "NegativesWarning: " in printed(mined, "stderr")
    assert printed(mined, "stdout") == ""

    run = cell_with(cells, "# the run")
    assert "overage" in shown(run, "text/html")
    assert "false" in shown(run, "text/html").lower()
    examples = cell_with(cells, "run.examples")
    assert shown(examples, "text/html").count("<tr>") > 4
    audit = cell_with(cells, "neg.audit")
    assert "with 90% confidence" in shown(audit, "text/html")

    again = cell_with(cells, "neg.show_progress(False)")
    assert "<progress" not in shown(again, "text/html")


def test_the_notebook_is_kept_without_its_output() -> None:
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
