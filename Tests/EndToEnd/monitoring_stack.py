"""The shipped monitoring around a real exporter: simulator, Prometheus, Alertmanager, and receivers that keep what reaches them.

The files under deploy/ are used as they are shipped, but for addresses and for time: every duration is divided by one factor, so that a test need not
take hours. Nothing of a rule, a route or an inhibition is written anew.
"""

import contextlib
import copy
import email
import http.client
import http.server
import json
import os
import pathlib
import re
import socketserver
import threading
import time
import urllib.parse
import urllib.request

import yaml

import faults
from engines import ENGINE, Alertmanager, Process
from exporter import TOP, Exporter, wait_until
from fake_api import FakeAPI, instance
from timing import NEVER

SIMULATOR = os.environ.get("SIMULATOR", str(TOP / ".build/debug/hypersender-simulator"))

DEPLOY = TOP / "deploy"
PROMETHEUS_FILE = DEPLOY / "prometheus/prometheus.yml"
ALERTMANAGER_FILE = DEPLOY / "alertmanager/alertmanager.yml"
# The rule files that the shipped configuration of Prometheus names.
RULES = [PROMETHEUS_FILE.parent / name for name in yaml.safe_load(PROMETHEUS_FILE.read_text())["rule_files"]]
JOB = "hypersender"

# The exporter's own defaults.
POLL_INTERVAL, POLL_TIMEOUT = "30s", "10s"

# Time

UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000, "y": 365 * 86_400_000}
DURATION = r"(?:\d+(?:ms|[smhdwy]))+"


class Scale:
    """Divides durations by one factor, and counts them. A factor of 1 leaves every text as it is."""

    SHORTEST = 500

    def __init__(self, factor):
        self.factor = factor
        self.replaced = 0

    def duration(self, text, shortest=SHORTEST):
        """As Prometheus and Alertmanager write durations, in milliseconds not below `shortest`; none stays none."""
        text = str(text)
        if not re.fullmatch(DURATION, text):
            raise ValueError(f"not a duration: {text!r}")
        milliseconds = sum(int(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|[smhdwy])", text))
        self.replaced += 1
        if self.factor == 1:
            return text
        return f"{max(shortest, round(milliseconds / self.factor))}ms" if milliseconds else "0s"

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
        if "interval" in group:
            group["interval"] = scale.duration(group["interval"])
        for rule in group["rules"]:
            rule["expr"] = scale.promql(str(rule["expr"]))
            for key in ("for", "keep_firing_for"):
                if key in rule:
                    rule[key] = scale.duration(rule[key])
            for key, template in rule.get("annotations", {}).items():
                rule["annotations"][key] = scale.promql(template)
    assert scale.replaced, "a rule file without a duration"
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=1000)


# The API

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
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=NEVER)
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
        """Its instances as the API tells them."""
        request = urllib.request.Request(
            self.base_url + "/instances", headers={"Accept": "application/json", "Authorization": f"Bearer {self.token}"})
        with urllib.request.urlopen(request, timeout=NEVER) as answer:
            return json.load(answer)


class BrokenAPI(FakeAPI):
    """An API with instances that work, which can be made to answer as any case of faults.py does."""

    def __init__(self, instances=6):
        super().__init__([instance(n, status="WORKING") for n in range(instances)])
        self.token = self.key
        self._honest = self.answer

    def fail(self, name):
        (self.answer,) = [case.answer for case in faults.CASES if case.name == name]

    def recover(self):
        self.answer = self._honest


# Receivers

class Notification:
    """One alert of one message of Alertmanager."""

    def __init__(self, at, receiver, alert):
        self.at, self.receiver = at, receiver
        self.status, self.labels, self.annotations = alert["status"], alert["labels"], alert["annotations"]
        self.starts = alert["startsAt"]

    @property
    def name(self):
        return self.labels["alertname"]

    def with_labels(self, labels):
        notification = copy.copy(self)
        notification.labels = labels
        return notification

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
        """The notifications that webhooks got, in order."""
        with self._lock:
            return list(self._notifications)

    @property
    def texts(self):
        """The texts that chats and mails got."""
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
                node[key] = [str(ALERTMANAGER_FILE.parent / name) for name in value]
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


# Between the exporter and who scrapes it

class ShiftedClock(http.server.ThreadingHTTPServer):
    """Passes an exporter's metrics on as if its clock were wrong: all times in them are shifted by so many seconds."""

    TIMES = re.compile(rb"^((?:\w+_timestamp_seconds|process_start_time_seconds)(?:\{.*\})?) ([0-9.e+]+)$", re.MULTILINE)

    def __init__(self, address, seconds):
        shift = lambda found: b"%s %.3f" % (found[1], float(found[2]) + seconds) if float(found[2]) else found[0]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                try:
                    with urllib.request.urlopen(f"http://{address}{self.path}", timeout=NEVER) as answer:
                        body = ShiftedClock.TIMES.sub(shift, answer.read())
                        kind = answer.headers["Content-Type"]
                except OSError as error:
                    self.send_error(502, str(error))
                    return
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.address = "127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __exit__(self, *arguments):
        self.shutdown()
        super().__exit__(*arguments)


# The whole

