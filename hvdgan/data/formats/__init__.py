"""Known layouts of shower files: one small class each, found by looking into the file, never at its name."""

from hvdgan.data.formats.calochallenge import CaloChallenge
from hvdgan.data.formats.calogan import CaloGan
from hvdgan.data.formats.interface import NOTHING, Contents, Format, Stated
from hvdgan.data.formats.lcd_v1 import LcdV1
from hvdgan.data.formats.lcd_window import LcdWindow
from hvdgan.data.formats.threedgan import ThreeDGan
from hvdgan.data.hdf5 import Reader
from hvdgan.errors import DataError

__all__ = [
    "CaloChallenge",
    "CaloGan",
    "Contents",
    "FORMATS",
    "Format",
    "LcdV1",
    "LcdWindow",
    "NOTHING",
    "Stated",
    "ThreeDGan",
    "find_format",
]

FORMATS: dict[str, type[Format]] = {
    layout.name: layout for layout in (LcdV1, LcdWindow, ThreeDGan, CaloChallenge, CaloGan)
}
"""The layouts by the names `data.format` knows."""


def find_format(file: Reader, name: str = "auto", stated: Stated = NOTHING) -> Format:
    """Return the layout of a file, as it is in that file.

    Args:
        file: The file.
        name: Name of a layout, or "auto" to look into the file.
        stated: What a person says of the file.

    Raises:
        DataError: The name is unknown, the file has none of the known layouts, or several; it does not tell enough, or
            contradicts what is stated.
    """
    if name != "auto" and name not in FORMATS:
        raise DataError(f"format {name} is unknown; legal are auto, {', '.join(FORMATS)}")
    layout = _detect(file) if name == "auto" else FORMATS[name]
    _check_keys(file, layout, "the nearest known layout" if name == "auto" else "the layout that was named")
    for fact in ("particle", "binning"):
        if getattr(stated, fact) is not None and fact not in layout.open_to:
            raise DataError(
                f"{file.path} has the layout {layout.name}, which tells its {fact} itself; do not state one"
            )
    return layout.bind(file, stated)


def _detect(file: Reader) -> type[Format]:
    """Return the only layout all of whose keys a file has; where there is none, the nearest."""
    keys = set(file.keys())
    fitting = [layout for layout in FORMATS.values() if keys.issuperset(layout.keys)]
    if len(fitting) > 1:
        names = " and ".join(layout.name for layout in fitting)
        raise DataError(f"{file.path}: keys {', '.join(sorted(keys))} fit {names}; say which: data.format or --format")
    return max(FORMATS.values(), key=lambda known: len(keys & set(known.keys)) / len(known.keys))


def _check_keys(file: Reader, layout: type[Format], which: str) -> None:
    """Raise unless a file has the keys of a layout."""
    keys = file.keys()
    missing = [key for key in layout.keys if key not in keys]
    if missing:
        raise DataError(
            f"{file.path}: missing key {', '.join(missing)}; keys are {', '.join(keys) or '(none)'}; "
            f"{which} is {layout.name}: {layout.summary}"
        )
