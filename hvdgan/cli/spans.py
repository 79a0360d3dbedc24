"""Options that take one value or a range: --energy 50, --energy 10 500."""

import math
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from hvdgan.errors import UsageError

SPAN = "VALUE | LOW HIGH"
SPANS = ("--energy", "--theta", "--phi")

Energy = Annotated[str, typer.Option(metavar=SPAN, help="GeV: one energy, or a range, uniform")]
Theta = Annotated[str, typer.Option(metavar=SPAN, help="degrees, one or a range; 90 is ahead")]
Phi = Annotated[str, typer.Option(metavar=SPAN, help="degrees, one or a range; 0 is ahead")]


class SpanCommand(TyperCommand):
    """A verb with such options: all numbers behind the flag are its value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Join the numbers behind each flag before the words are told apart."""
        return super().parse_args(ctx, join_numbers(args))


def join_numbers(words: list[str]) -> list[str]:
    """Return the words of a command line with the numbers behind each flag of a range as one word.

    >>> join_numbers(["RUN", "--energy", "10", "500", "--phi", "-5", "--seed", "1"])
    ['RUN', '--energy', '10 500', '--phi', '-5', '--seed', '1']
    """
    joined: list[str] = []
    behind = False
    for word in words:
        if behind and _is_number(word):
            fresh = joined[-1] in SPANS
            joined[-1:] = [joined[-1], word] if fresh else [f"{joined[-1]} {word}"]
        else:
            joined.append(word)
            behind = word in SPANS
    return joined


def read_span(flag: str, text: str, above: float = -math.inf) -> tuple[float, float]:
    """Return the ends of a range, equal ones for one value.

    Args:
        flag: Of the option, for errors.
        text: One number or two.
        above: Legal values are larger.

    Raises:
        UsageError: The text is something else.

    >>> read_span("--energy", "50"), read_span("--energy", "10 500")
    ((50.0, 50.0), (10.0, 500.0))
    """
    numbers = [float(word) for word in text.split() if _is_number(word)]
    if len(numbers) != len(text.split()) or len(numbers) not in (1, 2):
        raise UsageError(f"{flag} {text}: one number, or two for a range, are needed")
    low, high = numbers[0], numbers[-1]
    if not above < low <= high:
        limit = f"numbers above {above:g}" if above > -math.inf else "finite numbers"
        raise UsageError(f"{flag} {text}: {limit} are needed, the lower one first")
    return low, high


def _is_number(word: str) -> bool:
    """Tell whether a word is a finite number."""
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
