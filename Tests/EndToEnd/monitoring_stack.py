"""The shipped monitoring around a real exporter: simulator, Prometheus, Alertmanager, and receivers that keep what reaches them.

The files under deploy/ are used as they are shipped, but for addresses and for time: every duration is divided by one factor, so that a test need not
take hours. Nothing of a rule, a route or an inhibition is written anew.
"""

import contextlib
import email
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import socketserver
import subprocess
import threading
import time
import urllib.parse
import urllib.request

import yaml

from exporter import TOP, Exporter, environment, wait_until

SIMULATOR = os.environ.get("SIMULATOR", str(TOP / ".build/release/hypersender-simulator"))
PROMETHEUS = "prometheus"
# Debian's name, then the one everybody else uses.
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
AVAILABLE = bool(shutil.which(PROMETHEUS) and ALERTMANAGER)

DEPLOY = TOP / "deploy"
RULES = DEPLOY / "prometheus/rules"
JOB = "hypersender"

# Time

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000}
DURATION = r"(?:\d+(?:ms|[smhdwy]))+"


class Scale:
    """Divides durations by one factor, and counts them."""

    SHORTEST = 1_000

    def __init__(self, factor):
        self.factor = factor
        self.replaced = 0

    def duration(self, text):
        """As Prometheus and Alertmanager write durations, at least a second; none stays none."""
        text = str(text)
        if not re.fullmatch(DURATION, text):
            raise ValueError(f"not a duration: {text!r}")
        milliseconds = sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))
        self.replaced += 1
        return f"{max(self.SHORTEST, round(milliseconds / self.factor))}ms" if milliseconds else "0s"

    def promql(self, text):
        """Ranges, the steps of subqueries, and offsets; also within the queries of a template."""
        text = re.sub(rf"\[\s*({DURATION})\s*\]", lambda m: f"[{self.duration(m[1])}]", text)
        text = re.sub(
            rf"\[\s*({DURATION})\s*:\s*({DURATION})?\s*\]", lambda m: f"[{self.duration(m[1])}:{self.duration(m[2]) if m[2] else ''}]", text)
        return re.sub(rf"\boffset(\s+-?)({DURATION})", lambda m: f"offset{m[1]}{self.duration(m[2])}", text)


def scaled_rules(text, factor):
    """The text of a rule file with all its durations divided."""
    scale = Scale(factor)
    file = yaml.safe_load(text)
    for group in file["groups"]:
        # Evaluated as often as everything is scraped.
        group.pop("interval", None)
        for rule in group["rules"]:
            rule["expr"] = scale.promql(str(rule["expr"]))
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    rule[key] = scale.duration(rule[key])
            for key, template in rule.get("annotations", {}).items():
                rule["annotations"][key] = scale.promql(template)
    assert scale.replaced, "a rule file without a duration"
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=1000)


# Processes

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

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        self.process.stdout.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def on_a_free_port(arguments, listening, cwd=None):
    """Runs a program that cannot pick its port itself; another may take the free port first, so it is tried again."""
    for attempt in range(5):
        port = free_port()
        try:
            return port, Process([a.format(port=port) for a in arguments], listening, cwd)
        except AssertionError as error:
            if "address already in use" not in str(error) or attempt == 4:
                raise
    return None


def get_json(url, **query):
    with urllib.request.urlopen(f"{url}?{urllib.parse.urlencode(query)}" if query else url, timeout=20) as answer:
        return json.load(answer)


