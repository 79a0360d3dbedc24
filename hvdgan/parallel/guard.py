"""The guard: no rank of a job may die quietly while the others wait for it.

An unhandled exception on one rank ends the whole job at once, after one message that says which rank failed. An error
that all ranks raise alike, through `World.agree`, is told once and every rank leaves on its own.
"""

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from hvdgan.errors import EXIT_FAILED, HvdganError
from hvdgan.files import room_for
from hvdgan.parallel.launcher import is_first
from hvdgan.parallel.world import SoloWorld, World, open_world
from hvdgan.secrets import hide_secrets


@contextmanager
def guard(world: World, environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """End the job, not only this process, when the block raises.

    `SystemExit` passes: whoever raises it speaks for all ranks. An unexpected exception of a world of one passes too.

    Args:
        world: The whole world of the job.
        environ: The environment, which tells whether this process speaks for the job.

    Raises:
        SystemExit: With the error's exit code, after an error that the message explains.
    """
    try:
        with room_for():
            yield
    except HvdganError as error:
        alike = getattr(error, "agreed_by", 0) >= world.size
        if is_first(environ) or not alike:
            _tell(f"hvdgan: {error}" if alike or world.size == 1 else f"hvdgan: {_where(world)}: {error}")
        if not alike and world.size > 1:
            world.abort(error.exit_code)
        raise SystemExit(error.exit_code) from error
    except (Exception, KeyboardInterrupt) as error:
        if world.size > 1:
            _tell(f"hvdgan: {_where(world)} failed:\n{''.join(traceback.format_exception(error)).rstrip()}")
            world.abort(EXIT_FAILED)
        raise


@contextmanager
def guarded_world(environ: Mapping[str, str] = os.environ) -> Iterator[World]:
    """Open the world of this process and guard the block; errors of opening are told once, too."""
    alone = SoloWorld()
    with guard(alone, environ):
        world = alone.agree(lambda: open_world(environ))
    with guard(world, environ):
        yield world


def _where(world: World) -> str:
    """Name this process."""
    return f"rank {world.rank} on {world.hosts[world.rank]}"


def _tell(message: str) -> None:
    """Write a message in one piece, so that ranks do not mix their lines, and without passwords."""
    sys.stderr.write(hide_secrets(message) + "\n")
    sys.stderr.flush()
