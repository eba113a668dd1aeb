"""The notebooks run from top to bottom, at a small size."""

from pathlib import Path

import nbformat
import pytest
from helpers import slow
from nbclient import NotebookClient


FOLDER = Path(__file__).parent.parent / "notebooks"
# How many figures each shows, and what it prints among other things.
NOTEBOOKS = {
    "associative_memory": (4, ("rank 7", "True", "exponent", "above")),
    "digits": (5, ("1797 pictures",)),
    "rules": (3, ("22 rules", "bytes for", "best beta")),
    "theory": (7, ("of the cells", "63.000000 pairs", "noise gain")),
}


# The kernel's own machinery warns of its event loop, its sockets and its files.
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(
    "name", ("digits", *map(slow, sorted(NOTEBOOKS.keys() - {"digits"})))
)
def test_the_notebook_runs(name, monkeypatch):
    monkeypatch.setenv("ASSOCMEM_SMALL", "1")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    figures, texts = outputs(notebook)
    count, expected = NOTEBOOKS[name]
    assert figures == count
    assert all(any(text in said for said in texts) for text in expected)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_stored_outputs_are_whole_and_small(name):
    path = FOLDER / f"{name}.ipynb"
    figures, texts = outputs(nbformat.read(path, as_version=4))
    count, expected = NOTEBOOKS[name]
    assert figures == count
    assert all(any(text in said for said in texts) for text in expected)
    assert path.stat().st_size < 500_000


def test_every_notebook_is_tested():
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(NOTEBOOKS)


def outputs(notebook):
    """How many figures there are, and all other outputs; of warnings there is none."""
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not any(output.get("name") == "stderr" for output in shown)
    figures = [out for out in shown if "image/png" in out.get("data", {})]
    texts = [
        out.get("text", out.get("data", {}).get("text/plain", "")) for out in shown
    ]
    return len(figures), texts
