"""What can go wrong, and what to tell the user to do about it."""

import re

ADVICE = (
    (r"No space left on device|Disk quota exceeded", "the disk is full: {space}"),
    (r"Python\.h: No such file", "the headers of this Python are missing: install python3-dev or python3-devel"),
    (
        r"Killed signal|virtual memory exhausted|cannot allocate memory|Cannot allocate memory",
        "the compiler ran out of memory: run MAKEFLAGS=-j1 scripts/setup",
    ),
    (
        r"Name or service not known|name resolution|Network is unreachable|Connection refused|NewConnectionError"
        r"|Max retries exceeded|ReadTimeout|ProxyError|SSLError|CERTIFICATE_VERIFY_FAILED",
        "the packages could not be downloaded: check the network (HTTPS_PROXY, PIP_CERT and PIP_INDEX_URL are heeded, "
        "PIP_FIND_LINKS names a folder of wheels) and run scripts/setup again",
    ),
    (
        r"No matching distribution found for (?P<package>\S+)",
        "{package} is not offered for this Python and machine, or its index could not be reached: Python 3.11 to 3.13 "
        "on 64-bit Linux with glibc 2.28 or newer is needed; see the lines above",
    ),
    (r"DO NOT MATCH THE HASHES", "a download was damaged or altered: run scripts/setup again"),
)
"""Pattern in the output of a failed step, and what to do; the first that is found counts."""

SPACE = "5 GB are needed in this folder and 1 GB for temporary files (TMPDIR)"


TROUBLE = re.compile(r"(?i)\b(fatal|error)\b|not found|cannot")
"""Lines of output worth quoting."""


class SetupError(Exception):
    """A set-up that cannot go on: what is wrong and what to do."""


def advise(output: str) -> str:
    """Return what to do about a failed step.

    Args:
        output: What the step printed.

    Returns:
        One sentence.
    """
    for pattern, advice in ADVICE:
        found = re.search(pattern, output)
        if found:
            return advice.format(space=SPACE, **found.groupdict())
    return "read the log; running scripts/setup again goes on where this one stopped"


def quote(lines: list[str]) -> list[str]:
    """Return the few lines of a failed step that tell most: the first troubles, and the end.

    Args:
        lines: What the step printed, oldest first.

    Returns:
        At most 14 lines.
    """
    kept = [line.rstrip() for line in lines if line.strip() and "WARNING: Location" not in line]
    end = kept[-8:]
    troubles = [line for line in kept[:-8] if TROUBLE.search(line) and len(line) < 400]
    return [*troubles[:6], *end]