class Stack(contextlib.ExitStack):
    """An engine and Alertmanager with the shipped files, watching exporters that may be stopped and started again."""

    def __init__(self, folder, factor):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.factor = factor
        self.exporters = []
        self._arguments = None

    def start(self, base_url=None, *arguments, shards=1, watched=None, clock=0, **options):
        """Starts everything.

        - Parameters: `arguments` and `options` are the exporter's. `shards` exporters divide the accounts; those whose numbers are in
          `watched`, all by default, are targets. `clock` is by how many seconds their clocks are fast.
        """
        self._arguments = (base_url, arguments, shards, options)
        self.exporters = [None] * shards
        self.targets = []
        for shard in range(shards):
            self.start_exporter(shard)
            address = self.exporters[shard].address
            self.targets.append(self.enter_context(ShiftedClock(address, clock)).address if clock else address)
        self.receivers = self.enter_context(Receivers())
        (self.folder / "alertmanager.yml").write_text(
            scaled_alertmanager(ALERTMANAGER_FILE.read_text(), self.factor, self.folder, self.receivers))
        self.alertmanager = self.enter_context(Alertmanager(self.folder))

        (self.folder / "rules").mkdir()
        for file in RULES:
            (self.folder / "rules" / file.name).write_text(scaled_rules(file.read_text(), self.factor))
        configuration = self._write_configuration(range(shards) if watched is None else watched)
        self.engine = self.enter_context(
            ENGINE(self.folder, configuration["global"]["evaluation_interval"], self.factor, self.alertmanager))
        self.engine.start()
        wait_until(lambda: self.query("hypersender_up == 1"), 60, "there is a good poll", lambda: self.state())
        return self

    def _write_configuration(self, watched):
        file = yaml.safe_load(PROMETHEUS_FILE.read_text())
        scale = Scale(self.factor)
        jobs = [job for job in file["scrape_configs"] if job["job_name"] == JOB]
        assert len(jobs) == 1, file["scrape_configs"]
        for key in ("scrape_interval", "evaluation_interval"):
            file["global"][key] = scale.duration(file["global"][key])
        if self.factor != 1:
            # As long as can be: the machine has more than one of these to run.
            jobs[0]["scrape_timeout"] = file["global"]["scrape_interval"]
        file["rule_files"] = ["rules/*.yml"]
        file["alerting"] = {"alertmanagers": [{"static_configs": [{"targets": [self.alertmanager.address]}]}]}
        assert "static_configs" in jobs[0], jobs[0]
        jobs[0]["static_configs"] = [jobs[0]["static_configs"][0] | {"targets": [self.targets[shard] for shard in watched]}]
        file["scrape_configs"] = jobs
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(file))
        return file

    def watch(self, *shards):
        """Makes these the only targets, as a service discovery that no longer finds the others does."""
        self._write_configuration(shards)
        self.engine.reload()

    @property
    def target(self):
        return self.targets[0]

    # The exporter

    @property
    def exporter(self):
        """The only one, or the first."""
        return self.exporters[0]

    def start_exporter(self, shard=0):
        base_url, arguments, shards, options = self._arguments
        arguments = list(arguments)
        if shards > 1:
            arguments += [f"--shard={shard}", f"--total-shards={shards}"]
        # Again at the same place, if it has run before.
        arguments.append(f"--web.listen-address={self.exporters[shard].address if self.exporters[shard] else '127.0.0.1:0'}")
        if base_url:
            # Not by its parameter, which would set intervals for tests of another kind.
            arguments += [f"--hypersender.base-url={base_url}", *(f"--poll.{key.replace('_', '-')}={value}" for key, value in polls(self.factor).items())]
        self.exporters[shard] = Exporter(None, *arguments, **options)
        # A killed one may be killed again.
        self.callback(self.exporters[shard].kill)

    def restart_exporter(self):
        """A plain restart, as an upgrade does it; returns once the engine has seen the new process and a good poll of it."""
        before = self.value("process_start_time_seconds")
        code, _ = self.exporter.stop()
        if code != 0:
            raise AssertionError(f"the exporter ended with {code}\n{self.exporter.log}")
        self.start_exporter()
        wait_until(
            lambda: self.value("process_start_time_seconds") not in (None, before) and self.value("hypersender_up") == 1, 30 + 60 / self.factor,
            "there is a good poll of the new process", lambda: self.state())

    # The engine

    def restart_engine(self):
        self.engine.stop()
        self.engine.start()

    def query(self, expression):
        """Samples of an instant vector: each with its labels and value."""
        return [(sample["metric"], float(sample["value"][1])) for sample in self.engine.query(expression)]

    def value(self, expression):
        """The value of the only sample; None if there is none."""
        samples = self.query(expression)
        assert len(samples) < 2, samples
        return samples[0][1] if samples else None

    def evaluated(self, times, seconds=30):
        """Waits until the alerts have been evaluated so many times more."""
        since = self.engine.last_evaluations()
        for _ in range(times):
            before = since
            since = wait_until(
                lambda: (now := self.engine.last_evaluations()) and all(now[group] != before[group] for group in before) and now, seconds,
                "rules are evaluated")

    # Notifications

    @property
    def notifications(self):
        """The alerts that webhooks were told of, without the labels that only one engine gives."""
        return [n.with_labels(self.engine.shared_labels(n.labels)) for n in self.receivers.notifications]

    def told(self, status, name, **labels):
        """Notifications of a status about an alert."""
        return [
            n for n in self.notifications
            if n.status == status and n.name == name and all(n.labels.get(k) == v for k, v in labels.items())]

    def state(self):
        """For a failed assertion: what everybody knows."""
        lines = ["", "Notifications:", *map(repr, self.notifications)]
        with contextlib.suppress(OSError, AttributeError):
            lines += ["Alerts:", *(f"{a['state']} {a['labels']} since {a['activeAt']}" for a in self.engine.alerts())]
            lines += ["Rules that fail:", *map(str, self.engine.unhealthy_rules())]
        for exporter in filter(None, self.exporters):
            lines += ["Exporter:", exporter.log[-1500:]]
        return "\n".join(lines)


def polls(factor):
    """The settings of polls, by their names in the file of accounts."""
    scale = Scale(factor)
    return {"interval": scale.duration(POLL_INTERVAL), "timeout": scale.duration(POLL_TIMEOUT, shortest=1_000)}
