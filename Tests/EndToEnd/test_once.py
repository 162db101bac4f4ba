"""`--once`: one poll of each account, the page to standard output, a table to standard error."""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import contract
import exposition
from exporter import PROGRAM, environment, wait_until
from fake_api import KEY, MARKS, FakeAPI, instance
from test_accounts import KEYS, Accounts
from timing import NEVER, wait_for_exit


def once(*arguments, token=KEY, stdout=subprocess.PIPE, **variables):
    return subprocess.run(
        [PROGRAM, "--once", *arguments], env=environment(HYPERSENDER_TOKEN=token, **variables), stdin=subprocess.DEVNULL, stdout=stdout,
        stderr=subprocess.PIPE, timeout=NEVER, check=False)


def table(result):
    """The rows of the table, each with its cells; a row that goes on with the one before begins with empty ones."""
    lines = result.stderr.decode().splitlines()
    header = next(n for n, line in enumerate(lines) if line.startswith("account "))
    starts = [found.start() for found in re.finditer(r"\S+", lines[header])]
    return [[line[a:b].strip() for a, b in zip(starts, [*starts[1:], None])] for line in lines[header:]]


class Once(Accounts):
    def judge(self, result, **pages):
        shown = (result.stdout + result.stderr).decode()
        self.assertEqual([mark for mark in (*MARKS, *KEYS.values()) if mark in shown], [])
        page, faults = exposition.read(result.stdout, False)
        self.assertEqual([*map(str, faults), *contract.break_ups(page, 90, 0, time.time(), **pages)], [])
        return page

    def test_a_good_key(self):
        api = self.enterContext(FakeAPI([instance(n) for n in range(3)]))
        result = once(f"--hypersender.base-url={api.base_url}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stderr.decode(), "account  result  instances  error\n-        ok      3\n")
        page = self.judge(result)
        self.assertEqual((page.value("hypersender_up"), page.value("hypersender_polls_total"), api.polls), (1, 1, 1))
        self.assertEqual(len(page.all("hypersender_instance_up")), 3)

    def test_a_refused_key(self):
        api = self.enterContext(FakeAPI(key="another"))
        result = once(f"--hypersender.base-url={api.base_url}")
        self.assertEqual(result.returncode, 1)
        _, row, hint = table(result)
        self.assertEqual(row[:3], ["-", "unauthorized", "-"])
        self.assertIn("401", row[3])
        self.assertEqual(hint[:3], ["", "", ""])
        self.assertIn("Enterprise plan", hint[3])
        self.assertEqual(self.judge(result).value("hypersender_up"), 0)

    def test_several_accounts_one_of_which_fails(self):
        calm = {"poll_interval": "60s", "poll_stale_after": "3m"}
        self.apis["globex"].answer = lambda exchange: exchange.close()
        self.write(*(self.entry(name, **calm) for name in KEYS))
        result = once(f"--config.file={self.file}", token=None)
        self.assertEqual(result.returncode, 1)
        rows = {row[0]: row[1:3] for row in table(result) if row[0]}
        self.assertEqual(rows.pop("globex"), ["connect", "-"])
        self.assertEqual(
            rows, {"account": ["result", "instances"], "acme": ["ok", "2"], "initech": ["ok", "4"], "umbrella": ["ok", "5"]})
        page = self.judge(result, accounts=True)
        self.assertEqual(self.ups(page), {"acme": 1, "globex": 0, "initech": 1, "umbrella": 1})
        self.assertEqual([self.apis[name].polls for name in ("acme", "initech", "umbrella")], [1, 1, 1])

    def test_the_demo(self):
        result = once("--demo", token=None)
        self.assertEqual((result.returncode, table(result)[1][1]), (0, "ok"), result.stderr)
        self.judge(result)

    def test_for_the_textfile_collector(self):
        """node_exporter has the metrics of a process itself, and refuses a file that repeats them."""
        result = once("--demo", "--web.disable-exporter-metrics", token=None)
        self.assertEqual(result.returncode, 0)
        self.assertIn(b"\nhypersender_up 1\n", result.stdout)
        self.assertNotIn(b"process_", result.stdout)

    def test_listens_nowhere(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            result = once("--demo", f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}", token=None)
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_bad_settings(self):
        for code, arguments, token in ((64, ["--poll.interval=0"], KEY), (1, ["--config.file=/nonexistent.yml"], None)):
            result = once(*arguments, token=token)
            self.assertEqual((result.returncode, result.stdout), (code, b""))
            self.assertNotIn(b"account  result", result.stderr)

    def test_what_is_probably_not_meant_is_said(self):
        api = self.enterContext(FakeAPI())
        result = once(f"--hypersender.base-url={api.base_url}", "--poll.interval=5s")
        self.assertIn(b"warning: --poll.interval: ", result.stderr)
        self.assertEqual(result.returncode, 0)

    def test_a_page_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            result = once("--demo", token=None, stdout=full)
        self.assertEqual(result.returncode, 1)
        self.assertIn(b"the page cannot be written to standard output", result.stderr)

    def test_an_end_before_the_page_is_a_failure(self):
        api = self.enterContext(FakeAPI())
        api.answer = lambda exchange: exchange.hang()
        process = subprocess.Popen(
            [PROGRAM, "--once", f"--hypersender.base-url={api.base_url}"], env=environment(HYPERSENDER_TOKEN=KEY),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        wait_until(lambda: api.polls == 1, 15, "a poll that hangs")
        process.send_signal(signal.SIGTERM)
        code, _ = wait_for_exit(process, 5)
        self.assertEqual((code, process.communicate()[0]), (-signal.SIGTERM, b""))


if __name__ == "__main__":
    unittest.main()
