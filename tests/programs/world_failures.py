"""One rank fails while the others wait for it; the first argument says how."""

import sys

from hvdgan.errors import DataError, UsageError
from hvdgan.parallel.guard import guarded_world


def refuse():
    raise UsageError("5 ranks are too many")


def fail(world, kind):
    if kind == "agreed":
        world.agree(refuse)
    if world.rank != 1:
        world.receive()
    if kind == "unexpected":
        raise ValueError("one rank stumbled")
    raise DataError("a.h5 is missing here")


def main():
    with guarded_world() as world:
        fail(world, sys.argv[1])


if __name__ == "__main__":
    main()
