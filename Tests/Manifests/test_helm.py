"""The chart, as Helm's own library renders it, with the values of its directory `ci`."""

import functools
import os
import re
import shutil
import tarfile
import tempfile
import unittest
from pathlib import Path

import helm_python
import yaml

from manifests import (
    CHART, DASHBOARDS, ROOT, RULES, Judged, check_rules, container, of_kind, pod, program_version, run, source_rules, the, tuned_rules, workload)

VALUES = {path.name.removesuffix("-values.yaml"): yaml.safe_load(path.read_text()) for path in sorted((CHART / "ci").glob("*-values.yaml"))}
# As an installation with these values beside its own.
VALUES["openshift"] = yaml.safe_load((CHART / "values-openshift.yaml").read_text()) | {"existingSecret": "hypersender"}
VALUES["openshift"]["networkPolicy"]["enabled"] = True
DIGEST = "sha256:" + "0" * 64


# For the settings of rules, each differs from its default.
THRESHOLDS = {"tooFewWorkingRatio": 0.75, "tooFewWorkingInstances": 3, "flappingChanges": 8, "unreliableChanges": 9, "exporterRestarts": 5}


@functools.cache
def shipped():
    return helm_python.Chart.load(CHART)


def render(values, name="watch", chart=None):
    files = (chart or shipped()).render(values, name=name, namespace="hs")
    documents, notes = [], ""
    for path, text in files.items():
        if path.endswith("NOTES.txt"):
            notes = text
        else:
            documents += [document for document in yaml.safe_load_all(text) if document]
    return documents, notes


def rules(settings, chart=None, **values):
    """The groups of the chart's PrometheusRule."""
    documents, _ = render({"demo": True, "prometheusRule": {"enabled": True, **settings}, **values}, chart=chart)
    return the(documents, "PrometheusRule")["spec"]["groups"]


@functools.cache
def rendered_all():
    return {name: render(values)[0] for name, values in VALUES.items()}


