"""Clients by the hundred that are slow, silent or idle hold up nobody else."""

import errno
import os
import pathlib
import re
import resource
import select
import socket
import statistics
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from exporter import for_release_programs
from running import LargePage, Running
from timing import NEVER, Stopwatch, wait_until

GET = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"
MIB = 1 << 20


def setUpModule():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 6_000:
        raise unittest.SkipTest(f"at most {hard} files may be open: too few for 5,000 connections")


class Crowd:
    """Clients that each send `start`, then `drip` again and again, or take a byte, or nothing at all, and come back a second after they were thrown out."""

    def __init__(self, exporter, count, start=b"", drip=b"", takes=0, buffer=None, returns=True, stands=False):
        self.address = ("127.0.0.1", exporter.port)
        self.count, self.start, self.drip, self.takes, self.buffer, self.returns, self.stands = (
            count, start, drip, takes, buffer, returns, stands)
        self.connections = {}
        self.outside = []
        self.thrown_out = 0
        self.settled = threading.Event()
        self.poll = select.epoll()
        for _ in range(count):
            self._connect()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        if not self.settled.wait(NEVER):
            raise AssertionError("the crowd cannot connect")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def leave(self):
        self.ended.set()
        self.thread.join(10)
        for connection in self.connections.values():
            connection.close()
        self.connections = {}

    def _connect(self):
        connection = socket.socket()
        if self.buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        connection.setblocking(False)
        if connection.connect_ex(self.address) not in (0, errno.EINPROGRESS):
            connection.close()
            return
        self.connections[connection.fileno()] = connection
        self.poll.register(connection, select.EPOLLOUT | select.EPOLLHUP | select.EPOLLERR)

    def _run(self):
        connecting = set(self.connections)
        while not self.ended.is_set():
            if not connecting:
                self.settled.set()
            for number, events in self.poll.poll(0.02, 100):
                # Those who get an answer are there when they have it.
                if self.start != GET or events & ~select.EPOLLOUT:
                    connecting.discard(number)
                connection = self.connections[number]
                if events & (select.EPOLLHUP | select.EPOLLERR):
                    self._lose(number)
                elif events & select.EPOLLOUT:
                    # Connected: from now on only its end is of interest.
                    self.poll.modify(number, select.EPOLLRDHUP | (select.EPOLLIN if not self.takes and not self.stands else 0))
                    self._send(number, self.start)
                elif self._hears_the_end(connection) or events & select.EPOLLRDHUP:
                    self._lose(number)
            self._drip_and_return()

    def _drip_and_return(self):
        now = time.monotonic()
        while self.returns and self.outside and self.outside[0] < now - 1:
            self.outside.pop(0)
            self._connect()
        if now - getattr(self, "dripped", 0) < 0.25:
            return
        self.dripped = now
        for number in list(self.connections):
            if self.drip:
                self._send(number, self.drip)
            if self.takes and number in self.connections:
                self._hears_the_end(self.connections[number], self.takes)

    @staticmethod
    def _hears_the_end(connection, most=65536):
        try:
            return not connection.recv(most)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _send(self, number, data):
        try:
            self.connections[number].send(data)
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno != errno.ENOTCONN:
                self._lose(number)

    def _lose(self, number):
        self.poll.unregister(number)
        self.connections.pop(number).close()
        self.thrown_out += 1
        self.outside.append(time.monotonic())


