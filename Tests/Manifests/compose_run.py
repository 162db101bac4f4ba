"""deploy/compose as it runs. Called by `Tests/Manifests/compose`, as root, in a network of its own."""

import json
import os
import sys
import unittest
import urllib.request
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "EndToEnd")]
from manifests import DEPLOY, run  # noqa: E402
import timing  # noqa: E402

COMPOSE = DEPLOY / "compose"
TOKEN = COMPOSE / "secrets" / "hypersender-token"
# All but Grafana, for which there is no stand-in.
SERVICES = ("exporter", "prometheus", "alertmanager")


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def query(expression):
    text = get(9090, f"/api/v1/query?query={expression}")
    return json.loads(text)["data"]["result"] if text else []


def logs():
    return "".join(f"{name}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}\n"
                   for name in SERVICES if (done := run("podman", "logs", f"hypersender_{name}_1")))


def wait_until(condition, seconds, what):
    return timing.wait_until(condition, seconds, what, logs)


class ComposeRun(unittest.TestCase):
    def compose(self, files, *arguments):
        return run("podman-compose", *(part for file in files for part in ("-f", COMPOSE / file)), *arguments)

    def up(self, files, *services):
        self.addCleanup(self.compose, files, "down", "--volumes")
        done = self.compose(files, "up", "-d", "--no-build", *services)
        for name in services:
            wait_until(lambda: run("podman", "healthcheck", "run", f"hypersender_{name}_1").returncode == 0, 60,
                       f"{name} healthy\n{done.stderr}")

    def test_demo(self):
        self.up(["compose.yaml"], *SERVICES)
        for name in SERVICES:
            with self.subTest(name):
                (container,) = json.loads(run("podman", "inspect", f"hypersender_{name}_1").stdout)
                self.assertIs(container["HostConfig"]["ReadonlyRootfs"], True)
                self.assertFalse(container["EffectiveCaps"])
                self.assertFalse(container["BoundingCaps"])
                self.assertIn("no-new-privileges", container["HostConfig"]["SecurityOpt"])
                self.assertGreater(container["HostConfig"]["Memory"], 0)
        wait_until(lambda: query("hypersender_up==1"), 90, "a scrape of a good poll")
        wait_until(lambda: len(query("instance_id:hypersender_instance_status:code")) > 5, 60, "the recorded statuses")
        # All rules are loaded, and evaluate.
        rules = [rule for group in json.loads(get(9090, "/api/v1/rules"))["data"]["groups"] for rule in group["rules"]]
        self.assertGreater(len(rules), 25)
        self.assertEqual([(rule["name"], rule["lastError"]) for rule in rules if rule["health"] == "err"], [])
        active = json.loads(get(9090, "/api/v1/alertmanagers"))["data"]["activeAlertmanagers"]
        self.assertEqual(active, [{"url": "http://alertmanager:9093/api/v2/alerts"}])
        # The simulated account has instances in trouble: somebody is told.
        alerts = wait_until(lambda: json.loads(get(9093, "/api/v2/alerts") or "[]"), 300, "an alert at Alertmanager")
        self.assertTrue(all("runbook_url" in alert["annotations"] for alert in alerts), alerts)

    def test_real_account(self):
        self.addCleanup(TOKEN.unlink, missing_ok=True)
        TOKEN.touch(mode=0o400)
        TOKEN.write_text("1|a-key-of-nobody\n")
        # Only the exporter's user may read it.
        os.chown(TOKEN, 65532, 65532)
        self.up(["compose.yaml", "token.yaml"], "exporter")
        page = wait_until(lambda: "hypersender_last_poll_timestamp_seconds " in (page := get(10058, "/metrics")) and page, 30, "a poll")
        # There is no way out of this network: the poll failed, but not for want of the key.
        self.assertIn('\nhypersender_poll_failures_total{reason="token"} 0\n', page)
        self.assertRegex(page, r'\nhypersender_poll_failures_total\{reason="(dns|connect|timeout)"\} 1\n')
        self.assertIn("api=https://app.hypersender.com", logs())


if __name__ == "__main__":
    unittest.main()
