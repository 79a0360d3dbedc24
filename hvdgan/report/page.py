"""One HTML page that holds everything: pictures inside, no script, no other file, nothing fetched from anywhere.

It reads on a phone, prints on paper, and can be sent by mail. All texts are escaped.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from hvdgan.files import write_atomically
from hvdgan.report.tables import Table, is_numeric, shorten, show


@dataclass(frozen=True)
class Picture:
    """A picture and what to see in it.

    Args:
        title: Its name; also what is read aloud in its place.
        png: Content of a PNG file.
        caption: What to look at, in a sentence or two.
    """

    title: str
    png: bytes
    caption: str


@dataclass(frozen=True)
class KeyFigure:
    """One number in large print.

    Args:
        label: What it is.
        value: The number, formatted.
        note: What to compare it with.
    """

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page: pictures first, then tables."""

    title: str
    pictures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    text: str = ""


@dataclass(frozen=True)
class Page:
    """The whole page.

    Args:
        title: Name of the run.
        headline: One sentence that says how it went.
        figures: Key figures, the most important first.
        sections: In reading order.
        environment: What the results depend on: versions, hosts, command; values may be nested.
    """

    title: str
    headline: str
    figures: Sequence[KeyFigure] = ()
    sections: Sequence[Section] = ()
    environment: Mapping[str, Any] | None = None


def merit_figures(untrained: float | None, trained: float | None, floor: float | None) -> list[KeyFigure]:
    """Return the key figures of a training: merit before and after, their ratio, and the floor.

    >>> [figure.value for figure in merit_figures(2.4, 0.6, 0.1)]
    ['2.4', '0.6', '4 x', '0.1']
    >>> [figure.value for figure in merit_figures(None, 0.6, None)]
    ['-', '0.6', '-', '-']
    """
    known = bool(untrained) and bool(trained)
    return [
        KeyFigure("merit, untrained", show(untrained), "the generator before its first step"),
        KeyFigure("merit, trained", show(trained), "lower is better"),
        KeyFigure("better by", f"{show(untrained / trained)} x" if known else "-", "untrained over trained"),  # type: ignore[operator]
        KeyFigure("floor", show(floor), "two reference samples against each other"),
    ]


def write_page(path: Path, page: Page) -> None:
    """Write the page as one file, whole or not at all.

    Raises:
        OSError: The folder does not exist or cannot be written to.
    """
    write_atomically(path, render_page(page))


def render_page(page: Page) -> str:
    """Return the page as HTML."""
    body = [
        f"<header><h1>{escape(page.title)}</h1><p class='lead'>{escape(page.headline)}</p></header>",
        _render_figures(page.figures),
        *(_render_section(section) for section in page.sections),
        _render_environment(page.environment or {}),
    ]
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>\n"
        f"<title>{escape(page.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in body if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _render_figures(figures: Sequence[KeyFigure]) -> str:
    """Return the key figures as a row of cards."""
    cards = [
        f"<div class='card'><div class='label'>{escape(figure.label)}</div>"
        f"<div class='value'>{escape(figure.value)}</div><div class='note'>{escape(figure.note)}</div></div>"
        for figure in figures
    ]
    return f"<div class='cards'>{''.join(cards)}</div>" if cards else ""


def _render_section(section: Section) -> str:
    """Return a section."""
    text = f"<p>{escape(section.text)}</p>" if section.text else ""
    pictures = "\n".join(_render_picture(picture) for picture in section.pictures)
    tables = "\n".join(_render_table(table) for table in section.tables)
    return f"<section>\n<h2>{escape(section.title)}</h2>\n{text}\n{pictures}\n{tables}\n</section>"


def _render_picture(picture: Picture) -> str:
    """Return a picture with its content inside, and its caption."""
    content = base64.b64encode(picture.png).decode("ascii")
    return (
        f"<figure><div class='wide'><img alt='{escape(picture.title)}' src='data:image/png;base64,{content}'></div>"
        f"<figcaption><b>{escape(picture.title)}.</b> {escape(picture.caption)}</figcaption></figure>"
    )


def _render_table(table: Table) -> str:
    """Return a table; wide ones scroll on a narrow screen."""
    looks = ["number" if is_numeric(table, place) else "text" for place in range(len(table.columns))]
    head = _render_cells("th", shorten(table.columns), looks)
    rows = [
        f"<tr{' class=strong' if place in table.strong else ''}>{_render_cells('td', row, looks)}</tr>"
        for place, row in enumerate(table.rows)
    ]
    note = f"<p class='note'>{escape(table.note)}</p>" if table.note else ""
    return (
        f"<div class='table'><table><caption>{escape(table.title)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>{note}"
    )


def _render_cells(tag: str, values: Sequence[Any], looks: Sequence[str]) -> str:
    """Return the cells of one row."""
    cells = zip(values, looks, strict=True)
    return "".join(f"<{tag} class='{look}'>{escape(show(value))}</{tag}>" for value, look in cells)


def _render_environment(environment: Mapping[str, Any]) -> str:
    """Return what the results depend on, as a small list."""
    if not environment:
        return ""
    items = [f"<dt>{escape(name)}</dt><dd>{escape(_say(value))}</dd>" for name, value in environment.items()]
    return f"<section class='environment'>\n<h2>Environment</h2>\n<dl>{''.join(items)}</dl>\n</section>"


def _say(value: Any) -> str:
    """Return a plain or nested value as text.

    >>> _say({"torch": "2.13", "hosts": ["a", "b"]})
    'torch 2.13, hosts a b'
    """
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_say(member)}" for name, member in value.items())
    return show(value)


STYLE = """
:root { color-scheme: light; --ink: #22303c; --muted: #5d6873; --line: #dfe4e8; --accent: #0072b2; }
* { box-sizing: border-box; }
body { margin: 0; background: #f5f6f7; color: var(--ink); line-height: 1.5;
       font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 66rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .8rem; }
.lead { font-size: 1.12rem; color: var(--muted); margin: 0 0 1.4rem; max-width: 46rem; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .8rem; }
.card { background: white; border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1.1rem; }
.label { color: var(--muted); font-size: .88rem; }
.value { font-size: 1.9rem; font-weight: 700; line-height: 1.25; font-variant-numeric: tabular-nums; }
.card:nth-child(2) .value { color: var(--accent); }
.note { color: var(--muted); font-size: .84rem; margin: .2rem 0 0; }
figure { margin: 0 0 1.4rem; background: white; border: 1px solid var(--line); border-radius: .6rem; padding: .9rem; }
.wide { overflow-x: auto; }
figure img { display: block; width: 100%; height: auto; }
figcaption { color: var(--muted); font-size: .92rem; padding: .6rem .2rem 0; max-width: 52rem; }
figcaption b { color: var(--ink); }
.table { overflow-x: auto; background: white; border: 1px solid var(--line); border-radius: .6rem;
         padding: .4rem .9rem .8rem; margin: 0 0 1.2rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: .5rem .2rem; white-space: nowrap; }
th, td { padding: .32rem .7rem .32rem .2rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 600; }
.text { text-align: left; } .number { text-align: right; }
.strong td { font-weight: 700; }
dl { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem; font-size: .9rem; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
@media screen and (max-width: 40rem) { figure img { width: 42rem; max-width: none; } }
@media print {
  body { background: white; } main { max-width: none; padding: 0; }
  figure, .card, .table { break-inside: avoid; border-color: #ccc; }
  h2 { break-after: avoid; } .table { overflow: visible; }
  th, td { white-space: normal; }
}
"""