class Simulator(Process):
    """The simulated API, with every instance WORKING, and nothing that changes unless a test says so."""

    def __init__(self, instances=6, seed=1):
        super().__init__(
            [SIMULATOR, "--no-changes", f"--instances={instances}", f"--seed={seed}"], r"Base URL  (\S+)\nToken     (\S+)\n")
        self.base_url, self.token = self.listening.groups()
        try:
            for place in range(instances):
                self.set(place, "WORKING")
        except BaseException:
            self.kill()
            raise

    def control(self, method, path, **query):
        address = urllib.parse.urlsplit(self.base_url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=10)
        try:
            connection.request(method, "/simulator/" + path + "?" + urllib.parse.urlencode(query))
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status // 100 != 2:
            raise AssertionError(f"{method} {path} {query}: {answer.status} {body[:300]!r}")
        return body

    def set(self, place, status):
        """Puts the instance at a place of the list into a status for good."""
        self.control("POST", f"instances/{place}", status=status)

    def remove(self, place):
        self.control("DELETE", f"instances/{place}")

    def fail(self, kind, **parameters):
        self.control("POST", "fault", kind=kind, **{k.replace("_", "-"): v for k, v in parameters.items()})

    def recover(self):
        self.control("DELETE", "fault")

    def instances(self):
        request = urllib.request.Request(
            self.base_url + "/instances", headers={"Accept": "application/json", "Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


# Receivers

class Notification:
    """One alert of one message of Alertmanager."""

    def __init__(self, at, receiver, alert):
        self.at, self.receiver = at, receiver
        self.status, self.labels, self.annotations = alert["status"], alert["labels"], alert["annotations"]
        self.starts = alert["startsAt"]
        self.key = tuple(sorted(self.labels.items()))

    @property
    def name(self):
        return self.labels["alertname"]

    def __repr__(self):
        return f"{self.at:.1f} {self.receiver} {self.status} {self.labels} {self.annotations}"


class Receivers:
    """A web server that keeps what webhooks are told, and what chats are; and a mail server that keeps mails."""

    def __init__(self):
        self._lock = threading.Lock()
        self._notifications = []
        self._texts = []
        receivers = self

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                at = time.monotonic()
                body = self.rfile.read(int(self.headers["Content-Length"]))
                _, kind, receiver = self.path.split("/", 2)
                if kind == "webhook":
                    message = json.loads(body)
                    with receivers._lock:
                        receivers._notifications += [Notification(at, urllib.parse.unquote(receiver), a) for a in message["alerts"]]
                else:
                    receivers.keep(body.decode())
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):
                pass

        class Mail(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(b"220 test\r\n")
                while line := self.rfile.readline():
                    word = line.split()[0].upper() if line.strip() else b""
                    if word == b"DATA":
                        self.wfile.write(b"354 go on\r\n")
                        mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                        # Decodes the parts, which are quoted-printable.
                        parts = email.message_from_bytes(mail).walk()
                        receivers.keep("\n".join((p.get_payload(decode=True) or b"").decode("utf-8", "replace") for p in parts))
                    answers = {b"QUIT": b"221 bye\r\n", b"AUTH": b"235 ok\r\n", b"EHLO": b"250-test\r\n250 AUTH PLAIN LOGIN\r\n"}
                    self.wfile.write(answers.get(word, b"250 ok\r\n"))
                    if word == b"QUIT":
                        return

        class MailServer(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook), MailServer(("127.0.0.1", 0), Mail)]
        self.hook, self.mail = ("127.0.0.1:%d" % server.server_address[1] for server in self._servers)
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def keep(self, text):
        with self._lock:
            self._texts.append(text)

    @property
    def notifications(self):
        """What webhooks were told, in order."""
        with self._lock:
            return list(self._notifications)

    @property
    def texts(self):
        """What chats and mails said."""
        with self._lock:
            return list(self._texts)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()


def scaled_alertmanager(text, factor, folder, receivers):
    """The shipped Alertmanager's configuration with other addresses and timings; every receiver tells the webhook too."""
    scale = Scale(factor)
    folder = pathlib.Path(folder)
    slack = f"http://{receivers.hook}/chat/"

    def exchange(node, path):
        if isinstance(node, list):
            for place, item in enumerate(node):
                exchange(item, (*path, str(place)))
        if not isinstance(node, dict):
            return
        for key, value in node.items():
            if key in ("group_wait", "group_interval", "repeat_interval", "resolve_timeout"):
                node[key] = scale.duration(value)
            elif key.endswith("_file") and isinstance(value, str):
                secret = folder / "-".join((*path, key))
                secret.write_text(slack if key in ("api_url_file", "slack_api_url_file") else "a-secret")
                node[key] = str(secret)
            elif key in ("api_url", "slack_api_url"):
                node[key] = slack
            elif key in ("smarthost", "smtp_smarthost"):
                node[key] = receivers.mail
            elif key in ("require_tls", "smtp_require_tls"):
                node[key] = False
            elif key == "templates":
                assert not value, "the shipped configuration has templates, which this copy does not take along"
            else:
                exchange(value, (*path, key))

    file = yaml.safe_load(text)
    exchange(file, ())
    if "smtp_smarthost" in file.get("global", {}):
        file["global"]["smtp_require_tls"] = False
    for receiver in file["receivers"]:
        # One that has only chats and mails tells a webhook besides what it tells those.
        others = [integration for key, value in receiver.items() if key.endswith("_configs") for integration in value]
        resolved = any(integration.get("send_resolved", True) for integration in others)
        (hook,) = receiver.setdefault("webhook_configs", [{"send_resolved": resolved}])
        hook["url"] = f"http://{receivers.hook}/webhook/{urllib.parse.quote(receiver['name'])}"
    assert scale.replaced, "Alertmanager's configuration has no timing"
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=1000)


