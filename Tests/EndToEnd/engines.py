"""The programs that watch the exporter, for tests of alerts and dashboards: Prometheus, or VictoriaMetrics with vmalert, and Alertmanager.

Environment variables name them, for versions other than those in PATH: PROMETHEUS, PROMTOOL, ALERTMANAGER, AMTOOL, VICTORIAMETRICS,
VMALERT. ENGINE is prometheus (the default) or victoriametrics.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from exporter import environment
from timing import NEVER, wait_until


def _program(variable, *names):
    """The one that the environment names, else the first of these in PATH, else None."""
    return os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)


PROMETHEUS = _program("PROMETHEUS", "prometheus")
PROMTOOL = _program("PROMTOOL", "promtool")
# Debian's name, then the one everybody else uses.
ALERTMANAGER = _program("ALERTMANAGER", "prometheus-alertmanager", "alertmanager")
AMTOOL = _program("AMTOOL", "amtool")
VICTORIAMETRICS = _program("VICTORIAMETRICS", "victoria-metrics", "victoria-metrics-prod")
VMALERT = _program("VMALERT", "vmalert", "vmalert-prod")

# Attributes may stand between: newer versions write component=web.
LISTENING = r'msg="Listening on"[^\n]*\baddress=(\S+)'
# Up to Alertmanager 0.27 levels are in lower case.
TROUBLE = re.compile(r"\blevel=(warn|error)\b", re.IGNORECASE)


class Process:
    """A program whose log is kept; killed at the end, whatever happened."""

    def __init__(self, arguments, listening, cwd=None):
        self.name = pathlib.Path(arguments[0]).name
        self._lines = []
        self.process = subprocess.Popen(
            arguments, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.listening = wait_until(lambda: self._listening(listening), 60, f"{self.name} listens", lambda: self.log)
        except BaseException:
            self.kill()
            raise

    def _read(self):
        for line in self.process.stdout:
            self._lines.append(line)

    def _listening(self, pattern):
        found = re.search(pattern, self.log)
        if not found and self.process.poll() is not None:
            self._reader.join(5)
            raise AssertionError(f"{self.name} ended with {self.process.returncode}\n{self.log}")
        return found

    @property
    def log(self):
        return b"".join(self._lines).decode("utf-8", "replace")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def stop(self):
        """Ends it the plain way, with time to write what it holds."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        self.kill()

    def reload(self):
        self.process.send_signal(1)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stdout.close()


class Alertmanager(Process):
    """Alertmanager with the configuration alertmanager.yml of a folder."""

    def __init__(self, folder):
        super().__init__(
            [ALERTMANAGER, "--config.file=alertmanager.yml", "--storage.path=alertmanager", "--web.listen-address=127.0.0.1:0",
             "--cluster.listen-address="], LISTENING, folder)
        self.address = self.listening[1]

    def failed_notifications(self):
        """Lines of the log about notifications that could not be sent."""
        return [line for line in self.log.splitlines() if TROUBLE.search(line)]


def get_json(url, body=None, **query):
    try:
        with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}" if query else url, body, timeout=NEVER) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise AssertionError(f"{query or body}: {error.read().decode()}") from None


