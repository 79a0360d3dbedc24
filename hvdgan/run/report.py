"""`hvdgan report`: the page of a study or of a training, from what its run directory holds; and their sections."""

import json
from pathlib import Path

from hvdgan.config import Config
from hvdgan.errors import UsageError
from hvdgan.report.compose import draw_study_pictures, draw_training_pictures, save_pictures
from hvdgan.report.page import KeyFigure, Page, Section, write_page
from hvdgan.report.progress import duration
from hvdgan.report.tables import best_table, show, study_table
from hvdgan.report.timeline import Job, follow_jobs, total_utilisation
from hvdgan.run.directory import RunDirectory, existing, read_config
from hvdgan.run.tail import Tail
from hvdgan.study import history
from hvdgan.study.store.storage import load_study
from hvdgan.verdict import read_verdict


def report(path: Path, out: Path) -> str:
    """Write pictures, tables and the page of a run; return what to tell the user.

    Args:
        path: The run directory.
        out: Where the report goes.

    Raises:
        UsageError: There is no run, or no study, or the folder cannot be made.
    """
    directory, verdict = existing(path), read_verdict(path)
    headline = verdict.message if verdict else "no verdict: the run goes on, or was killed"
    if directory.metrics.exists():
        make_folder(out)
        title, figures, section = "Training", [], training_section(directory, None, out)
    else:
        config = read_config(path)
        found = load_study(config, path)
        make_folder(out)
        title, section = "Search for hyper-parameters", study_section(path, None, out)
        figures = _key_figures(config, history.used(history.rows(found)), _read_jobs(directory))
    environment = json.loads(directory.environment.read_text(encoding="utf-8"))
    write_page(out / "index.html", Page(title, headline, figures, [section], environment))
    return f"{headline}\n{out / 'index.html'}"


def make_folder(path: Path) -> None:
    """Make the folder of a report.

    Raises:
        UsageError: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {path}: {error.strerror}") from None


def training_section(run: RunDirectory, floor: float | None, out: Path) -> Section:
    """Draw a training.

    Args:
        run: Its run directory.
        floor: Merit of two reference samples against each other, if known.
        out: Where the pictures go.
    """
    rows = Tail(run.metrics).read()
    untrained = next((row["merit"] for row in rows if row["kind"] == "untrained"), None)
    return Section("Training", save_pictures(draw_training_pictures(rows, untrained, floor), out))


def study_section(path: Path, untrained: float | None, out: Path) -> Section:
    """Draw a study.

    Args:
        path: Its run directory.
        untrained: Merit of an untrained generator, if known.
        out: Where the pictures go.
    """
    config = read_config(path)
    found, names = load_study(config, path), config.study.objective
    table = history.used(history.rows(found))
    importances = [history.importances(found, place) for place in range(len(names))]
    baseline = untrained if names[0] == "merit" else None
    jobs = _read_jobs(existing(path))
    drawings = draw_study_pictures(table, importances, baseline, names, config.study.space, jobs)
    best = history.best(table)
    title = "Best trial" if len(names) == 1 else f"Best trial of the Pareto front by {names[0].replace('_', ' ')}"
    tables = [best_table(best, title, names)] if best else []
    return Section("Study", save_pictures(drawings, out), [*tables, study_table(table, objectives=names)])


def _read_jobs(directory: RunDirectory) -> list[Job]:
    """Return what the groups of a study did when."""
    return follow_jobs(Tail(directory.events).read())


def _key_figures(config: Config, table: list[history.Row], jobs: list[Job]) -> list[KeyFigure]:
    """Return a study in four numbers."""
    names, best, front = config.study.objective, history.best(table), history.front(table)
    states = [row["state"] for row in table]
    ended = ", ".join(f"{states.count(state)} {state}" for state in history.ENDED)
    found = KeyFigure("Pareto front", str(len(front)), "trials that no other one beats in everything")
    if len(names) == 1:
        label = names[0].replace("_", " ")
        note = f"trial {best['number']}; lower is better" if best else "no trial has a value"
        found = KeyFigure(f"best {label}", show(best["value"] if best else None), note)
    passed = duration(sum(job.last - job.begin for job in jobs)) if jobs else "-"
    busy = f"{total_utilisation(jobs):.0%}" if jobs else "-"
    return [
        KeyFigure("trials", str(history.count(table)), ended),
        found,
        KeyFigure("groups busy", busy, "time with a trial over the time there was"),
        KeyFigure("took", passed, f"in {len(jobs)} job{'s' * (len(jobs) != 1)}"),
    ]
