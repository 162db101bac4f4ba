"""Signals: it ends when asked, lets scrapes under way finish, and is not to be held up.

`EXPORTER` names the program; without it, `.build/release/hypersender-exporter`.
"""

import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import exposition
from exporter import KEY, PROGRAM, environment, wait_until
from fake_api import FakeAPI
from parallel import load_tests  # noqa: F401 (unittest looks for it)
from running import LargePage, Running, SlowReader, good


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
            self.assertEqual(urllib.request.urlopen(url, timeout=5).status, 200)
        process.terminate()
        self.assertEqual(process.wait(5), 0)

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
        self.assertIn(exporter.process.wait(12), (0, -signal.SIGTERM))


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
        self.assertEqual(exporter.process.wait(3), 0)

    def test_term_with_a_reader_who_never_reads(self):
        exporter = self.large()
        reader = SlowReader(exporter)
        self.addCleanup(reader.close)
        code, seconds = exporter.stop(seconds=15)
        self.assertEqual(code, 0, exporter.log)
        self.assertLess(seconds, 12)


if __name__ == "__main__":
    unittest.main()