# The whole

class Stack(contextlib.ExitStack):
    """Prometheus and Alertmanager with the shipped files, watching one exporter that may be stopped and started again."""

    def __init__(self, folder, factor):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.factor = factor
        self.exporter = None
        self._exporter_arguments = None
        self._port = None

    def start(self, base_url=None, *arguments, **options):
        """Starts everything; arguments are the exporter's."""
        self._exporter_arguments = (base_url, arguments, options)
        self.start_exporter()
        self.receivers = self.enter_context(Receivers())
        (self.folder / "alertmanager.yml").write_text(
            scaled_alertmanager((DEPLOY / "alertmanager/alertmanager.yml").read_text(), self.factor, self.folder, self.receivers))
        port, self.alertmanager = on_a_free_port(
            [ALERTMANAGER, "--config.file=alertmanager.yml", "--storage.path=alertmanager", "--web.listen-address=127.0.0.1:{port}",
             "--cluster.listen-address="], r'msg="Listening on"', self.folder)
        self.enter_context(self.alertmanager)
        self.alertmanager_url = f"http://127.0.0.1:{port}"

        (self.folder / "rules").mkdir()
        for file in sorted(RULES.glob("*.yml")):
            (self.folder / "rules" / file.name).write_text(scaled_rules(file.read_text(), self.factor))
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(self._prometheus_configuration(port)))
        resend = max(1, round(60 / self.factor))
        port, self.prometheus = on_a_free_port(
            [PROMETHEUS, "--config.file=prometheus.yml", "--storage.tsdb.path=prometheus", "--web.listen-address=127.0.0.1:{port}",
             # Also scaled: an alert ends for Alertmanager after four times this without word from Prometheus.
             f"--rules.alert.resend-delay={resend}s", "--rules.alert.for-grace-period=1s"], r"Server is ready to receive web requests", self.folder)
        self.enter_context(self.prometheus)
        self.prometheus_url = f"http://127.0.0.1:{port}"
        wait_until(lambda: self.query("hypersender_up == 1"), 60, "Prometheus has a good poll", lambda: self.state())
        return self

    def _prometheus_configuration(self, alertmanager_port):
        file = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
        file["global"] = file.get("global", {}) | {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        file["rule_files"] = ["rules/*.yml"]
        file["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]}
        jobs = [job for job in file["scrape_configs"] if job["job_name"] == JOB]
        assert len(jobs) == 1, file["scrape_configs"]
        for key in ("scrape_interval", "scrape_timeout"):
            jobs[0].pop(key, None)
        assert "static_configs" in jobs[0], jobs[0]
        jobs[0]["static_configs"] = [jobs[0]["static_configs"][0] | {"targets": [self.target]}]
        file["scrape_configs"] = jobs
        return file

    @property
    def target(self):
        return f"127.0.0.1:{self._port}"

    # The exporter

    def start_exporter(self):
        base_url, arguments, options = self._exporter_arguments
        address = [] if self._port is None else [f"--web.listen-address={self.target}"]
        self.exporter = Exporter(base_url, *arguments, *address, **options)
        self._port = self.exporter.port
        # A killed one may be killed again.
        self.callback(self.exporter.kill)

    def restart_exporter(self):
        """A plain restart, as an upgrade does it; returns once Prometheus has seen the new process and a good poll of it."""
        before = self.value("process_start_time_seconds")
        code, _ = self.exporter.stop()
        if code != 0:
            raise AssertionError(f"the exporter ended with {code}\n{self.exporter.log}")
        self.start_exporter()
        wait_until(
            lambda: self.value("process_start_time_seconds") not in (None, before) and self.value("hypersender_up") == 1, 30,
            "Prometheus has a good poll of the new process", lambda: self.state())

    # Prometheus

    def query(self, expression):
        """Samples of an instant vector: each with its labels and value."""
        answer = get_json(self.prometheus_url + "/api/v1/query", query=expression)
        return [(sample["metric"], float(sample["value"][1])) for sample in answer["data"]["result"]]

    def value(self, expression):
        """The value of the only sample; None if there is none."""
        samples = self.query(expression)
        assert len(samples) < 2, samples
        return samples[0][1] if samples else None

    def last_sample(self, selector):
        """When the latest sample of a series was taken, which is when its rule was last evaluated with a result."""
        answer = get_json(self.prometheus_url + "/api/v1/query", query=selector + "[1h]")
        return max(at for series in answer["data"]["result"] for at, _ in series["values"])

    def alerts(self):
        """Prometheus's alerts by now: pending and firing."""
        return get_json(self.prometheus_url + "/api/v1/alerts")["data"]["alerts"]

    def ever(self, state):
        """Every alert that has ever been in a state, also where Alertmanager kept it to itself: a set of names and labels."""
        answer = get_json(
            self.prometheus_url + "/api/v1/series", **{"match[]": f'ALERTS{{alertstate="{state}"}}', "start": "0", "end": str(time.time() + 3600)})
        return {frozenset((k, v) for k, v in labels.items() if k not in ("__name__", "alertstate")) for labels in answer["data"]}

    def evaluated(self, times, seconds=30):
        """Waits until every group of rules has been evaluated so many times more."""
        since = self.last_evaluations()
        for _ in range(times):
            before = since
            since = wait_until(
                lambda: (now := self.last_evaluations()) and all(now[group] > before[group] for group in before) and now, seconds,
                "rules are evaluated")

    def last_evaluations(self):
        groups = get_json(self.prometheus_url + "/api/v1/rules")["data"]["groups"]
        return {(g["file"], g["name"]): g["lastEvaluation"] for g in groups}

    def unhealthy_rules(self):
        """Rules whose last evaluation failed."""
        groups = get_json(self.prometheus_url + "/api/v1/rules")["data"]["groups"]
        return [(rule["name"], rule.get("lastError")) for g in groups for rule in g["rules"] if rule["health"] != "ok"]

    # Notifications

    @property
    def notifications(self):
        return self.receivers.notifications

    def told(self, status, name, **labels):
        """Notifications of a status about an alert."""
        return [
            n for n in self.notifications
            if n.status == status and n.name == name and all(n.labels.get(k) == v for k, v in labels.items())]

    def state(self):
        """For a failed assertion: what everybody knows."""
        lines = ["", "Notifications:", *map(repr, self.notifications)]
        with contextlib.suppress(OSError, AttributeError):
            lines += ["Prometheus's alerts:", *(f"{a['state']} {a['labels']} since {a['activeAt']}" for a in self.alerts())]
            lines += ["Rules that fail:", *map(str, self.unhealthy_rules())]
        if self.exporter:
            lines += ["Exporter:", self.exporter.log[-1500:]]
        return "\n".join(lines)