class HoldUp(LargePage):
    def figures(self, exporter):
        status = pathlib.Path(f"/proc/{exporter.process.pid}/status").read_text()
        times = pathlib.Path(f"/proc/{exporter.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) << 10, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def judge(self, exporter, crowd, scrapes=15, log_lines=20):
        """Scrapes among the crowd, lets it leave, and ends the exporter among a new one."""
        memory, _ = self.before
        lines = exporter.log.count("\n")
        taken, failures = [], []
        start, (_, cpu) = time.monotonic(), self.figures(exporter)
        for _ in range(scrapes):
            watch = Stopwatch(exporter.process.pid)
            try:
                self.assertEqual(exporter.request("/metrics", headers={"Accept-Encoding": "gzip"}, seconds=4).status, 200)
            except OSError as error:
                failures.append(repr(error))
            taken.append(watch.seconds)
            if sum(taken) > 8:
                break
            time.sleep(0.1)
        most, cpu_after = self.figures(exporter)
        share = (cpu_after - cpu) / (time.monotonic() - start)
        new_lines = exporter.log.count("\n") - lines
        figures = (
            f"{self._testMethodName}: scrape best {min(taken) * 1000:.1f}, median {statistics.median(taken) * 1000:.1f}, "
            f"worst {max(taken) * 1000:.1f} ms, {len(failures)} failed of {len(taken)}; cpu {share:.0%}; "
            f"memory {memory / MIB:.1f}, then {most / MIB:.1f} MiB; thrown out {crowd.thrown_out}; {new_lines} lines of log")
        if "FIGURES" in os.environ:
            print(figures, file=sys.stderr)
        self.assertEqual(failures, [], figures)
        self.assertLess(statistics.median(taken), 0.1, figures)
        self.assertLess(new_lines, log_lines, exporter.log[-2000:])
        return figures, share

    def end(self, exporter, crowd):
        """The exporter ends at once among the crowd."""
        code, seconds = exporter.stop()
        if "FIGURES" in os.environ:
            print(f"{self._testMethodName}: exit {code} after {seconds:.2f} s", file=sys.stderr)
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 4)
        crowd.leave()

    def lets_go(self, exporter, crowd):
        """Without the crowd the memory is what it was, within a few MiB."""
        crowd.leave()
        memory = self.before[0]
        try:
            wait_until(lambda: self.figures(exporter)[0] < memory + 12 * MIB, 5, "the memory returns")
        finally:
            if "FIGURES" in os.environ:
                print(f"{self._testMethodName}: memory afterwards {self.figures(exporter)[0] / MIB:.1f} MiB", file=sys.stderr)

    def ready(self, **options):
        _, exporter = self.started(condition=None, **options)
        wait_until(lambda: b"\nhypersender_up 1\n" in exporter.request("/metrics").body, 10, "the first good poll", lambda: exporter.log)
        for _ in range(20):
            exporter.request("/metrics")
        self.before = self.figures(exporter)
        return exporter

    def among(self, exporter, *arguments, share=0.9, **options):
        with Crowd(exporter, *arguments, **options) as crowd:
            figures, taken = self.judge(exporter, crowd)
            self.assertLess(taken, share, figures)
            self.lets_go(exporter, crowd)
        with Crowd(exporter, *arguments, **options) as crowd:
            exporter.request("/metrics")
            self.end(exporter, crowd)

    def test_dripping_headers(self):
        self.among(self.ready(), 500, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ", b"x")

    def test_dripping_bodies(self):
        self.among(self.ready(), 500, b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n", b"x")

    def test_silent_clients(self):
        self.among(self.ready(), 500)

    @for_release_programs
    def test_idle_connections(self):
        # A thousand of them find no place, and come back again and again: that is work.
        self.among(self.ready(), 5_000, GET, share=2)

    def test_few_files_and_dripping_headers(self):
        self.among(self.ready(files=64), 500, b"GET /metrics HTTP/1.1\r\nHost: a\r\nX: ", b"x")

    def test_few_files_and_silent_clients(self):
        # Those who are thrown out stay away: soon there is nothing to do.
        self.among(self.ready(files=64), 500, share=0.4, returns=False)

    def test_few_files_and_idle_connections(self):
        self.among(self.ready(files=64), 500, GET)

    def test_slow_readers(self):
        exporter = self.large("--web.max-requests=0")
        for _ in range(5):
            exporter.request("/metrics")
        self.before = self.figures(exporter)
        self.among(
            exporter, 500, b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n", takes=1, buffer=4096)

    def test_few_files_and_clients_that_stand_still(self):
        exporter = self.large("--web.max-requests=0", files=64)
        for _ in range(5):
            exporter.request("/metrics")
        self.before = self.figures(exporter)
        self.among(
            exporter, 500, b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\n\r\n", stands=True, buffer=4096)


if __name__ == "__main__":
    unittest.main()
