"""One case: trained, generated from and judged by hvdgan's own verbs, as a user would."""

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import environment

from ablation.cases import RECIPE

LIMIT = 1800
"""Seconds after which a verb counts as hung."""

METRICS = ("merit", "separation", "wasserstein", "fpd", "auc")
"""What the table shows, see `calo.metrics`."""

FILES, EVENTS, JUDGE = 4, 2000, "showers_003.h5"
"""Simulated showers; the last file judges."""


def simulate(folder: Path) -> None:
    """Simulate the demo's showers, unless they are there."""
    if not (folder / JUDGE).exists():
        geometry = environment.ROOT / "scripts" / "demo-geometry.yaml"
        words = ["--files", FILES, "--events", EVENTS, "--geometry", geometry, "--grid", 9, 9, 13, "--out", folder]
        _run("simulate", *words)


def measure(data: Path, folder: Path, changes: Mapping[str, str], epochs: int, ranks: int, seed: int) -> dict[str, Any]:
    """Train a case and return its figures.

    Args:
        data: Folder of the showers.
        folder: Where the run and its report go.
        changes: What differs from the recipe, by key of the configuration.
        epochs: Each sees all events once.
        ranks: Of the ring.
        seed: Of the training.
    """
    folder.mkdir(parents=True)
    config, run, made = folder / "recipe.yaml", folder / "run", folder / "made.h5"
    files = ", ".join(str(data / f"showers_{number:03d}.h5") for number in range(FILES - 1))
    config.write_text(f"data: {{files: [{files}]}}\n", encoding="utf-8")
    settings = RECIPE | dict(changes) | {"training.epochs": str(epochs), "training.seed": str(seed)}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    start = time.monotonic()
    _run(*(("launch", "-np", ranks) if ranks > 1 else ()), "train", config, "--out", run, *words)
    seconds = time.monotonic() - start
    _run("generate", run, "--like", data / JUDGE, "--out", made)
    _run("evaluate", made, "--reference", data / JUDGE, "--out", folder / "report")
    return {"seconds": seconds, **_read(folder / "report" / "evaluation.json")}


def _read(path: Path) -> dict[str, Any]:
    """Return the metrics of a report: [value, error, floor] by name."""
    rows = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    return {row["name"]: [row["value"], row["error"], row["floor"]] for row in rows if row["name"] in METRICS}


def _run(*words: Any) -> None:
    """Run a verb of hvdgan; its output is shown where it fails."""
    command: Sequence[str] = [sys.executable, "-m", "hvdgan", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
