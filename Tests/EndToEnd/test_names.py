"""Host names: name servers that do not answer, names that have several addresses or none.

Each test runs in a network and a view of /etc of its own, with a name server that answers as the test says. That takes root and iproute2."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

from exporter import Exporter, wait_until
from fake_api import FakeAPI
from name_server import NameServer

ISOLATED = ["unshare", "--mount", "--net"]


def accounts(**hosts):
    """A file of accounts, each at a host."""
    file = tempfile.NamedTemporaryFile("w", suffix=".yml", delete=False)
    with file:
        file.write("accounts:\n" + "".join(
            f"  - {{name: {name}, token_env: HYPERSENDER_TOKEN, base_url: '{url}'}}\n" for name, url in hosts.items()))
    return f"--config.file={file.name}"


def start(*arguments, timeout="3s", **variables):
    return Exporter(
        None, *arguments, "--hypersender.allow-http", "--poll.interval=1s", f"--poll.timeout={timeout}", stale_after=30,
        pages={"accounts": True}, **variables)


def up(page, account):
    return page.value("hypersender_up", account=account) == 1


def failed(page, account, why):
    return page.value("hypersender_poll_failures_total", account=account, reason=why)


def names_that_are_not_answered():
    with FakeAPI() as api:
        url = f"http://%s:{api.port}/api/whatsapp/v1"
        server = NameServer({"good.test": ["127.0.0.1"], **{f"silent{n}.test": None for n in range(10)}})
        hosts = {f"silent{n}": url % f"silent{n}.test" for n in range(10)}
        exporter = start(accounts(**hosts, good=url % "good.test", twin=url % "good.test"))
        try:
            asked = lambda: sum(f"silent{n}.test" in server.asked for n in range(10)) == 10
            wait_until(asked, 5, "all names are asked for", lambda: exporter.log)
            exporter.wait_for(lambda page: up(page, "good") and up(page, "twin"), 1, "the names that are answered")
            exporter.wait_for(lambda page: all(failed(page, f"silent{n}", "dns") for n in range(10)), 10, "the others are told")
            assert "no answer within the poll timeout" in exporter.log, exporter.log
            page = exporter.scrape()
            assert not any(failed(page, name, "timeout") for name in (*hosts, "good", "twin")), exporter.log
            assert not any(failed(page, name, "dns") for name in ("good", "twin")), exporter.log
            # However often a name is waited for, it is looked up on one thread.
            threads = len(os.listdir(f"/proc/{exporter.process.pid}/task"))
            assert threads < 30, threads
            server.names["silent3.test"] = ["127.0.0.1"]
            exporter.wait_for(lambda page: up(page, "silent3"), 30, "a name server that has recovered")
            code, seconds = exporter.stop()
            assert code == 0 and seconds < 2, (code, seconds)
        finally:
            exporter.kill()


def names_without_an_address():
    NameServer({})
    with start(accounts(a="http://nowhere.test/v1")) as exporter:
        exporter.wait_for(lambda page: failed(page, "a", "dns"), 5, "the name is unknown")
        assert "the name nowhere.test cannot be resolved: it is unknown" in exporter.log, exporter.log


def names_with_several_addresses():
    with FakeAPI() as api:
        NameServer({"many.test": ["2001:db8::1", "127.0.0.9", "127.0.0.8", "127.0.0.1"]})
        with start(accounts(a=f"http://many.test:{api.port}/api/whatsapp/v1")) as exporter:
            exporter.wait_for(lambda page: up(page, "a"), 5, "one of the addresses answers")
            assert "Poll failed" not in exporter.log, exporter.log
            assert api.requests[0].headers["host"] == f"many.test:{api.port}", api.requests[0].headers


def names_of_proxies():
    with FakeAPI() as proxy:
        proxy.answer = lambda exchange: exchange.reply(b"", "502 Bad Gateway")
        server = NameServer({"proxy.test": ["127.0.0.1"], "silent.test": None})
        url = "https://api.test/api/whatsapp/v1"
        with start(accounts(a=url), HTTPS_PROXY=f"http://proxy.test:{proxy.port}") as exporter:
            exporter.wait_for(lambda page: failed(page, "a", "connect"), 5, "the proxy refuses")
            assert proxy.requests[0].target == "api.test:443", proxy.requests[0].target
        with start(accounts(a=url), HTTPS_PROXY=f"http://silent.test:{proxy.port}") as exporter:
            exporter.wait_for(lambda page: failed(page, "a", "dns"), 10, "the proxy is not found")
        assert "api.test" not in server.asked, server.asked


def reload_while_a_name_is_not_answered():
    with FakeAPI() as api:
        url = f"http://%s:{api.port}/api/whatsapp/v1"
        server = NameServer({"silent.test": None, "good.test": ["127.0.0.1"]})
        flag = accounts(a=url % "silent.test")
        with start(flag, timeout="60s") as exporter:
            wait_until(lambda: "silent.test" in server.asked, 5, "the name is asked for", lambda: exporter.log)
            path = pathlib.Path(flag.partition("=")[2])
            path.write_text(path.read_text().replace("silent", "good"))
            exporter.process.send_signal(1)
            exporter.wait_for(lambda page: up(page, "a"), 2, "the new host")


SCENARIOS = [
    names_that_are_not_answered, names_without_an_address, names_with_several_addresses, names_of_proxies,
    reload_while_a_name_is_not_answered,
]


class NamesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        probe = subprocess.run(
            [*ISOLATED, "sh", "-c", "ip link set lo up && mount --bind /dev/null /etc/resolv.conf"], capture_output=True, text=True)
        if probe.returncode:
            raise unittest.SkipTest(f"a network and mounts of its own take root and iproute2: {probe.stderr.strip()}")

    def run_isolated(self, scenario):
        result = subprocess.run(
            [*ISOLATED, sys.executable, __file__, scenario.__name__], capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)


def test_of(scenario):
    return lambda self: self.run_isolated(scenario)


for scenario in SCENARIOS:
    setattr(NamesTest, f"test_{scenario.__name__}", test_of(scenario))


def isolated(name):
    """Runs one scenario, within a network and mounts of its own."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as configuration:
        configuration.write("nameserver 127.0.0.1\n")
        configuration.flush()
        subprocess.run(["mount", "--bind", configuration.name, "/etc/resolv.conf"], check=True)
        next(scenario for scenario in SCENARIOS if scenario.__name__ == name)()


if __name__ == "__main__":
    if len(sys.argv) > 1 and any(scenario.__name__ == sys.argv[1] for scenario in SCENARIOS):
        isolated(sys.argv[1])
    else:
        unittest.main()
