"""The steps of scripts/setup, in order; see there for the command line."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from installation import environment as environments
from installation import horovod, machine, options
from installation.environment import Environment
from installation.problems import SetupError
from installation.screen import Screen, as_duration

ROOT = Path(__file__).resolve().parents[2]


def prepare(environment: Environment, wanted: options.Options, record: dict[str, Any], lock: int) -> bool:
    """Bring the environment into the state that the options, the machine and the repository ask for.

    Returns:
        Whether anything had to be done.

    Raises:
        SetupError: A step failed; what was finished is recorded.
    """
    identity = environments.identity(environment.root, wanted)
    inputs = environments.inputs(environment.root)
    key = horovod.key_of(horovod.depends_on(environment.root, wanted))
    if record == {"state": "ready", "identity": identity, "inputs": inputs, "horovod": key}:
        return False
    machine.require(machine.missing_for_venv() + ([] if horovod.cached(key) else machine.missing_for_build(wanted)))
    screen = Screen(environment.log, lock)
    screen.say(f"setting up {environment.folder} (log: {environment.log})")
    renewed = renew(environment, identity, record, screen)
    if renewed or record.get("inputs") != inputs:
        environment.write_record(state="filling", identity=identity, inputs=None, horovod=None)
        environments.fill(environment, wanted, screen)
        environment.write_record(state="filled", inputs=inputs)
    wheel = horovod.provide(environment, wanted, screen)
    environment.write_record(state="filling", horovod=None)
    horovod.install(environment, wheel, screen)
    environment.write_record(state="ready", horovod=key)
    return True


def renew(environment: Environment, identity: dict[str, Any], record: dict[str, Any], screen: Screen) -> bool:
    """Start the environment over where the present one cannot be built upon.

    Returns:
        Whether it was started over.
    """
    changed = [name for name, value in record.get("identity", identity).items() if identity.get(name) != value]
    if record.get("state") in ("making", "filling"):
        screen.say("  the last set-up did not finish: starting over")
    elif changed:
        screen.say(f"  starting over, because of another {' and '.join(changed)}")
    elif environment.works():
        return False
    environment.clear()
    machine.require_room(environment.folder, identity["options"]["gpu"])
    environment.write_record(state="making", identity=identity, inputs=None, horovod=None)
    environments.make(environment, screen)
    return True


def judge(environment: Environment) -> int:
    """Let hvdgan say whether everything works; return its exit code."""
    code = subprocess.run(
        [environment.python.with_name("hvdgan"), "doctor"], cwd=environment.root, check=False
    ).returncode
    if code:
        print(
            "scripts/setup: what doctor found is above; `rm -r .venv` and scripts/setup again starts over", flush=True
        )
    return code


def set_up(words: list[str]) -> int:
    """Run the whole set-up; return the exit code."""
    start = time.monotonic()
    environment = Environment(ROOT)
    lock = environment.lock()
    record = environment.record()
    wanted = options.read(words, record.get("identity", {}).get("options"))
    worked = prepare(environment, wanted, record, lock)
    code = judge(environment)
    if not code:
        done = "set up" if worked else "already set up"
        print(f"{done} in {as_duration(time.monotonic() - start)}; next: source .venv/bin/activate", flush=True)
    return code


def interrupt(number: int, frame: Any) -> None:
    """Treat a request to end like Ctrl-C, so that the running step is ended, too."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the set-up and put every failure into words."""
    signal.signal(signal.SIGTERM, interrupt)
    signal.signal(signal.SIGHUP, interrupt)
    try:
        return set_up(sys.argv[1:])
    except SetupError as error:
        print(f"scripts/setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"scripts/setup: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nscripts/setup: interrupted; run it again to go on", file=sys.stderr)
        return 130


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main())
