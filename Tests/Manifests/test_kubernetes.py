"""deploy/kubernetes, as `kubectl kustomize` renders it."""

import copy
import re
import tempfile
import unittest
from pathlib import Path

import yaml

from manifests import (DASHBOARDS, DEPLOY, ROOT, TOOLS, Judged, check_rules, configuration_errors, kustomized, of_kind, pod, program_version,
                       restricted_violations, run, source_rules, the, validate, workload)

EXAMPLES = ("accounts", "complete", "demo", "openshift", "sharded", "tuned")


class KubernetesTests(Judged, unittest.TestCase):
    # The user is OpenShift's to choose.
    accepted_findings = [("CKV_K8S_40", "Deployment.hypersender.hypersender-exporter")]
    secret_files = ("token", "acme.token", "globex.token")

    @property
    def rendered(self):
        return {name: kustomized(f"examples/{name}") for name in EXAMPLES}

    def test_all_examples_are_tried(self):
        self.assertEqual({path.parent.name for path in (DEPLOY / "kubernetes" / "examples").glob("*/kustomization.yaml")}, set(EXAMPLES))

    def test_base_by_itself(self):
        documents = kustomized("base")
        for document in documents:
            validate(document)
        self.assertEqual(sorted(document["kind"] for document in documents), ["Deployment", "NetworkPolicy", "Service", "ServiceAccount"])
        self.assertTrue(pod(documents)["containers"][0]["image"].endswith(f":{program_version()}"))

    def test_nothing_is_left_where_apply_would_put_it_by_chance(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                for document in documents:
                    if document["kind"] != "Namespace":
                        self.assertIn("namespace", document["metadata"], document["kind"])

    def test_openshift_gives_users_and_groups(self):
        """In whatever order the components are named, for the Deployment and for the StatefulSet."""
        both = []
        for names in (("openshift", "sharded"), ("sharded", "openshift")):
            with tempfile.TemporaryDirectory(dir=DEPLOY / "kubernetes") as directory:
                kustomization = {"resources": ["../base"], "components": [f"../components/{name}" for name in names]}
                (Path(directory) / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
                done = run("kubectl", "kustomize", directory)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                both.append(list(yaml.safe_load_all(done.stdout)))
        for documents in (self.rendered["openshift"], *both):
            self.assertEqual(pod(documents)["securityContext"], {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}})
        self.assertEqual({workload(documents)["kind"] for documents in both}, {"StatefulSet"})

    def test_secret_example_fits_the_deployment(self):
        (secret,) = yaml.safe_load_all((DEPLOY / "kubernetes" / "base" / "secret.example.yaml").read_text())
        validate(secret)
        (volume,) = pod(kustomized("base"))["volumes"]
        self.assertEqual(volume["secret"]["secretName"], secret["metadata"]["name"])
        self.assertEqual(list(secret["stringData"]), ["token"])

    def test_rules_are_those_of_the_source(self):
        for name, documents in self.rendered.items():
            with self.subTest(name):
                rules, expected = the(documents, "PrometheusRule")["spec"]["groups"], source_rules("http://hypersender-exporter:10058/runbooks")
                if name == "tuned":
                    alerts = {rule["alert"]: rule for group in expected for rule in group["rules"] if "alert" in rule}
                    alerts["HypersenderInstanceNotLinked"]["for"] = "1h"
                    alerts["HypersenderInstanceStopped"]["labels"]["severity"] = "warning"
                self.assertEqual(rules, expected)
                self.assertEqual(check_rules(documents), "")

    def test_patch_of_another_alert_than_the_one_meant_is_refused(self):
        patch = (DEPLOY / "kubernetes/examples/tuned/kustomization.yaml").read_text()
        self.assertEqual(len(re.findall(r"- op: test\n +path: (/spec/groups/0/rules/\d+)/alert\n.+\n +- op: replace\n +path: \1/", patch)),
                         patch.count("- op: replace"))
        with tempfile.TemporaryDirectory(dir=DEPLOY / "kubernetes" / "examples") as directory:
            for place in sorted(set(re.findall(r"rules/(\d+)/", patch))):
                (Path(directory) / "kustomization.yaml").write_text(patch.replace(f"rules/{place}/", f"rules/{int(place) + 1}/"))
                done = run("kubectl", "kustomize", directory)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(f"testing value /spec/groups/0/rules/{int(place) + 1}/alert", done.stderr)

    def test_yaml_is_tidy(self):
        # The texts of generated alerts are lines of their own.
        settings = ("{extends: default, rules: {line-length: {max: 200, ignore: prometheusrule.yaml}, document-start: disable, comments-indentation: disable, "
                    "braces: {max-spaces-inside: 0}, comments: {min-spaces-from-content: 1}}}")
        done = run(TOOLS / "yamllint", "--strict", "-d", settings, *sorted((DEPLOY / "kubernetes").rglob("*.yaml")), DASHBOARDS / "kustomization.yaml",
                   *sorted((DEPLOY / "compose").glob("*.yaml")), DEPLOY / "helm/hypersender-exporter/values.yaml",
                   DEPLOY / "helm/hypersender-exporter/Chart.yaml", cwd=ROOT)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.returncode, 0)


class JudgesTests(unittest.TestCase):
    """The judges see what they are there for."""

    def changed(self, change):
        documents = copy.deepcopy(kustomized("examples/complete"))
        change(documents)
        return documents

    def test_schema(self):
        for kind, change in (
            ("Deployment", lambda document: document["spec"].update(replica=1)),
            ("Service", lambda document: document["spec"].update(publishNotReadyAddresses="yes")),
            ("ServiceMonitor", lambda document: document["spec"]["endpoints"][0].update(intervall="30s")),
            ("PrometheusRule", lambda document: document["spec"]["groups"][0]["rules"][0].pop("expr")),
        ):
            with self.subTest(kind):
                document = copy.deepcopy(of_kind(kustomized("examples/complete"), kind)[0])
                change(document)
                with self.assertRaises(Exception):
                    validate(document)

    def test_restricted_pod_security(self):
        spec = copy.deepcopy(pod(kustomized("base")))
        for change, found in (
            (lambda: spec["securityContext"].update(runAsNonRoot=False), "runAsNonRoot"),
            (lambda: spec["containers"][0]["securityContext"].pop("capabilities"), "capabilities"),
            (lambda: spec["containers"][0]["resources"]["limits"].pop("memory"), "limits memory"),
            (lambda: spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}}), "volume host"),
        ):
            change()
            self.assertIn(found, restricted_violations(spec))

    def test_rules(self):
        def change(documents):
            of_kind(documents, "PrometheusRule")[0]["spec"]["groups"][0]["rules"][0]["expr"] = "sum("
        self.assertIn("parse error", check_rules(self.changed(change)))

    def test_arguments(self):
        self.assertIn("token", configuration_errors(["--hypersender.token-file=/etc/hypersender-exporter/token"], {}))
        self.assertEqual(workload(kustomized("base"))["metadata"]["name"], the(kustomized("base"), "Service")["metadata"]["name"])


if __name__ == "__main__":
    unittest.main()
