"""The notebook runs from top to bottom, at a small size."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient


PATH = Path(__file__).parent.parent / "notebooks" / "associative_memory.ipynb"


# The kernel's own machinery warns of its event loop, its sockets and its files.
@pytest.mark.filterwarnings("default")
def test_the_notebook_runs(monkeypatch):
    monkeypatch.setenv("ASSOCMEM_SMALL", "1")
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(PATH, as_version=4)
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    images = [o for o in outputs if "image/png" in o.get("data", {})]
    assert len(images) == 3
    printed = [output.get("data", {}).get("text/plain") for output in outputs]
    assert "True" in printed  # a key stored twice answers the mean
    assert any(o.get("text") == "rank 7\n" for o in outputs)


def test_stored_outputs_are_small():
    assert PATH.stat().st_size < 500_000
