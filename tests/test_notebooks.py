"""Notebooks are small, name no machine, and run from top to bottom."""

from pathlib import Path

import lines
import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
PARAMETERS = {"showers": "EVENTS = 12", "speedup": 'FOLDER = "."'}
"""What each is run on in the tests: few events; exact measurements."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_is_stored_is_small_and_names_no_machine(path: Path):
    content = path.read_text(encoding="utf-8")
    assert len(content) < (400_000 if path.stem == "speedup" else 1_000_000)
    assert not [place for place in ("/tmp/", "/home/", "/root/") if place in content]  # noqa: S108 - it opens none
    assert '"output_type": "error"' not in content


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run it on little: the cell tagged "parameters" is replaced."""
    lines.write_folder(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = PARAMETERS[path.stem]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=100, kernel_name="python3", resources=resources).execute()
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) >= 5
    assert not [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
