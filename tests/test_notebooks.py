"""Notebooks are small, name no machine, and run from top to bottom."""

from pathlib import Path

import lines
import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def few_events():
    """Return the parameters of the notebook that simulates its own showers."""
    return {"EVENTS": 12}


def write_lines():
    """Write what the notebook on speed-up reads, exact measurements, and return its parameters."""
    lines.write_folder(Path())
    return {"FOLDER": "."}


def write_samples():
    """Write what the notebook on physics reads, showers of two classes and angles, and return its parameters."""
    from hvdgan.calo.geometry import Geometry
    from hvdgan.calo.simulate import draw_conditions, simulate
    from hvdgan.config import load_evaluation
    from hvdgan.data.formats import LcdV1
    from hvdgan.run.evaluate import Order, evaluate

    conditions = draw_conditions(120, particles=("electron", "charged_hadron"), theta=(1.2, 1.9))
    for name, seed in (("made.h5", 1), ("real.h5", 2)):
        LcdV1().write(name, simulate(conditions, Geometry.parse().with_grid(5, 5, 6), seed))
    quick = {"repeats": 10, "frechet.draws": 3, "kernel.batches": 3, "classifier.iterations": 5}
    evaluation = load_evaluation(None, [f"evaluation.{name}={value}" for name, value in quick.items()])
    order = Order(["made.h5"], ["real.h5"], [], 120, None, evaluation)
    evaluate(order, Path("report"), None)
    files = {"GENERATED": ["made.h5"], "REFERENCE": ["real.h5"], "EVALUATION": "report/evaluation.json"}
    return {**files, "EVENTS": 100}


PREPARED = {"physics": write_samples, "showers": few_events, "speedup": write_lines}
"""What makes each notebook's input, little of it, and returns its parameters."""


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
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    notebook = nbformat.read(path, as_version=4)
    (parameters,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    parameters.source = "\n".join(f"{name} = {value!r}" for name, value in PREPARED[path.stem]().items())
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=100, kernel_name="python3", resources=resources).execute()
    pictures = [out for cell in notebook.cells for out in cell.get("outputs", []) if "image/png" in out.get("data", {})]
    assert len(pictures) >= 5
    assert not [out for cell in notebook.cells for out in cell.get("outputs", []) if out.output_type == "stream"]
