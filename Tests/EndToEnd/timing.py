"""Waiting and measuring in a way that does not depend on what else the machine does.

Limits are those of a machine with time to spare. What a program loses to others, since it is ready to run and they have the processor,
does not count; on a quiet machine that is next to nothing.
"""

import contextlib
import os
import pathlib
import re
import threading
import time

# The time to wait for what should come at once, and whose delay is judged by other means, if at all.
NEVER = 60


def stalled():
    """The seconds, since the machine started, in which something had to wait for a processor."""
    with contextlib.suppress(OSError):
        return int(re.search(r"some .*total=(\d+)", pathlib.Path("/proc/pressure/cpu").read_text())[1]) / 1e6
    return 0


def wait_until(condition, seconds, what, on_failure=lambda: ""):
    """The first true answer of `condition`, asked again and again until a deadline, which a busy machine puts off by a minute at most."""
    deadline, before = time.monotonic() + seconds, stalled()
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline + min(stalled() - before, NEVER):
            raise AssertionError(f"not within {seconds} s: {what}\n{on_failure()}")
        # The pace of asking, not a wait for something to happen.
        time.sleep(0.1)


def wait_for_exit(process, seconds):
    """The exit code of a process that has to end within this time, and the time that took."""
    watch = Stopwatch(process.pid)
    # Asked again and again, since what it waited for a processor is lost with it.
    while process.poll() is None:
        if watch.seconds > seconds:
            raise AssertionError(f"process {process.pid} still runs after {seconds} s")
        time.sleep(0.01)
    return process.returncode, watch.seconds


class Stopwatch:
    """Measures time, but for what this thread, and processes with all that they start, lost to other programs."""

    def __init__(self, *processes):
        self._processes, self._thread = processes, threading.get_native_id()
        self._began, self._before = time.monotonic(), self._waits()
        self._latest = dict(self._before)

    @property
    def seconds(self):
        taken = time.monotonic() - self._began
        self._latest |= self._waits()
        return max(0, taken - sum(wait - self._before.get(task, 0) for task, wait in self._latest.items()))

    def _waits(self):
        found = {}
        _note_wait(found, self._thread, pathlib.Path(f"/proc/{os.getpid()}/task/{self._thread}"))
        for process in self._processes:
            _note_waits(found, process)
        return found


def _note_waits(found, process):
    """Notes what the threads of a process, and of those that it started, have waited for a processor, by the thread's number."""
    with contextlib.suppress(OSError):
        for task in pathlib.Path(f"/proc/{process}/task").iterdir():
            _note_wait(found, int(task.name), task)
            for child in (task / "children").read_text().split():
                _note_waits(found, child)


def _note_wait(found, number, task):
    with contextlib.suppress(OSError):
        found[number] = int((task / "schedstat").read_text().split()[1]) / 1e9