class ChartTests(Judged, unittest.TestCase):
    # These values take a key from the environment on purpose, and leave the user to OpenShift.
    accepted_findings = [(check, "Deployment.hs.watch-hypersender-exporter") for check in ("CKV_K8S_35", "CKV_K8S_40")]
    secret_files = ("acme.token", "globex.token")

    @property
    def rendered(self):
        return rendered_all()

    def test_lint(self):
        for name, values in {"defaults": {}, **VALUES}.items():
            with self.subTest(name):
                report = helm_python.lint(CHART, values, strict=True)
                self.assertEqual(report["total_charts_linted"], 1)
                self.assertEqual(report["errors"], [])
                self.assertEqual([message for message in report["messages"] if message["severity"] > 1], [])

    def test_versions(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        self.assertEqual((chart["version"], chart["appVersion"]), (program_version(), program_version()))

    def test_package(self):
        with tempfile.TemporaryDirectory() as directory:
            path = helm_python.package(CHART, destination=directory)
            with tarfile.open(path) as archive:
                names = {name.removeprefix("hypersender-exporter/") for name in archive.getnames()}
                # The checkout has links in their places.
                packaged = {name.rpartition("/")[2]: archive.extractfile("hypersender-exporter/" + name).read()
                            for name in names if name.startswith("files/") and not name.endswith("/dashboards")}
            with helm_python.Chart.load(path) as chart:
                self.assertEqual(rules({}, chart), rules({}))
        sources = [RULES, *DASHBOARDS.glob("*.json")]
        self.assertEqual({path.name: packaged.get(path.name) for path in sources}, {path.name: path.read_bytes() for path in sources})
        self.assertLessEqual({"values.schema.json", "templates/NOTES.txt"}, names)
        self.assertFalse([name for name in names if name.startswith("ci/")])

    def test_the_chart_of_a_release_names_its_image(self):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "chart.tgz"
            done = run(ROOT / "deploy/package/chart", "9.8.7-git20261127.1.gabcdef0", path,
                       env={**os.environ, "SOURCE_DATE_EPOCH": "1", "EXPORTER_IMAGE": "ghcr.io/acme/hypersender-exporter"})
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(helm_python.lint(path, {"demo": True}, strict=True)["errors"], [])
            with helm_python.Chart.load(path) as chart:
                documents, _ = render({"demo": True}, chart=chart)
        self.assertEqual(container(documents)["image"], "ghcr.io/acme/hypersender-exporter:9.8.7-git20261127.1.gabcdef0")
        self.assertLessEqual(max(len(label) for label in workload(documents)["metadata"]["labels"].values()), 63)

    def test_every_value_has_its_place_in_the_schema(self):
        def properties(schema, path=""):
            for name, below in schema.get("properties", {}).items():
                yield path + name
                yield from properties(below, f"{path}{name}.")

        def leaves(values, schema, path=""):
            for name, value in values.items():
                self.assertIn(name, schema["properties"], path + name)
                yield path + name
                if isinstance(value, dict) and "properties" in schema["properties"][name]:
                    yield from leaves(value, schema["properties"][name], f"{path}{name}.")

        schema, values = shipped().schema, shipped().values
        # Helm gives every chart `global`; the other probes' settings are Kubernetes' own defaults.
        optional = {"global"} | {f"{probe}Probe.{name}" for probe in ("liveness", "readiness")
                                 for name in ("initialDelaySeconds", "successThreshold")}
        # The rule file has these.
        optional |= {f"prometheusRule.thresholds.{name}" for name in THRESHOLDS}
        self.assertEqual(set(leaves(values, schema)), set(properties(schema)) - optional)

    def test_schema_refuses(self):
        for values in (
            {"demo": "yes"}, {"existingSecrets": "a"}, {"sharding": {"replicas": 0}}, {"extraArgs": ["poll.interval=30s"]},
            {"accounts": [{"name": "acme"}]}, {"accounts": [{"name": "acme", "token": "1|abc"}]}, {"image": {"digest": "sha256:abc"}},
            {"serviceMonitor": {"interval": "half a minute"}}, {"prometheusRule": {"disabled": ["HypersenderInstanceStopped"]}},
            {"prometheusRule": {"thresholds": {"flapping": 8}}}, {"prometheusRule": {"selector": "hypersender"}},
            {"prometheusRule": {"overrides": {"HypersenderInstanceStopped": {"enable": False}}}},
            {"prometheusRule": {"overrides": {"HypersenderInstanceStopped": {"severity": "page"}}}},
            {"accounts": [{"name": "acme", "token_file": "a", "poll_intervall": "30s"}]},
            {"dashboards": {"labels": {"grafana_dashboard": 1}}},
        ):
            with self.subTest(values), self.assertRaises(helm_python.HelmError) as raised:
                render({"existingSecret": "a", **values})
            self.assertIn("schema", str(raised.exception))

    def test_values_at_odds_are_refused_with_a_reason(self):
        account = {"name": "acme", "token_file": "acme.token"}
        for values, reason in (
            ({}, "Nothing to watch"),
            ({"demo": True, "token": "1|a"}, "demo=true needs no key"),
            ({"existingSecret": "a", "token": "1|a"}, "not both"),
            ({"token": "1|a", "accounts": [account]}, "token is for one account"),
            ({"existingSecret": "a", "sharding": {"enabled": True}}, "sharding.enabled divides accounts"),
            ({"accounts": [account]}, "account acme names a token_file"),
            ({"demo": True, "prometheusRule": {"enabled": True, "overrides": {"HypersenderInstanceStoped": {"enabled": False}}}},
             "prometheusRule.overrides: there is no alert HypersenderInstanceStoped"),
        ):
            with self.subTest(values), self.assertRaises(helm_python.HelmError) as raised:
                render(values)
            self.assertIn(reason, str(raised.exception))

    def test_rules_are_those_of_the_source(self):
        self.assertEqual(rules({}), source_rules("http://watch-hypersender-exporter.hs.svc:10058/runbooks"))
        for name in VALUES:
            with self.subTest(name):
                self.assertEqual(check_rules(self.rendered[name]), "")

    def test_rules_with_all_settings_are_those_that_generate_makes(self):
        selector = r'job=~"whatsapp-\\d+|$x",cluster="eu"'
        shared = {"selector": selector, "targetLabels": ["instance", "pod", "zone"], "runbookUrl": "https://wiki.example.com/$1/runbooks",
                  "grafanaUrl": "https://grafana.example.com/$1"}
        labels = {"team": "messaging", "Pager2": "no"}
        names = {rule["alert"]: rule for group in source_rules() for rule in group["rules"] if "alert" in rule}
        overrides = {
            name: {"for": f"{number + 1}h", "keepFiringFor": f"{number + 1}d", "severity": "info" if severity == "critical" else "critical",
                   "labels": {"team": name, "a_number": str(number)}, "enabled": number % 5 != 0}
            for number, (name, severity) in enumerate((name, rule["labels"]["severity"]) for name, rule in names.items())}
        # Named, and as it is.
        overrides["HypersenderInstanceFailed"] = {}
        found = rules({**shared, "interval": "10s", "thresholds": THRESHOLDS, "additionalAlertLabels": labels, "overrides": overrides})
        expected = tuned_rules(
            {name: override | {"labels": labels | override.get("labels", {})} for name, override in overrides.items()},
            **shared, evaluationInterval="10s", **THRESHOLDS)
        self.assertEqual(found, expected)
        self.assertEqual(check_rules([{"kind": "PrometheusRule", "spec": {"groups": found}}]), "")
        # Nothing was left as it was.
        before, after = ({rule.get("record") or rule["alert"]: rule for group in groups for rule in group["rules"]}
                         for groups in (source_rules(), found))
        text = str(found)
        for default in ("hypersender.*", "hostname", "localhost", " for 2m", " for 30m"):
            self.assertNotIn(default, text)
        self.assertEqual(set(before) - set(after), {name for name, override in overrides.items() if override.get("enabled") is False})
        for name in set(names) & set(after) - {"HypersenderInstanceFailed"}:
            for key in ("for", "keep_firing_for"):
                self.assertNotEqual(before[name].get(key), after[name][key], name)

    def test_runbooks_are_at_the_service(self):
        for values, address in (
            ({"service": {"type": "NodePort", "port": 80}}, "http://watch-hypersender-exporter.hs.svc:80/runbooks"),
            ({"service": {"port": 80}}, "http://watch-hypersender-exporter.hs.svc:10058/runbooks"),
            ({"webConfig": {"existingSecret": "web", "tls": True}}, "https://watch-hypersender-exporter.hs.svc:10058/runbooks"),
        ):
            with self.subTest(values):
                self.assertEqual(rules({}, **values), source_rules(address))
        # The StatefulSet's Service has the same name.
        self.assertEqual(workload(self.rendered["sharded"])["spec"]["serviceName"], "watch-hypersender-exporter")
        self.assertEqual(the(self.rendered["sharded"], "PrometheusRule")["spec"]["groups"],
                         source_rules("http://watch-hypersender-exporter.hs.svc:10058/runbooks"))

    def test_values_tell_the_defaults_of_rules(self):
        text = (CHART / "values.yaml").read_text()
        block = re.search(r"(?m)^  thresholds: {}\n((?:  #.*\n)+?)  # Single", text)[1]
        thresholds = yaml.safe_load(re.sub(r"(?m)^  #", "", block))
        self.assertEqual(set(thresholds), set(THRESHOLDS))
        interval = re.search(r"evaluations of the rules: (\w+)\.", text)[1]
        selector = re.search(r"exporter's targets: (.*)\.", text)[1]
        labels = re.search(r"place of all of these:\n  # (.*)\.", text)[1].split(", ")
        self.assertEqual(rules({"thresholds": thresholds, "interval": interval, "selector": selector, "targetLabels": labels}), rules({}))
        example = yaml.safe_load(re.sub(r"(?m)^  #", "", re.search(r"(?m)^  overrides: {}\n((?:  #.*\n)+)", text)[1]))
        self.assertEqual(rules({"overrides": example}),
                         tuned_rules(example, runbookUrl="http://watch-hypersender-exporter.hs.svc:10058/runbooks"))

    def test_a_rule_file_in_which_a_setting_has_no_place_is_refused(self):
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory) / CHART.name
            shutil.copytree(CHART, folder)
            file = folder / "files" / RULES.name
            for text, setting in (("http://localhost:10058/runbooks", "runbookUrl"), ("http://localhost:3000", "grafanaUrl"), ("last_known_ratio < ", "tooFewWorkingRatio"),
                                  ("No target fits", "selector"), ("alertgroup", "labels"), ("interval: 15s", "interval")):
                with self.subTest(setting), self.assertRaises(helm_python.HelmError) as raised:
                    file.write_text(RULES.read_text().replace(text, "x"))
                    with helm_python.Chart.load(folder) as chart:
                        rules({}, chart)
                self.assertIn(f"no place for prometheusRule.{setting}", str(raised.exception))

    def test_defaults_create_no_more_than_needed(self):
        documents, _ = render({"existingSecret": "hypersender"})
        self.assertEqual(sorted(each["kind"] for each in documents), ["Deployment", "Service", "ServiceAccount"])

    def test_toggles(self):
        for value, kind in (("serviceMonitor", "ServiceMonitor"), ("prometheusRule", "PrometheusRule"), ("dashboards", "ConfigMap"),
                            ("networkPolicy", "NetworkPolicy")):
            with self.subTest(value):
                documents, _ = render({"demo": True, value: {"enabled": True}})
                self.assertEqual({each["kind"] for each in documents}, {"Deployment", "Service", "ServiceAccount", kind})

    def test_names_and_labels_are_one_releases_own(self):
        documents, _ = render({"demo": True, "networkPolicy": {"enabled": True}}, name="hypersender-exporter")
        self.assertEqual(workload(documents)["metadata"]["name"], "hypersender-exporter")
        for name, release in (("first", "first-hypersender-exporter"), ("x" * 53, "x" * 52)):
            documents, _ = render({"demo": True}, name=name)
            self.assertEqual(workload(documents)["metadata"]["name"], release)
            self.assertEqual(the(documents, "Service")["spec"]["selector"]["app.kubernetes.io/instance"], name)

    def test_key_of_the_secret(self):
        (source,) = pod(self.rendered["complete"])["volumes"][0]["projected"]["sources"]
        self.assertEqual(source["secret"], {"name": "hypersender", "items": [{"key": "api-key", "path": "token"}]})
        (source,) = pod(self.rendered["token"])["volumes"][0]["projected"]["sources"]
        self.assertEqual(source["secret"], {"name": "whatsapp", "items": [{"key": "token", "path": "token"}]})
        self.assertEqual(the(self.rendered["token"], "Secret")["data"], {"token": "MXxleGFtcGxl"})

    def test_pods_start_anew_with_changed_accounts(self):
        values = VALUES["sharded"]
        annotations = [workload(render({**values, "accounts": accounts})[0])["spec"]["template"]["metadata"]["annotations"]
                       for accounts in (values["accounts"], values["accounts"][:1])]
        self.assertNotEqual(annotations[0]["checksum/accounts"], annotations[1]["checksum/accounts"])

    def test_web_configuration_changes_probes_and_scrape(self):
        documents = self.rendered["complete"]
        self.assertEqual(container(documents)["livenessProbe"]["httpGet"]["scheme"], "HTTPS")
        self.assertEqual(container(documents)["readinessProbe"]["httpGet"]["scheme"], "HTTPS")
        self.assertEqual(the(documents, "ServiceMonitor")["spec"]["endpoints"][0]["scheme"], "https")
        self.assertIn("--web.config.file=/etc/hypersender-exporter-web/web-config.yaml", container(documents)["args"])

    def test_openshift_gives_users_and_groups(self):
        documents = self.rendered["openshift"]
        self.assertEqual(pod(documents)["securityContext"], {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
        policy, usual = (the(each, "NetworkPolicy")["spec"] for each in (documents, self.rendered["sharded"]))
        self.assertEqual([each["port"] for each in policy["egress"][0]["ports"]], [53, 53, 5353, 5353])
        self.assertEqual(policy["egress"][1], usual["egress"][1])

    def test_image_digest_wins(self):
        documents, _ = render({"demo": True, "image": {"digest": DIGEST, "tag": "9.9.9"}})
        self.assertTrue(container(documents)["image"].endswith(f"hypersender-exporter@{DIGEST}"))

    def test_notes(self):
        for values, said, unsaid in (
            ({"demo": True}, ["simulated account", "Nobody scrapes it yet", "prometheusRule.enabled=true", "dashboards.enabled=true"],
             ["Secret hyper"]),
            (VALUES["complete"], ["Secret hypersender"], ["Nobody scrapes", "dashboards.enabled"]),
            (VALUES["token"], ["in the release's values"], ["1|example"]),
        ):
            _, notes = render(values)
            for text in said:
                self.assertIn(text, notes)
            for text in unsaid:
                self.assertNotIn(text, notes)


if __name__ == "__main__":
    unittest.main()
