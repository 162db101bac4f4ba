"""Messages of Alertmanager as deploy/alertmanager/hypersender.tmpl writes them, against the files of `messages`. UPDATE_GOLDEN=1 writes those anew."""

import html.parser
import json
import os
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

import alertmanager
from engines import ALERTMANAGER, AMTOOL, Alertmanager
from exporter import TOP, wait_until
from timing import NEVER

TEMPLATE = alertmanager.PATH.with_name("hypersender.tmpl")
RULES = TOP / "deploy/prometheus/hypersender.rules.yml"
GOLDEN = pathlib.Path(__file__).parent / "messages"
FORMATS = {"title": "text", "slack": "text", "markdown": "text", "telegram": "html", "email": "html", "text": "text"}

ACTIONS = {
    rule["alert"]: rule["annotations"]["action"]
    for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"] if "alert" in rule}
TEXTS = {
    "NeedsQRScan": ("needs a QR scan", " waits for a QR scan since at least 2026-11-27 02:29:05.199 +0000 UTC and neither sends nor receives. Codes run "
                    "out after some three minutes: then restart the instance, or ask for a new one."),
    "Failed": ("has failed", " is FAILED since at least 2026-11-27 02:20:00 +0000 UTC, and was not asked for a QR scan before."),
}
# Markup of all kinds, a mention, a link, a template, a line that is none, and text that runs from right to left.
HOSTILE = '<b>*x*</b> `y` ~z~ @here <!channel> [a](https://evil.example) <https://evil.example|b> \\| & "q" \'s\' {{ .Labels }} $1\nSubject: z \u202eabc'


def alert(kind="NeedsQRScan", name="Billing Cairo", number=0, lasted=None, **labels):
    """An alert about an instance as Prometheus makes it."""
    identity = "fa3d01c4-1234-4c0d-a12f-" + (f"{number:012}" if number else "df319b612f8c")
    labels = {"account": "acme", "customer": "ACME & Sons"} | labels
    of = f" of account {labels['account']}"
    name_of_alert = f"HypersenderInstance{kind}"
    summary, description = TEXTS[kind]
    query = f"var-job=hypersender&var-account={urllib.parse.quote_plus(labels['account'])}"
    return {
        "status": "resolved" if lasted else "firing",
        "labels": {
            "alertname": name_of_alert, "severity": "critical", "scope": "instance", "job": "hypersender", "instance_id": identity,
            "instance_name": name} | labels,
        "annotations": {
            "summary": f"WhatsApp instance {name}{of} {summary}", "description": f"Instance {name} ({identity}){of}{description}",
            "action": ACTIONS[name_of_alert], "runbook_url": f"http://localhost:10058/runbooks#{name_of_alert.lower()}",
            "dashboard_url": f"http://localhost:3000/d/hypersender-instance?from=now-6h&{query}&var-find={identity}&var-instance_id={identity}"},
        "startsAt": "2026-11-27T02:29:48.123Z", "endsAt": f"2026-11-27T{lasted}Z" if lasted else "0001-01-01T00:00:00Z"}


CASES = {
    "one alert": [alert()],
    "it is resolved": [alert(lasted="02:35:53.123")],
    "twenty alerts": [alert(name=f"Shop {number}", number=number) for number in range(1, 21)],
    "two kinds, one of them resolved as well": [
        alert(), alert("Failed", "Sales Lagos", 2), alert("Failed", "Support", 3, lasted="04:00:00.123")],
    "twelve are resolved": [alert(name=f"Shop {number}", number=number, lasted="03:29:48.123") for number in range(1, 13)],
    "hostile names": [alert(name=HOSTILE, account=HOSTILE, customer=HOSTILE)],
    "two hostile names": [alert(name=HOSTILE, number=number, account=HOSTILE, customer=HOSTILE) for number in (1, 2)],
    "no labels that tell whose it is": [{
        **alert(), "labels": {name: value for name, value in alert()["labels"].items() if name not in ("account", "customer")}}],
    "an alert of somebody else": [{
        "status": "firing", "labels": {"alertname": "DiskFull", "team": "storage"}, "annotations": {},
        "startsAt": "2026-11-27T02:29:48Z", "endsAt": "0001-01-01T00:00:00Z"}],
}


def common(alerts, key):
    shared = set.intersection(*(set(each[key].items()) for each in alerts))
    return dict(sorted(shared))


def message(alerts):
    """The data that Alertmanager gives its templates."""
    return {
        "receiver": "on-call", "status": "firing" if any(each["status"] == "firing" for each in alerts) else "resolved", "alerts": alerts,
        "commonLabels": common(alerts, "labels"), "commonAnnotations": common(alerts, "annotations"), "externalURL": "http://localhost:9093"}


def render(name, alerts):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as data:
        json.dump(message(alerts), data)
        data.flush()
        done = subprocess.run(
            [AMTOOL, "template", "render", f"--template.glob={TEMPLATE}", f"--template.type={FORMATS[name]}", f"--template.data={data.name}",
             f'--template.text={{{{ template "hypersender.{name}" . }}}}'], capture_output=True, text=True, timeout=NEVER, check=False)
    if done.returncode or done.stderr:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


class Elements(html.parser.HTMLParser):
    """The elements, the targets of links, and the text of a page."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.targets, self.text, self.depth = set(), [], "", 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.depth += 1
        self.targets += [value for name, value in attributes if name == "href"]

    def handle_endtag(self, tag):
        self.depth -= 1

    def handle_data(self, data):
        self.text += data


class Messages(unittest.TestCase):
    def test_are_as_they_should_be(self):
        for name in FORMATS:
            with self.subTest(name):
                text = "".join(f"===== {case}\n{render(name, alerts)}\n" for case, alerts in CASES.items())
                file = GOLDEN / f"{name}.txt"
                if os.environ.get("UPDATE_GOLDEN"):
                    file.write_text(text)
                self.assertEqual(text, file.read_text())

    def test_name_nothing_that_templates_do_not_have(self):
        for name in FORMATS:
            for case, alerts in CASES.items():
                with self.subTest(name, case=case):
                    self.assertNotRegex(render(name, alerts), r"<no value>|ZgotmplZ|%!|\{\{|\n\n\n")

    def test_of_hostile_names_are_plain(self):
        for case in ("hostile names", "two hostile names"):
            for name in ("title", "slack", "markdown", "text"):
                with self.subTest(name, case=case):
                    text = render(name, CASES[case])
                    # Written by the templates themselves.
                    text = re.sub(r"\*\*?First:\*\*?|<http://localhost[^<>| ]*\|\w+( \w+)?>|\[\w+( \w+)?\]\(http://localhost[^() ]*\)", "", text)
                    text = re.sub(r"(?m)^(Dashboard|Runbook|Status page|Alertmanager): http://localhost:\d+\S*$", "", text)
                    self.assertNotRegex(text, r"[<>{}@*`~|\\\[\]\u202e]|//|\nSubject")
            self.assertNotIn("\n", render("title", CASES[case]))
            page = Elements(render("telegram", CASES[case]))
            # All that Telegram knows of HTML, and each closed.
            self.assertLessEqual(page.elements, {"b", "a"})
            self.assertEqual(page.depth, 0)
            page = Elements(render("email", CASES[case]))
            self.assertLessEqual(page.elements, {"html", "body", "h2", "h3", "p", "b", "a"})
            for target in page.targets:
                self.assertRegex(target, r"^http://localhost:\d+(/|$)")

    def test_fit_where_they_go(self):
        """Longer texts are cut, and HTML would break by that."""
        for case in ("twenty alerts", "hostile names", "two hostile names", "twelve are resolved"):
            with self.subTest(case):
                self.assertLess(len(render("telegram", CASES[case])), 4096)
                self.assertLess(len(render("markdown", CASES[case])), 2048)

    def test_the_front_page_shows_one(self):
        front = (TOP / "README.md").read_text().split("<!-- message -->\n", 1)[1].split("<!-- /message -->", 1)[0]
        shown = re.sub(r"(?m)^> ?", "", front)
        expected = f"**{render('title', CASES['one alert'])}**\n\n{render('markdown', CASES['one alert'])}\n"
        without_targets = lambda text: " ".join(re.sub(r"\[([\w ]+)\]\([^)]*\)", r"\1", text).split())
        self.assertEqual(without_targets(shown), without_targets(expected))


# The blocks of alertmanager.yml that wait for their `#` to be taken away, and the version of Alertmanager that takes them.
WAITING = {"pagerduty": (0, 25), "opsgenie": (0, 25), "telegram": (0, 26), "discord": (0, 28), "msteamsv2": (0, 28)}


def version(program):
    done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=NEVER, check=False)
    return tuple(map(int, re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr).groups()))


class Receivers(unittest.TestCase):
    """Those of alertmanager.yml that are commented out."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.folder / TEMPLATE.name).write_text(TEMPLATE.read_text())

    def with_all(self, version):
        """The configuration with all that this version takes, and their names."""
        text, names = alertmanager.PATH.read_text(), []
        for name, since in WAITING.items():
            (block,) = re.findall(rf"(?m)^    # {name}_configs:.*\n(?:    #   .*\n)+", text)
            if version >= since:
                text = text.replace(block, re.sub(r"(?m)^    # ", "    ", block))
                names.append(name)
        return text, names

    def test_are_all_that_wait(self):
        names = set(re.findall(r"(?m)^    # (\w+)_configs:", alertmanager.PATH.read_text()))
        self.assertEqual(names, set(WAITING))

    def test_can_be_taken(self):
        text, names = self.with_all(version(AMTOOL))
        self.assertIn("pagerduty", names)
        (self.folder / "alertmanager.yml").write_text(text)
        done = subprocess.run(
            [AMTOOL, "check-config", self.folder / "alertmanager.yml"], capture_output=True, text=True, timeout=NEVER, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @unittest.skipUnless(ALERTMANAGER, "needs Alertmanager")
    def test_send_what_the_templates_write(self):
        """Each to a stand-in for its service, with a hostile name."""
        found = {}

        class Service(BaseHTTPRequestHandler):
            def do_POST(self):
                found[self.path] = self.rfile.read(int(self.headers["Content-Length"])).decode()
                self.send_response(202 if "pagerduty" in self.path or "opsgenie" in self.path else 200)
                self.end_headers()
                self.wfile.write(b'{"ok": true, "result": {"message_id": 1, "chat": {"id": 1}}}')

            def log_message(self, *_):
                pass

        service = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        url = f"http://127.0.0.1:{service.server_address[1]}"
        text, names = self.with_all(version(ALERTMANAGER))
        file = yaml.safe_load(text)
        (receiver,) = [each for each in file["receivers"] if each["name"] == "on-call"]
        configurations = {name: receiver[f"{name}_configs"][0] for name in names}
        if "telegram" not in names:
            # An older one knows it too, with the token in the file.
            (block,) = re.findall(r"(?m)^    # telegram_configs:.*\n(?:    #   .*\n)+", text)
            (configurations["telegram"],) = yaml.safe_load(re.sub(r"(?m)^    # ", "", block))["telegram_configs"]
            configurations["telegram"]["bot_token"] = "1:a"
            del configurations["telegram"]["bot_token_file"]
        for name, configuration in configurations.items():
            for key in [key for key in configuration if key.endswith("_file")]:
                secret = self.folder / f"{name}-{key}"
                secret.write_text(f"{url}/{name}" if key == "webhook_url_file" else "1:a")
                configuration[key] = str(secret)
        configurations["pagerduty"]["url"] = f"{url}/pagerduty"
        configurations["opsgenie"]["api_url"] = f"{url}/opsgenie/"
        configurations["telegram"]["api_url"] = url
        file["receivers"] = [{"name": "all"} | {f"{name}_configs": [each] for name, each in configurations.items()}]
        file["route"] = {"receiver": "all", "group_wait": "0s"}
        file["global"] = {}
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(file))
        process = self.enterContext(Alertmanager(self.folder))
        posted = {key: value for key, value in CASES["hostile names"][0].items() if key in ("labels", "annotations")}
        request = urllib.request.Request(
            f"http://{process.address}/api/v2/alerts", json.dumps([posted]).encode(), {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=NEVER).close()
        wait_until(lambda: len(found) == len(configurations), 60, "all are told", lambda: f"{sorted(found)}\n{process.log[-2000:]}")
        first = ACTIONS["HypersenderInstanceNeedsQRScan"]
        for path, body in found.items():
            with self.subTest(path):
                self.assertIn(first, body)
                self.assertNotRegex(body, r"<no value>|ZgotmplZ")
        (body,) = [body for path, body in found.items() if "/bot" in path]
        said = json.loads(body)["text"]
        self.assertLessEqual(Elements(said).elements, {"b", "a"})
        self.assertEqual(said.count("<b>"), 2)
        self.assertIn("First:</b> " + first, said)


if __name__ == "__main__":
    unittest.main()
