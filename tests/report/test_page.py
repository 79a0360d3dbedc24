"""The page is well-formed, holds all it needs, and escapes what it is given."""

import base64
from html.parser import HTMLParser

import pytest

from hvdgan.report import compose, page, style
from hvdgan.report.tables import Table, study_table

VOID = {"meta", "img", "link", "br", "hr", "input"}
NASTY = "<script>alert('\"&')</script>"


class Reader(HTMLParser):
    """Collects tags, attributes and texts, and insists that tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        """Note a tag."""
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        """Close the latest open tag."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Keep a text."""
        self.text += data


def read(html: str) -> Reader:
    """Parse a page to its end."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def pictures(make_showers, tmp_path):
    """Return the pictures of a small comparison, written to a folder."""
    reference, energies = make_showers(3, (5, 5, 6))
    drawings = compose.draw_shower_pictures(reference, energies, reference, energies)
    return compose.save_pictures(drawings, tmp_path)


@pytest.mark.slow
def test_page_holds_every_picture_and_fetches_nothing(pictures, make_trials, tmp_path):
    section = page.Section("Showers", pictures, [study_table(make_trials(6))])
    figures = page.merit_figures(2.4, 0.6, 0.1)
    page.write_page(tmp_path / "index.html", page.Page("Run", "It went well.", figures, [section], {"torch": "2.13"}))
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    reader = read(html)
    images = [attributes["src"] for tag, attributes in reader.seen if tag == "img"]
    assert [base64.b64decode(source.split(",", 1)[1]) for source in images] == [picture.png for picture in pictures]
    assert all((tmp_path / f"{name}.png").stat().st_size > 1000 for name in ("events", "profiles", "spectra"))
    assert "http" not in html
    assert not {"script", "link", "iframe"} & {tag for tag, _ in reader.seen}
    assert not any(name in attributes for _, attributes in reader.seen for name in ("href", "onload", "onclick"))
    assert "url(" not in html
    assert "@import" not in html


def test_page_escapes_everything():
    table = Table(NASTY, (NASTY,), ((NASTY,),), note=NASTY)
    section = page.Section(NASTY, [page.Picture(NASTY, b"png", NASTY)], [table], NASTY)
    environment = {NASTY: {NASTY: [NASTY]}}
    html = page.render_page(page.Page(NASTY, NASTY, [page.KeyFigure(NASTY, NASTY, NASTY)], [section], environment))
    reader = read(html)
    assert "script" not in {tag for tag, _ in reader.seen}
    assert "<script" not in html
    assert reader.text.count(NASTY) == 17
    assert next(attributes["alt"] for tag, attributes in reader.seen if tag == "img") == NASTY


def test_empty_page_is_a_page():
    reader = read(page.render_page(page.Page("Nothing", "Nothing happened.")))
    assert "Nothing happened." in reader.text


def test_picture_is_written_whole_or_not_at_all(make_trials, tmp_path):
    drawing = compose.draw_study_pictures(make_trials(3))[0]
    with pytest.raises(OSError, match="missing"):
        style.save_picture(drawing.figure, tmp_path / "missing" / "history.png")
    assert list(tmp_path.iterdir()) == []
