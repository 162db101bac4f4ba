"""Runs the exporter as its users do: as a process, with flags and an environment, seen through its port and its log.

The environment names the program by EXPORTER, else it is the one that deploy/package/build makes.
"""

import gzip
import http.client
import os
import pathlib
import re
import signal
import subprocess
import threading
import time
import unittest

import contract
import exposition
from fake_api import KEY, MARKS
from timing import NEVER, Stopwatch, wait_for_exit, wait_until

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("EXPORTER", str(TOP / ".build/debug/hypersender-exporter"))
# Debug programs are some ten times as slow: they keep no limits of time.
IS_DEBUG = pathlib.Path(PROGRAM).parent.name == "debug"
for_release_programs = unittest.skipIf(IS_DEBUG, "a limit that debug programs do not keep")

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# Near enough what Prometheus asks for.
ASK_TEXT = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
ASK_OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
MEMORY_LIMIT = 300 << 20


def source(name):
    """The text of a Swift file of the program, wherever in Sources it lies."""
    (path,) = (TOP / "Sources").rglob(f"{name}.swift")
    return path.read_text()


def environment(**variables):
    """A clean environment: nothing of the caller's may steer the exporter, proxies least of all."""
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH")}
    return kept | {k: v for k, v in variables.items() if v is not None}


def run(*arguments, token=KEY, seconds=NEVER, **variables):
    """Runs the program to its end: for usage errors and the like."""
    if not any(a.startswith("--hypersender.base-url") for a in arguments):
        # Should it start against expectation, then it must not ask the real API: nothing listens here.
        arguments += ("--hypersender.base-url=http://127.0.0.1:9/api/whatsapp/v1",)
    try:
        return subprocess.run(
            [PROGRAM, *arguments], env=environment(HYPERSENDER_TOKEN=token, **variables), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"still running after {seconds} s: {' '.join(arguments)}\n{error.stderr}") from None


class Answer:
    def __init__(self, status, headers, body, seconds):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def header(self, name):
        return self.headers.get(name)


class Exporter:
    """A running exporter; as a context it is killed at the end, whatever happened."""

    def __init__(self, base_url=None, *arguments, token=KEY, interval="1s", timeout="2s", stale_after=3.0, pages=None, files=None, before=(), **variables):
        self.stale_after = stale_after
        self.pages = pages or {}
        self.seen = bytearray()
        self._lock = threading.Lock()
        self._log = []
        flags = [] if base_url is None else [
            f"--hypersender.base-url={base_url}", f"--poll.interval={interval}", f"--poll.timeout={timeout}",
            f"--poll.stale-after={stale_after:g}s",
        ]
        if not any(a.startswith("--web.listen-address") for a in arguments):
            flags.append("--web.listen-address=127.0.0.1:0")
        # Replaced by the program, which so keeps the process's id.
        limited = [] if files is None else ["prlimit", f"--nofile={files}", "--"]
        self.process = subprocess.Popen(
            [*limited, *before, PROGRAM, *flags, *arguments], env=environment(HYPERSENDER_TOKEN=token, **variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()
        try:
            self.address = wait_until(self._listening, 15, "the log says where it listens", lambda: self.log)
        except BaseException:
            self.kill()
            raise
        self.host, _, port = self.address.rpartition(":")
        self.port = int(port)

    def _read(self, stream):
        for line in stream:
            with self._lock:
                self._log.append(line)

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the exporter ended with {self.process.returncode}\n{self.log}")
        found = re.search(r'^.*msg"?[=:]"?Listening.*$', self.log, re.MULTILINE)
        address = found and re.search(r'"?address"?[=:]"?([^\s",}]+:\d+)', found[0])
        return address and address[1]

    @property
    def log(self):
        """Everything printed so far."""
        with self._lock:
            return b"".join(self._log).decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.finish_reading()

    def finish_reading(self):
        for reader in self._readers:
            reader.join(5)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()

    def stop(self, number=signal.SIGTERM, seconds=12):
        """Asks it to end; the exit code and the seconds that took."""
        self.process.send_signal(number)
        code, taken = wait_for_exit(self.process, seconds)
        for reader in self._readers:
            reader.join(5)
        return code, taken

    # Requests

    def request(self, path, method="GET", headers=(), seconds=5):
        connection = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=NEVER)
        try:
            watch = Stopwatch(self.process.pid)
            connection.request(method, path, headers=dict(headers))
            response = connection.getresponse()
            body = response.read()
            taken = watch.seconds
        finally:
            connection.close()
        if taken > seconds:
            raise TimeoutError(f"{path} took {taken:.1f} s")
        self.seen += repr(response.getheaders()).encode() + body
        if response.getheader("Content-Encoding") == "gzip" and method != "HEAD":
            self.seen += gzip.decompress(body)
        return Answer(response.status, response.headers, body, taken)

    def scrape(self, openmetrics=False, compressed=False, path="/metrics"):
        """One scrape, judged in full: the page as read."""
        headers = {
            "Accept": ASK_OPENMETRICS if openmetrics else ASK_TEXT,
            "Accept-Encoding": "gzip" if compressed else "identity",
        }
        before = time.time()
        answer = self.request(path, headers=headers)
        after = time.time()
        faults = []
        # The test's own threads can delay any one answer: only an exporter that is slow three times is slow.
        for _ in range(2):
            if answer.seconds > 1:
                answer.seconds = min(answer.seconds, self.request(path, headers=headers).seconds)
        if answer.status != 200:
            raise AssertionError(f"{path} answers {answer.status}: {answer.body[:500]!r}\n{self.log}")
        if answer.seconds > 1:
            faults.append(f"the scrape took {answer.seconds:.2f} s")
        for name, wanted in (
            ("Content-Type", OPENMETRICS if openmetrics else TEXT), ("Content-Encoding", "gzip" if compressed else None),
            ("Vary", "Accept, Accept-Encoding"), ("Content-Length", str(len(answer.body))),
        ):
            if answer.header(name) != wanted:
                faults.append(f"{name} is {answer.header(name)!r}, not {wanted!r}")
        body = gzip.decompress(answer.body) if compressed else answer.body
        page, wrong = exposition.read(body, openmetrics)
        faults += map(str, wrong)
        if not wrong:
            faults += contract.break_ups(page, self.stale_after, before, after, **self.pages)
        if faults:
            raise AssertionError("\n".join(faults[:20]) + "\n\n" + body[:6000].decode("utf-8", "replace") + "\n" + self.log[-3000:])
        page.body = body
        return page

    def scrape_in_every_way(self):
        """A page in both formats, plain and compressed; the last one, with families in one order in all of them."""
        pages = [self.scrape(openmetrics, compressed) for openmetrics in (False, True) for compressed in (False, True)]
        orders = {tuple(f.name.removesuffix("_total") for f in page.families if "last_" not in f.name) for page in pages}
        if len(orders) != 1 and len({len(page.samples) for page in pages}) == 1:
            raise AssertionError(f"families in several orders: {orders}")
        return pages[-1]

    def wait_for(self, condition, seconds, what):
        """The first page of which `condition` is true."""
        def ask():
            page = self.scrape()
            return page if condition(page) else None

        return wait_until(ask, seconds, what, lambda: self.log[-3000:])

    # Judgements on the process

    def seconds_used(self):
        """Processor time so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """The most memory it has ever held, in bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) << 10

    def secrets_shown(self, marks=MARKS):
        """Secrets that any answer or the log contains."""
        everything = bytes(self.seen) + self.log.encode()
        return [mark for mark in marks if mark.encode() in everything]
