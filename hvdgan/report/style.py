"""The shared look of all pictures: light, quiet, colour-blind safe, legible at the size of a README.

The reference is always grey and filled, the generated sample always a blue line. Colours are those of Okabe and Ito,
"Color Universal Design" (2008). No global state of matplotlib is touched: every drawing function is decorated with
`styled`, which sets the look while it runs, and works on a `Figure` of its own.
"""

import io
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from hvdgan.files import write_atomically

INK, MUTED, FAINT = "#22303c", "#66727e", "#d8dde2"
REFERENCE, REFERENCE_FILL = "#4d5963", "#cfd6dc"
GENERATED = "#0072b2"
UNTRAINED = "#d55e00"
FLOOR = "#009e73"
ACCENT = "#e69f00"
VIOLET = "#aa4f8b"
SKY = "#56b4e9"

DEPOSIT = LinearSegmentedColormap.from_list(
    "deposit", ["#f3f1ea", "#fbe3a8", "#f9b765", "#ee7b51", "#cb4067", "#872781", "#45206f", "#170f3c"]
)
"""Colours of deposited energy: nearly the colour of paper for the smallest, monotonic in lightness."""

STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#e8ebee",
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}

styled = matplotlib.rc_context(STYLE)
"""Decorator: the function draws in the shared look, and matplotlib's own settings are as before afterwards."""


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with its own Agg canvas.

    Args:
        width: Inches.
        height: Inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@styled
def render(figure: Figure, kind: str = "png", dpi: int = 150) -> bytes:
    """Return a figure as the content of a file.

    Args:
        figure: The figure.
        kind: "png" for pages, "svg" for talks and papers.
        dpi: Resolution of a PNG file.
    """
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def save_picture(figure: Figure, path: Path, dpi: int = 150) -> bytes:
    """Write a figure as a PNG file and as an SVG file beside it; return the content of the PNG file.

    Raises:
        OSError: The folder does not exist or cannot be written to.
    """
    content = render(figure, dpi=dpi)
    write_atomically(path, content)
    write_atomically(path.with_suffix(".svg"), render(figure, "svg"))
    return content


def put_title(figure: Figure, title: str) -> None:
    """Put a bold title at the figure's upper left."""
    figure.suptitle(title, x=0.012, ha="left", fontsize=13.5, fontweight="bold", color=INK)


def put_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend of a panel into the title's line, at the right, where no data can be."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=max(len(labels), 1))


def put_note(axes: Axes, text: str, x: float = 0.5, y: float = 0.5, ha: str = "center") -> None:
    """Write a quiet remark into a panel, at a position in fractions of it."""
    axes.text(x, y, text, transform=axes.transAxes, ha=ha, va="center", color=MUTED, fontsize=9.5)


def tick_integers(axes: Axes, count: int = 6) -> None:
    """Put ticks of the x axis on whole numbers only."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=count, integer=True, min_n_ticks=1))


def put_energy_ticks(axes: Axes) -> None:
    """Make an x axis logarithmic, with the ticks 1, 2, 5, 10, 20, 50 and so on."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(plain_numbers())
    axes.xaxis.set_minor_formatter(NullFormatter())


def put_log_ticks(axis: Axis, factor: float) -> None:
    """Put plain numbers on a logarithmic axis: 1, 2 and 5, or over more than three decades 1 alone.

    Args:
        axis: An x or y axis, already logarithmic.
        factor: Largest over smallest value.
    """
    axis.set_major_locator(LogLocator(subs=(1,) if factor > 1000 else (1, 2, 5)))
    axis.set_major_formatter(plain_numbers())
    axis.set_minor_formatter(NullFormatter())


def fit_scale(axes: Axes, values: Iterable[float | None]) -> None:
    """Show all finite values on the y axis: logarithmic when all are positive and span more than a factor of 8."""
    known = finite(values)
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if low > 0 and high > 8 * low:
        axes.set_yscale("log")
        put_log_ticks(axes.yaxis, high / low)
        axes.set_ylim(low / 1.35, high * 1.5)
    else:
        room = 0.14 * (high - low) or 0.2 * abs(high) or 1.0
        axes.set_ylim(low - room, high + room)


def add_colour_bar(figure: Figure, mapped: ScalarMappable, panels: Any, label: str, **options: Any) -> None:
    """Put a colour scale to the right of one or several panels.

    Args:
        figure: The figure.
        mapped: What was drawn in these colours.
        panels: The axes it belongs to.
        label: Quantity and unit.
        options: Passed on to `Figure.colorbar`.
    """
    bar = figure.colorbar(mapped, ax=panels, **{"pad": 0.015, "aspect": 26, **options})
    bar.set_label(label)
    bar.outline.set_visible(False)
    bar.ax.minorticks_off()
    bar.solids.set_alpha(1.0)


def plain_numbers() -> Formatter:
    """Return a formatter for logarithmic axes that writes 0.1, 10 and 200 instead of powers."""
    return FuncFormatter(lambda value, _: f"{value:g}")


def format_number(value: float | None, digits: int = 3) -> str:
    """Write a number for people: three significant digits, no exponent between 0.001 and a million.

    >>> [format_number(value) for value in (0.41234, 12345.6, 2, 1e-7, float("nan"), None)]
    ['0.412', '12,346', '2', '1e-07', 'nan', '-']
    """
    if value is None:
        return "-"
    if not math.isfinite(value):
        return str(float(value))
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def finite(values: Iterable[float | None]) -> list[float]:
    """Return the values that are finite numbers, in order.

    >>> finite([1.0, None, float("nan"), 2, float("inf")])
    [1.0, 2.0]
    """
    return [float(value) for value in values if value is not None and math.isfinite(value)]
