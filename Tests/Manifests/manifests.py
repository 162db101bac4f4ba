"""Shared by the tests of the Kubernetes manifests: rendering, and judging what was rendered."""

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema
import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "hypersender.rules.yml"
DASHBOARDS = ROOT / "grafana" / "dashboards"
CHART = DEPLOY / "helm" / "hypersender-exporter"
KUBERNETES = "1.34"
# The folder into which pip puts programs.
TOOLS = Path(sys.executable).parent

# Of the security scanner's checks, those that are not followed, and why.
SKIPPED_CHECKS = {
    "CKV_K8S_15": "the image's tag is a version, which is never moved; Always would keep pods from starting while the registry is down",
    "CKV_K8S_43": "a digest is known only once an image is published; the chart takes one in image.digest",
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)


@functools.cache
def kustomized(directory):
    done = run("kubectl", "kustomize", DEPLOY / "kubernetes" / directory)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(f"kubectl kustomize {directory}: {done.stderr}")
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def the(documents, *kinds):
    found = of_kind(documents, *kinds)
    assert len(found) == 1, f"{len(found)} of {kinds}"
    return found[0]


def workload(documents):
    return the(documents, "Deployment", "StatefulSet")


def pod(documents):
    return workload(documents)["spec"]["template"]["spec"]


def container(documents):
    (only,) = pod(documents)["containers"]
    return only


def source_rules(runbook_url="http://localhost:10058/runbooks"):
    """The groups of the rule file, with the runbooks at another address."""
    return yaml.safe_load(RULES.read_text().replace("http://localhost:10058/runbooks", runbook_url))["groups"]


def tuned_rules(alerts=(), **settings):
    """The groups that `deploy/mixin/generate rules` makes of settings; those of alerts are named by `alerts`."""
    lines = [f"{name}: {json.dumps(value)}," for name, value in settings.items()]
    lines += ["alerts+: {", *(f"{name}+: {json.dumps(value)}," for name, value in dict(alerts).items()), "},"]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "settings.jsonnet"
        path.write_text("{ _config+:: {" + "\n".join(lines) + "} }")
        done = run(DEPLOY / "mixin/generate", "rules", path)
    if done.returncode != 0 or done.stderr:
        raise AssertionError(done.stderr)
    return yaml.safe_load(done.stdout)["groups"]


def _object(properties, *required):
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": list(required)}