class Engine(contextlib.ExitStack):
    """Scrapes, evaluates rules and sends alerts: with prometheus.yml and rules/*.yml of a folder.

    `url` answers queries, and `rules_url` tells of rules and alerts. Times of the engine's own are divided by `factor`; with 1 they are
    as shipped, else it shows at once what it has. `history` is text in OpenMetrics that it begins with.
    """

    # Labels that this engine adds to every alert.
    own_labels = frozenset()

    def __init__(self, folder, evaluation_interval, factor=60, alertmanager=None, history=None):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.alertmanager = alertmanager
        self.evaluation_interval = evaluation_interval
        self.factor = factor
        self.history = history
        self.processes = []
        # Prometheus's default for how often it repeats an alert. One that is not repeated for four times as long has ended.
        self.resend = max(1, round(60 / factor))

    def start(self):
        """Starts everything, with what an earlier run has stored."""
        raise NotImplementedError

    def run(self, arguments, listening):
        """Starts one of the programs, and returns what its log says of where it listens."""
        self.processes.append(self.enter_context(Process(arguments, listening, self.folder)))
        return self.processes[-1].listening[1]

    def stop(self):
        """Ends everything the plain way, the last program first."""
        while self.processes:
            self.processes.pop().stop()

    def reload(self):
        """Makes the engine read its targets again."""
        self.processes[0].reload()

    @property
    def log(self):
        return "".join(process.log for process in self.processes)

    def cpu_seconds(self):
        """The processor time that the program which answers queries has used."""
        fields = pathlib.Path(f"/proc/{self.processes[0].process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def _ask(self, path, **parameters):
        # As a form, since a query may be longer than an address.
        return get_json(f"{self.url}/api/v1/{path}", urllib.parse.urlencode(parameters).encode())["data"]["result"]

    def query(self, expression, at=None):
        """The result of a query, as the API gives it."""
        return self._ask("query", query=expression, time=at or time.time())

    def query_range(self, expression, start, end, step):
        return self._ask("query_range", query=expression, start=start, end=end, step=step)

    def label_values(self, label, selector, start, end):
        return get_json(f"{self.url}/api/v1/label/{label}/values", **{"match[]": selector, "start": start, "end": end})["data"]

    def value(self, expression):
        """The value of a query's first sample, None if there is none."""
        found = self.query(expression)
        return float(found[0]["value"][1]) if found else None

    def last_sample(self, selector):
        """The time of a series' latest sample, at which its rule was last evaluated with a result."""
        return max(at for series in self.query(selector + "[1h]") for at, _ in series["values"])

    def alerts(self):
        """Alerts by now: pending and firing."""
        alerts = get_json(self.rules_url + "/api/v1/alerts")["data"]["alerts"]
        return [alert | {"labels": self.shared_labels(alert["labels"])} for alert in alerts]

    def ever(self, state):
        """Every alert that has ever been in a state, also where Alertmanager kept it to itself: a set of names and labels."""
        answer = get_json(
            self.url + "/api/v1/series",
            **{"match[]": f'ALERTS{{alertstate="{state}"}}', "start": str(time.time() - 36_000), "end": str(time.time() + 3600)})
        return {
            frozenset((k, v) for k, v in self.shared_labels(labels).items() if k not in ("__name__", "alertstate")) for labels in answer["data"]}

    def shared_labels(self, labels):
        """The labels that an alert has on every engine."""
        return {key: value for key, value in labels.items() if key not in self.own_labels}

    def groups(self):
        return get_json(self.rules_url + "/api/v1/rules")["data"]["groups"]

    def last_evaluations(self):
        """The times at which the groups with alerts were last evaluated."""
        alerting = [g for g in self.groups() if any(rule["type"] == "alerting" for rule in g["rules"])]
        return {(g["file"], g["name"]): g["lastEvaluation"] for g in alerting}

    def unhealthy_rules(self):
        """Rules whose last evaluation failed."""
        return [(rule["name"], rule.get("lastError")) for g in self.groups() for rule in g["rules"] if rule["health"] != "ok"]


class Prometheus(Engine):
    available = bool(PROMETHEUS)

    def start(self):
        if self.history:
            (self.folder / "history").write_text(self.history)
            subprocess.run(
                [PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", "history", "prometheus"], cwd=self.folder, check=True, capture_output=True)
        arguments = ["--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", "--web.listen-address=127.0.0.1:0"]
        if self.factor != 1:
            arguments += [f"--rules.alert.resend-delay={self.resend}s", "--rules.alert.for-grace-period=1s"]
        address = self.run([PROMETHEUS, *arguments], rf"(?s){LISTENING}.*Server is ready to receive web requests")
        self.url = self.rules_url = f"http://{address}"


class VictoriaMetrics(Engine):
    """VictoriaMetrics, which scrapes by itself, and vmalert, with the flags that deploy/prometheus/README.md recommends."""

    available = bool(VICTORIAMETRICS and VMALERT)
    # The name of the rule's group, unless -disableAlertgroupLabel is given.
    own_labels = frozenset(["alertgroup"])

    def start(self):
        # Queries and rules look at a time 30s ago by default, for samples that come late.
        delay = "5s" if self.factor == 1 else "0s"
        listening = r"started server at (http://[\d.:]+)/"
        self.url = self.rules_url = self.run(
            [VICTORIAMETRICS, "-promscrape.config=prometheus.yml", "-promscrape.config.strictParse=false", "-storageDataPath=victoriametrics",
             "-httpListenAddr=127.0.0.1:0", f"-search.latencyOffset={delay}", "-promscrape.maxScrapeSize=64MiB",
             # In scaled time only: what is read again within a second may have changed.
             *([] if self.factor == 1 else ["-search.disableCache"])], listening)
        if self.history:
            # Its timestamps are in milliseconds.
            lines = [re.sub(r"(\S+)$", lambda m: f"{float(m[1]) * 1000:.0f}", line) for line in self.history.splitlines() if not line.startswith("#")]
            urllib.request.urlopen(self.url + "/api/v1/import/prometheus", "\n".join(lines).encode(), timeout=NEVER).close()
        if self.factor != 1:
            threading.Thread(target=self._flush, args=(self.url,), daemon=True).start()
        if not (self.folder / "rules").exists():
            return
        self.rules_url = self.run(
            [VMALERT, "-rule=rules/*.yml", f"-datasource.url={self.url}", f"-remoteWrite.url={self.url}", f"-remoteRead.url={self.url}",
             f"-notifier.url=http://{self.alertmanager.address}" if self.alertmanager else "-notifier.blackhole",
             f"-evaluationInterval={self.evaluation_interval}", f"-rule.evalDelay={delay}", f"-rule.resendDelay={self.resend}s",
             "-httpListenAddr=127.0.0.1:0",
             # In scaled time only: results are there before the next evaluation.
             *([] if self.factor == 1 else ["-remoteWrite.flushInterval=100ms"])], listening)

    @staticmethod
    def _flush(url):
        """In scaled time only: shows what was written at once, until the database is gone. Samples take a second, new series up to ten."""
        with contextlib.suppress(OSError):
            while True:
                urllib.request.urlopen(url + "/internal/force_flush", timeout=NEVER).close()
                time.sleep(0.2)


NAME = os.environ.get("ENGINE", "prometheus")
ENGINE = {"prometheus": Prometheus, "victoriametrics": VictoriaMetrics}[NAME]
AVAILABLE = ENGINE.available


def start(folder, scrapes=(), interval="1s", rules=(), history=None):
    """A running engine that scrapes these targets, by job, and evaluates these rules, by the file's name; it is a context."""
    folder = pathlib.Path(folder)
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [{"job_name": job, "static_configs": [{"targets": targets}]} for job, targets in dict(scrapes).items()]}))
    for name, text in dict(rules).items():
        (folder / "rules").mkdir(exist_ok=True)
        (folder / "rules" / name).write_text(text)
    engine = ENGINE(folder, interval, history=history)
    with contextlib.ExitStack() as stack:
        stack.push(engine)
        engine.start()
        stack.pop_all()
    return engine
