"""Shared by the tests of installed exporters, which are run by `Tests/Install/run`, as root, in a network of their own."""

import os
import pathlib
import shlex
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "Tests/EndToEnd"))

# The release binary, the Debian package, a root of Debian with systemd, and the container image: made by `run`.
BINARY = pathlib.Path(os.environ["BINARY"])
WORK = pathlib.Path(os.environ["WORK"])


def output(*command, **options):
    """The output of a command; its failure is one of the test, with all that it said."""
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)
    if result.returncode:
        raise AssertionError(f"{shlex.join(map(str, command))} ended with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result.stdout
