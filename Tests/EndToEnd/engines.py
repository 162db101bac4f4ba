"""The engines that dashboards are put to: Prometheus, or VictoriaMetrics with vmalert.

PROMETHEUS and PROMTOOL name the programs. With VICTORIAMETRICS and VMALERT it is those instead.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from exporter import environment, wait_until

PROMETHEUS = os.environ.get("PROMETHEUS", "prometheus")
PROMTOOL = os.environ.get("PROMTOOL", "promtool")
VICTORIAMETRICS = os.environ.get("VICTORIAMETRICS")
VMALERT = os.environ.get("VMALERT", "vmalert")
AVAILABLE = shutil.which(VICTORIAMETRICS or PROMETHEUS) is not None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class API:
    """The query API that all engines have, below a base URL."""

    def __init__(self, url):
        self.url = url

    def _ask(self, path, get=False, **parameters):
        body = urllib.parse.urlencode(parameters, doseq=True)
        request = urllib.request.Request(f"{self.url}/api/v1/{path}" + (f"?{body}" if get else ""), None if get else body.encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression, at=None):
        return self._ask("query", query=expression, time=at or time.time())["result"]

    def query_range(self, expression, start, end, step):
        return self._ask("query_range", query=expression, start=start, end=end, step=step)["result"]

    def label_values(self, label, selector, start, end):
        return self._ask(f"label/{label}/values", get=True, **{"match[]": selector, "start": start, "end": end})

    def value(self, expression):
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None


class Engine(API):
    """Running programs that scrape and evaluate rules, and answer queries; `history` is text in OpenMetrics that they begin with."""

    def __init__(self, folder, scrapes=(), interval="1s", rules=(), history=None):
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "log"
        self.log.touch()
        self.processes = []
        for name, text in dict(rules).items():
            (self.folder / name).write_text(text)
        configuration = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval},
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in dict(scrapes).items()]}
        try:
            super().__init__(self._start(configuration, sorted(dict(rules)), history))
        except BaseException:
            self.__exit__()
            raise

    def _run(self, *arguments):
        with self.log.open("a") as log:
            self.processes.append(subprocess.Popen(arguments, env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def _answers(self, url):
        for process in self.processes:
            if process.poll() is not None:
                raise AssertionError(f"{process.args[0]} ended with {process.returncode}\n{self.log.read_text()}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()

    def cpu_seconds(self):
        """The processor time that the program which answers queries has used."""
        fields = pathlib.Path(f"/proc/{self.processes[0].pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


class Prometheus(Engine):
    def _start(self, configuration, rules, history):
        if history:
            (self.folder / "history").write_text(history)
            subprocess.run([PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", "history", "data"], cwd=self.folder, check=True, capture_output=True)
        configuration["global"]["evaluation_interval"] = configuration["global"]["scrape_interval"]
        configuration["rule_files"] = rules
        (self.folder / "prometheus.yml").write_text(json.dumps(configuration))
        self._run(PROMETHEUS, f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data", "--web.listen-address=127.0.0.1:0")
        url = "http://" + wait_until(self._address, 20, "Prometheus listens", self.log.read_text)
        wait_until(lambda: self._answers(url + "/-/ready"), 20, "Prometheus is ready", self.log.read_text)
        return url

    def _address(self):
        # Since 3.0 with component=web.
        found = re.search(r'msg="Listening on".* address=(\S+)', self.log.read_text())
        return found and found[1]


class VictoriaMetrics(Engine):
    def _start(self, configuration, rules, history):
        (self.folder / "scrape.yml").write_text(json.dumps(configuration))
        address = f"127.0.0.1:{free_port()}"
        url = "http://" + address
        self._run(
            VICTORIAMETRICS, f"-promscrape.config={self.folder}/scrape.yml", f"-storageDataPath={self.folder}/data", f"-httpListenAddr={address}",
            # Answers at once, from what there is.
            "-search.latencyOffset=0s", "-search.disableCache", "-inmemoryDataFlushInterval=1s", "-promscrape.maxScrapeSize=64MiB")
        wait_until(lambda: self._answers(url + "/health"), 20, "VictoriaMetrics answers", self.log.read_text)
        if history:
            # Its timestamps are in milliseconds.
            lines = [re.sub(r"(\S+)$", lambda m: f"{float(m[1]) * 1000:.0f}", line) for line in history.splitlines() if not line.startswith("#")]
            urllib.request.urlopen(url + "/api/v1/import/prometheus", "\n".join(lines).encode(), timeout=30).close()
            urllib.request.urlopen(url + "/internal/force_flush", timeout=30).close()
        if rules:
            self._run(
                VMALERT, *(f"-rule={self.folder}/{name}" for name in rules), f"-datasource.url={url}", f"-remoteWrite.url={url}", f"-remoteRead.url={url}",
                f"-evaluationInterval={configuration['global']['scrape_interval']}", "-rule.evalDelay=0s", "-remoteWrite.flushInterval=100ms",
                "-notifier.blackhole", f"-httpListenAddr=127.0.0.1:{free_port()}")
        return url


def start(*arguments, **options):
    """The engine that the environment names."""
    return (VictoriaMetrics if VICTORIAMETRICS else Prometheus)(*arguments, **options)
