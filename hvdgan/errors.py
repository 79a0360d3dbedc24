"""The errors users meet: each says what was given, what is legal and what to do.

Exit codes are part of the contract with batch systems and scripts.
"""

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_LOSSES = 3
EXIT_PREEMPTED = 75


class HvdganError(Exception):
    """Something went wrong that the message explains; no traceback is shown for it."""

    exit_code = EXIT_FAILED


class UsageError(HvdganError):
    """A command line or a world of processes that cannot serve the verb."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """A configuration with an unknown key, a wrong type or an illegal value."""


class DataError(UsageError):
    """A file that is not what it should be; the message names the file and the key."""


class MissingDependencyError(UsageError):
    """A library that is not installed; the message names the extra that brings it."""


class NotFiniteError(HvdganError):
    """A loss or a weight became NaN or infinite; training cannot go on from here."""


class DiskFullError(HvdganError):
    """There was no room to write a file; what it held before is intact, and the run can be resumed."""


class RingBrokenError(HvdganError):
    """Another rank of the ring left or failed; this rank's own work was fine until then."""


class RingShutError(RingBrokenError):
    """The ring was shut down: a rank left it or, when none did, one stalled for so long that the others were freed."""