_STRING = {"type": "string"}
_STRINGS = {"type": "array", "items": _STRING}
_LABELS = {"type": "object", "additionalProperties": _STRING}
_DURATION = {"type": "string", "pattern": r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$"}
_META = _object({"name": _STRING, "namespace": _STRING, "labels": _LABELS, "annotations": _LABELS}, "name", "labels")
_KEY = _object({"name": _STRING, "key": _STRING}, "name", "key")
_RELABELINGS = {"type": "array", "items": _object(
    {"sourceLabels": _STRINGS, "separator": _STRING, "regex": _STRING, "targetLabel": _STRING, "replacement": _STRING,
     "action": {"enum": ["replace", "keep", "drop", "labeldrop", "labelkeep", "labelmap"]}})}
_TLS = _object({"ca": _object({"secret": _KEY, "configMap": _KEY}), "cert": _object({"secret": _KEY, "configMap": _KEY}),
                "keySecret": _KEY, "serverName": _STRING, "insecureSkipVerify": {"type": "boolean"}})
_RULE = dict(
    _object({"alert": _STRING, "record": _STRING, "expr": _STRING, "for": _DURATION, "keep_firing_for": _DURATION, "labels": _LABELS,
             "annotations": _LABELS}, "expr"),
    oneOf=[{"required": ["alert"]}, {"required": ["record"]}])

# The Prometheus Operator's kinds are no part of Kubernetes' own schemas. This is what its v1 definitions say of the fields used here.
OPERATOR = {
    "ServiceMonitor": _object(
        {"apiVersion": {"const": "monitoring.coreos.com/v1"}, "kind": _STRING, "metadata": _META,
         "spec": _object(
             {"jobLabel": _STRING, "namespaceSelector": _object({"any": {"type": "boolean"}, "matchNames": _STRINGS}),
              "selector": _object({"matchLabels": _LABELS}, "matchLabels"),
              "endpoints": {"type": "array", "minItems": 1, "items": _object(
                  {"port": _STRING, "path": _STRING, "scheme": {"enum": ["http", "https"]}, "interval": _DURATION,
                   "scrapeTimeout": _DURATION, "tlsConfig": _TLS, "basicAuth": _object({"username": _KEY, "password": _KEY}),
                   "honorLabels": {"type": "boolean"}, "relabelings": _RELABELINGS, "metricRelabelings": _RELABELINGS}, "port")}},
             "selector", "endpoints")},
        "metadata", "spec"),
    "PrometheusRule": _object(
        {"apiVersion": {"const": "monitoring.coreos.com/v1"}, "kind": _STRING, "metadata": _META,
         "spec": _object({"groups": {"type": "array", "minItems": 1, "items": _object(
             {"name": _STRING, "interval": _DURATION, "limit": {"type": "integer"},
              "rules": {"type": "array", "minItems": 1, "items": _RULE}},
             "name", "rules")}}, "groups")},
        "metadata", "spec"),
}


def validate(document):
    """Raises where a document is not what its kind's schema says, unknown fields included."""
    if document["kind"] in OPERATOR:
        jsonschema.validate(document, OPERATOR[document["kind"]])
    else:
        kubernetes_validate.validate(document, KUBERNETES, strict=True)


def restricted_violations(spec, user=65532):
    """The parts of a pod's specification that the Pod Security Standard `restricted` refuses, and what else we ask of ours.

    `user` is None where OpenShift is to choose one.
    """
    found = []
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True:
        found.append("runAsNonRoot")
    if security.get("runAsUser") != user:
        found.append("runAsUser")
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        found.append("seccompProfile")
    if spec.get("automountServiceAccountToken") is not False:
        found.append("automountServiceAccountToken")
    found += [key for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    found += [f"volume {volume['name']}" for volume in spec.get("volumes", [])
              if not {"configMap", "secret", "projected", "emptyDir"} & set(volume)]
    for each in spec["containers"] + spec.get("initContainers", []):
        security = each.get("securityContext", {})
        if security.get("allowPrivilegeEscalation") is not False:
            found.append("allowPrivilegeEscalation")
        if security.get("readOnlyRootFilesystem") is not True:
            found.append("readOnlyRootFilesystem")
        if security.get("capabilities") != {"drop": ["ALL"]}:
            found.append("capabilities")
        if security.get("privileged"):
            found.append("privileged")
        resources = each.get("resources", {})
        found += [f"{kind} {what}" for kind in ("requests", "limits") for what in ("cpu", "memory") if what not in resources.get(kind, {})]
        found += [f"volume mount {mount['name']}" for mount in each.get("volumeMounts", []) if mount.get("readOnly") is not True]
    return found


def scan(documents):
    """The findings of a security scanner, as pairs of check and resource, and how many checks passed."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "all.yaml").write_text(yaml.safe_dump_all(documents))
        done = run(TOOLS / "checkov", "--skip-download", "--framework", "kubernetes", "--compact", "--output=json", "--soft-fail",
                   "--skip-check", ",".join(SKIPPED_CHECKS), "-d", directory)
        report = json.loads(done.stdout)
    return [(check["check_id"], check["resource"]) for check in report["results"]["failed_checks"]], report["summary"]["passed"]


def check_rules(documents):
    """The complaints of promtool about the rules in PrometheusRules."""
    groups = [group for rule in of_kind(documents, "PrometheusRule") for group in rule["spec"]["groups"]]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": groups}, file)
        file.flush()
        done = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", file.name)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def configuration_errors(arguments, files, environment=()):
    """Lets the exporter read these arguments with these files below /etc/hypersender-exporter; empty if it finds no mistake."""
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = Path(directory) / name
            path.write_text(text)
            path.chmod(0o400)
        # The number comes from the pod's host name, which this machine has not.
        arguments = ["--shard=0" if each == "--shard-from-hostname" else each for each in arguments]
        arguments = [each.replace("/etc/hypersender-exporter", directory) for each in arguments]
        done = run(os.environ["EXPORTER"], "--config.check", *arguments, env={**dict(environment), "PATH": os.environ["PATH"]})
    return "" if done.returncode == 0 else done.stdout + done.stderr


def program_version():
    return re.search(r'^let release = "([^"]+)"', (ROOT / "Package.swift").read_text(), re.MULTILINE)[1]


class Judged:
    """The demands on manifests, whoever rendered them. For a TestCase, whose `rendered` names sets of them."""

    def test_schema(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                for document in documents:
                    with self.subTest(document["kind"], name=document["metadata"]["name"]):
                        validate(document)

    def test_restricted_pod_security(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                self.assertEqual(restricted_violations(pod(documents), user=None if name == "openshift" else 65532), [])
                self.assertIs(the(documents, "ServiceAccount")["automountServiceAccountToken"], False)

    def test_security_scanner(self):
        failed, passed = scan([document for documents in self.rendered.values() for document in documents])
        self.assertEqual([found for found in failed if found not in self.accepted_findings], [])
        self.assertGreater(passed, 80 * len(self.rendered))

    def test_service_and_probes_reach_the_pod(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                service = the(documents, "Service")
                labels = workload(documents)["spec"]["template"]["metadata"]["labels"]
                self.assertLessEqual(service["spec"]["selector"].items(), labels.items())
                self.assertLessEqual(workload(documents)["spec"]["selector"]["matchLabels"].items(), labels.items())
                self.assertIs(service["spec"]["publishNotReadyAddresses"], True)
                self.assertEqual(service["spec"]["ports"], [{"name": "metrics", "port": 10058, "targetPort": "metrics", "protocol": "TCP"}])
                self.assertEqual(container(documents)["ports"], [{"name": "metrics", "containerPort": 10058, "protocol": "TCP"}])
                for probe, path in (("livenessProbe", "/-/healthy"), ("readinessProbe", "/-/ready")):
                    request = container(documents)[probe]["httpGet"]
                    self.assertEqual((request["path"], request["port"]), (path, "metrics"))
                for policy in of_kind(documents, "NetworkPolicy"):
                    self.assertLessEqual(policy["spec"]["podSelector"]["matchLabels"].items(), labels.items())
                    self.assertEqual(policy["spec"]["policyTypes"], ["Ingress", "Egress"])
                if workload(documents)["kind"] == "StatefulSet":
                    self.assertEqual(workload(documents)["spec"]["serviceName"], service["metadata"]["name"])

    def test_service_monitor_finds_the_service_under_a_job_that_the_alerts_know(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                service = the(documents, "Service")
                for monitor in of_kind(documents, "ServiceMonitor"):
                    self.assertLessEqual(monitor["spec"]["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
                    (endpoint,) = monitor["spec"]["endpoints"]
                    self.assertEqual(endpoint["port"], "metrics")
                    self.assertIs(endpoint["honorLabels"], True)
                    job = service["metadata"]["name"]
                    for relabeling in endpoint.get("relabelings", []):
                        if relabeling["targetLabel"] == "job":
                            job = relabeling["replacement"]
                    self.assertIn("hypersender", job)
                    if monitor["metadata"]["namespace"] != service["metadata"]["namespace"]:
                        self.assertEqual(monitor["spec"]["namespaceSelector"], {"matchNames": [service["metadata"]["namespace"]]})

    def test_exporter_takes_the_arguments(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                files, environment = {}, {}
                for volume in pod(documents).get("volumes", []):
                    sources = volume["projected"]["sources"] if "projected" in volume else [volume]
                    for source in sources:
                        if "configMap" in source and volume["name"] == "configuration":
                            maps = {each["metadata"]["name"]: each for each in of_kind(documents, "ConfigMap")}
                            files |= maps[source["configMap"]["name"]]["data"]
                        elif "secret" in source and volume["name"] == "configuration":
                            items = source["secret"].get("items", [])
                            files |= {item["path"]: "1|key" for item in items} or {name: "1|key" for name in self.secret_files}
                for variable in container(documents).get("env", []):
                    environment[variable["name"]] = variable.get("value", "1|key")
                arguments = [each for each in container(documents)["args"] if not each.startswith("--web.config.file=")]
                self.assertEqual(configuration_errors(arguments, files, environment), "")

    def test_as_many_shards_as_replicas(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                arguments = container(documents)["args"]
                shards = [each for each in arguments if each.startswith("--total-shards=")]
                if workload(documents)["kind"] == "StatefulSet":
                    self.assertEqual(shards, [f"--total-shards={workload(documents)['spec']['replicas']}"])
                    self.assertIn("--shard-from-hostname", arguments)
                else:
                    self.assertEqual(shards, [])

    def test_image(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                repository, at, digest = container(documents)["image"].partition("@")
                self.assertEqual(repository if at else repository.rpartition(":")[0], "registry.example.com/hypersender-exporter")
                if not at:
                    self.assertEqual(repository.rpartition(":")[2], program_version())

    def test_dashboards_are_those_of_the_source(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                found = {}
                for each in of_kind(documents, "ConfigMap"):
                    if "grafana_dashboard" in each["metadata"].get("labels", {}):
                        self.assertEqual(each["metadata"]["labels"]["grafana_dashboard"], "1")
                        # kubectl apply notes a copy down in an annotation, and 256 KiB is the end of all annotations.
                        self.assertLess(len(json.dumps(each)), 250_000)
                        found |= each["data"]
                if found:
                    self.assertEqual({name: json.loads(text) for name, text in found.items()},
                                     {path.name: json.loads(path.read_text()) for path in DASHBOARDS.glob("*.json")})
