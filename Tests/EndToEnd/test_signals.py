"""Signals: it ends when asked, lets scrapes under way finish, and is not to be held up."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import exposition
from exporter import KEY, PROGRAM, environment, wait_until
from fake_api import FakeAPI
from running import LargePage, Running, SlowReader, good
from timing import NEVER, wait_for_exit


class Signals(Running):
    def test_term(self):
        _, exporter = self.started()
        code, seconds = exporter.stop()
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 1)

    def test_interrupt(self):
        _, exporter = self.started()
        code, seconds = exporter.stop(signal.SIGINT)
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 1)

    def test_no_core_file_is_allowed(self):
        """It would hold the key."""
        _, exporter = self.started()
        limits = pathlib.Path(f"/proc/{exporter.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_term_with_idle_connections(self):
        _, exporter = self.started()
        kept = socket.create_connection(("127.0.0.1", exporter.port))
        self.addCleanup(kept.close)
        kept.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b"200", kept.recv(4096))
        silent = socket.create_connection(("127.0.0.1", exporter.port))
        self.addCleanup(silent.close)
        code, seconds = exporter.stop()
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 1)

    def test_term_during_a_poll(self):
        api, exporter = self.started(timeout="10s")
        def answer(exchange):
            exchange.hang()
            exchange.close()
        api.answer = answer
        polls = api.polls
        wait_until(lambda: api.polls > polls, 5, "a poll that hangs")
        code, seconds = exporter.stop()
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 2)

    def test_a_log_that_nobody_reads_holds_up_nothing(self):
        api = self.enterContext(FakeAPI())
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        # A copy of the writing end, to fill the pipe with, and to see a first line through.
        process = subprocess.Popen(
            [PROGRAM, f"--hypersender.base-url={api.base_url}", "--poll.interval=1s", "--log.level=debug",
             "--web.listen-address=127.0.0.1:0"],
            env=environment(HYPERSENDER_TOKEN=KEY), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # The reading end has a flag of its own.
        os.set_blocking(reading, False)
        log = bytearray()

        def listening():
            try:
                log.extend(os.read(reading, 4096))
            except BlockingIOError:
                pass
            return re.search(rb"Listening.*address=127\.0\.0\.1:(\d+).*\n", log)

        found = wait_until(listening, 15, "it listens", lambda: log.decode())
        os.set_blocking(writing, False)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(writing, b"x" * 1024)
        # The flag belongs to the pipe, which the exporter shares.
        os.set_blocking(writing, True)
        os.close(writing)
        polls = api.polls
        wait_until(lambda: api.polls > polls + 2, 15, "polls go on")
        for path in ("/metrics", "/-/ready", "/-/healthy", "/"):
            url = f"http://127.0.0.1:{int(found[1])}{path}"
            self.assertEqual(urllib.request.urlopen(url, timeout=NEVER).status, 200)
        process.terminate()
        self.assertEqual(wait_for_exit(process, 5)[0], 0)

    def test_hang_up_does_not_kill(self):
        api, exporter = self.started()
        exporter.process.send_signal(signal.SIGHUP)
        polls = api.polls
        wait_until(lambda: api.polls >= polls + 2, 10, "it polls on")
        self.assertIsNone(exporter.process.poll())
        self.assertTrue(good(exporter.scrape()))
        self.assertEqual(exporter.stop()[0], 0)

    def test_term_twice(self):
        _, exporter = self.started()
        exporter.process.send_signal(signal.SIGTERM)
        try:
            exporter.process.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.assertIn(wait_for_exit(exporter.process, 12)[0], (0, -signal.SIGTERM))


class Backlog(Running):
    """Connections that wait to be accepted when the signal comes: the process stands still meanwhile."""

    REQUEST = b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n"

    def crowd(self, connect):
        """Twenty-five connections with a request, and as many that send nothing."""
        connections = [connect() for _ in range(50)]
        for number, connection in enumerate(connections):
            self.addCleanup(connection.close)
            connection.settimeout(NEVER)
            if number % 2 == 0:
                connection.sendall(self.REQUEST)
        return connections

    def rest(self, connection):
        """All that comes until a clean end; a reset is an error."""
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))

    def judge(self, connections):
        answers = [self.rest(connection) for connection in connections]
        for answer in answers[::2]:
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        self.assertEqual(set(answers[1::2]), {b""})
        return answers[::2]

    def stopped(self, exporter):
        exporter.process.send_signal(signal.SIGSTOP)
        status = pathlib.Path(f"/proc/{exporter.process.pid}/stat")
        wait_until(lambda: status.read_text().rpartition(")")[2].split()[0] == "T", 5, "it stands still")

    def end(self, exporter):
        exporter.process.send_signal(signal.SIGTERM)
        exporter.process.send_signal(signal.SIGCONT)

    def test_of_a_port(self):
        _, exporter = self.started()
        kept = socket.create_connection(("127.0.0.1", exporter.port), NEVER)
        self.addCleanup(kept.close)
        kept.sendall(self.REQUEST)
        self.assertIn(b"200", kept.recv(4096))
        self.stopped(exporter)
        connections = self.crowd(lambda: socket.create_connection(("127.0.0.1", exporter.port)))
        # A request on a connection that is open already waits just as much.
        kept.sendall(self.REQUEST)
        self.end(exporter)
        self.judge(connections)
        self.assertTrue(self.rest(kept).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(wait_for_exit(exporter.process, 5)[0], 0, exporter.log)

    def test_of_a_unix_socket(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        path = f"{folder}/exporter.sock"
        _, exporter = self.started("--web.listen-address=127.0.0.1:0", f"--web.listen-address=unix:{path}")

        def connect():
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(path)
            return connection

        self.stopped(exporter)
        connections = self.crowd(connect)
        self.end(exporter)
        self.judge(connections)
        self.assertEqual(wait_for_exit(exporter.process, 5)[0], 0, exporter.log)

    def test_newcomers_do_not_hold_up_the_end(self):
        _, exporter = self.started()
        ended = threading.Event()

        def come():
            while not ended.is_set():
                try:
                    socket.create_connection(("127.0.0.1", exporter.port), 1).close()
                except OSError:
                    pass

        crowd = [threading.Thread(target=come) for _ in range(4)]
        for one in crowd:
            one.start()
        try:
            code, seconds = exporter.stop()
        finally:
            ended.set()
            for one in crowd:
                one.join()
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 4)


class Scrapes(LargePage):
    def test_term_with_a_scrape_under_way(self):
        exporter = self.large()
        reader = SlowReader(exporter)
        self.addCleanup(reader.close)
        self.assertTrue(reader.data.startswith(b"HTTP/1.1 200"))
        exporter.process.send_signal(signal.SIGTERM)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", exporter.port), 1).close()
            except OSError:
                return True
            return False

        wait_until(refused, 5, "new connections are refused")
        self.assertIsNone(exporter.process.poll(), "it did not wait for the scrape")
        body, length = reader.rest()
        self.assertEqual(len(body), length)
        self.assertEqual(exposition.check(body), [])
        self.assertEqual(exporter.process.wait(NEVER), 0)

    def test_term_with_a_reader_who_never_reads(self):
        exporter = self.large()
        reader = SlowReader(exporter)
        self.addCleanup(reader.close)
        code, seconds = exporter.stop(seconds=15)
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 12)


if __name__ == "__main__":
    unittest.main()
