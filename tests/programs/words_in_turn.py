"""Several command lines of hvdgan in one job, one after the other.

    mpirun -np 2 python words_in_turn.py DIRECTORY

DIRECTORY/words.json holds the words of each, by name; what a rank says and its exit code go to DIRECTORY/NAME/told-RANK
and DIRECTORY/NAME/code-RANK.
"""

import json
import os
import sys
from pathlib import Path

from hvdgan.cli import main


def leave(words):
    """Run a command line; return the exit code."""
    sys.argv = ["hvdgan", *words]
    try:
        main()
    except SystemExit as left:
        return left.code


def run(folder, rank):
    """Run a command line, and keep what this rank says."""
    folder = Path(folder)
    for name, words in json.loads((folder / "words.json").read_text()).items():
        with (folder / name / f"told-{rank}").open("w") as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
            code = leave(words)
            sys.stdout.flush()
            sys.stderr.flush()
        (folder / name / f"code-{rank}").write_text(str(code))


if __name__ == "__main__":
    run(sys.argv[1], os.environ["OMPI_COMM_WORLD_RANK"])
