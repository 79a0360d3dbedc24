"""A Gantt chart of a study: which group trained which trial when, how that ended, and where a group was idle."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from hvdgan.report.style import ACCENT, FAINT, GENERATED, INK, MUTED, UNTRAINED, new_figure, put_note, put_title, styled
from hvdgan.report.timeline import Job, Span, total_utilisation

COLOURS = {
    "done": GENERATED,
    "pruned": ACCENT,
    "failed": UNTRAINED,
    "lost": "#7b3f00",
    "preempted": "#8fbcd8",
    "running": "#b9d7ea",
}
"""Of a bar, by the ending of its trial."""

UNITS = ((7200.0, 3600.0, "h"), (300.0, 60.0, "min"), (0.0, 1.0, "s"))
"""From how many seconds on, seconds of the unit, its name."""


@styled
def draw_gantt(jobs: Sequence[Job]) -> Figure:
    """Draw the groups of a study over time, one lane each; jobs that resumed one another stand side by side.

    Args:
        jobs: Oldest first.
    """
    groups = max((job.groups for job in jobs), default=0)
    figure = new_figure(11, 1.7 + min(0.34 * max(groups, 1), 8.0))
    axes = figure.add_subplot()
    axes.grid(False)
    length = sum(job.last - job.begin for job in jobs)
    if not groups or not length:
        put_title(figure, "The groups at work")
        axes.set_axis_off()
        put_note(axes, "nothing is known about when the groups worked")
        return figure
    put_title(figure, f"The groups at work: busy {total_utilisation(jobs):.0%} of the time")
    unit, name = next((unit, name) for least, unit, name in UNITS if length >= least)
    begin = 0.0
    for number, job in enumerate(jobs):
        _draw_job(axes, job, begin, unit, length)
        if number:
            axes.axvline(begin / unit, color=INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=4)
        begin += job.last - job.begin
    _finish(axes, groups, length / unit)
    axes.set_xlabel(f"time  [{name}]" + ("; the study was resumed at the dashed lines" if len(jobs) > 1 else ""))
    _put_legend(figure, jobs)
    return figure


def _draw_job(axes: Axes, job: Job, begin: float, unit: float, length: float) -> None:
    """Draw one job from a place in seconds on; lanes are grey where their group is idle."""
    for group in range(1, job.groups + 1):
        there = job.gone.get(group, job.last) - job.begin
        axes.barh(group, there / unit, left=begin / unit, height=0.78, color=FAINT, zorder=1)
        if group in job.gone:
            axes.plot((begin + there) / unit, group, "X", color=UNTRAINED, markersize=8, zorder=5, clip_on=False)
    for span in job.spans:
        start, end = begin + span.start - job.begin, begin + (span.end or job.last) - job.begin
        _draw_span(axes, span, start / unit, end / unit, (end - start) / length)


def _draw_span(axes: Axes, span: Span, start: float, end: float, share: float) -> None:
    """Draw a trial as a bar, with its number where there is room for it."""
    edge = {"edgecolor": "white", "linewidth": min(0.8, 160 * share)}
    ending = span.ending if span.ending in COLOURS else "failed"
    axes.barh(span.group, end - start, left=start, height=0.78, color=COLOURS[ending], zorder=2, **edge)
    text = str(span.trial)
    if share > 0.011 * len(text):
        color = INK if ending in ("preempted", "running", "pruned") else "white"
        place = ((start + end) / 2, span.group)
        axes.annotate(text, place, ha="center", va="center_baseline", color=color, fontsize=8.5, zorder=3)


def _finish(axes: Axes, groups: int, length: float) -> None:
    """Fit the axes: group 1 on top."""
    axes.set_ylim(groups + 0.6, 0.4)
    axes.set_xlim(0, length)
    axes.set_yticks(range(1, groups + 1, 1 + groups // 24))
    axes.set_ylabel("group")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _put_legend(figure: Figure, jobs: Sequence[Job]) -> None:
    """Explain the colours that occur."""
    found = {span.ending for job in jobs for span in job.spans}
    handles = [Patch(color=color, label=ending) for ending, color in COLOURS.items() if ending in found]
    handles.append(Patch(color=FAINT, label="idle"))
    if any(job.gone for job in jobs):
        handles.append(figure.axes[0].plot([], [], "X", color=UNTRAINED, markersize=8, label="given up")[0])
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), labelcolor=MUTED)
