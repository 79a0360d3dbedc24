"""Spaces that nobody would write, for tests that must hold for every space."""

from hypothesis import strategies as st

NAMES = ["gan.a", "gan.b", "gan.c", "training.d"]
PLAIN = st.one_of(st.booleans(), st.integers(-3, 9), st.sampled_from([0.1, 0.3, 2.0]), st.sampled_from(["p", "q", ""]))
WHEN = st.dictionaries(st.sampled_from([*NAMES, "gan.z"]), st.one_of(PLAIN, st.lists(PLAIN, max_size=3)), max_size=1)
NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 1e300, -1e308]))


def ranges(kind, numbers, steps):
    """Return ranges of a kind, most of them legal."""
    ends = st.tuples(numbers, numbers).map(sorted)
    return st.builds(
        lambda ends, log, step, when: {
            "type": kind, "low": ends[0], "high": ends[1], "log": log, "when": when, **({"step": step} if step else {}),
        },
        ends, st.sampled_from([False, False, True]), steps, WHEN,
    )  # fmt: skip


CHOICES = st.builds(
    lambda choices, when: {"type": "categorical", "choices": choices, "when": when},
    st.lists(PLAIN, min_size=1, max_size=4),
    WHEN,
)
DIMENSIONS = st.one_of(
    CHOICES,
    ranges("int", st.one_of(st.integers(-9, 9), st.integers(-(2**60), 2**60)), st.sampled_from([None, 1, 2, 3])),
    ranges("float", NUMBERS, st.sampled_from([None, None, 0.1, 0.5, 3.0])),
)
WILD = st.dictionaries(st.sampled_from(NAMES), DIMENSIONS, min_size=1, max_size=4)
TAME = st.sampled_from(
    [
        {"type": "categorical", "choices": ["p", "q", True, 0.5]},
        {"type": "int", "low": -3, "high": 5, "step": 2},
        {"type": "int", "low": 1, "high": 700, "log": True},
        {"type": "int", "low": 7, "high": 7},
        {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1},
        {"type": "float", "low": 1e-5, "high": 1e-1, "log": True},
        {"type": "float", "low": -1.0, "high": 2.0},
    ]
)
ROOTS = {
    "gan.kind": {"type": "categorical", "choices": ["p", "q", True, 0.5]},
    "gan.flip": {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1},
}
CONDITIONS = st.sampled_from(
    [{}, {"gan.kind": True}, {"gan.kind": ["p", 0.5], "gan.flip": [0.3, 0.0]}, {"gan.flip": 0.3}]
)
DEPENDENT = st.builds(lambda dimension, when: {**dimension, "when": when}, TAME, CONDITIONS)
LEGAL = st.dictionaries(st.sampled_from(NAMES), DEPENDENT, max_size=4).map(lambda space: {**space, **ROOTS})
SPACES = st.one_of(WILD, LEGAL, st.dictionaries(st.sampled_from(NAMES), TAME, min_size=1, max_size=4))
"""Plain content of spaces, legal or not."""
