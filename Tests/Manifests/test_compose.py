"""deploy/compose: what is in it, and that it finds what it mounts."""

import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import yaml

from manifests import DEPLOY, ROOT, TOOLS, configuration_errors, program_version, run

COMPOSE = DEPLOY / "compose"


def merged(*files, environment=None):
    """Several files as one, by an implementation of compose."""
    arguments = [part for file in files for part in ("-f", COMPOSE / file)]
    done = run(TOOLS / "podman-compose", *arguments, "config", env={**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", **(environment or {})})
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return yaml.safe_load(done.stdout)


class ComposeTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.project = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
        cls.services = cls.project["services"]

    def mounts(self):
        """Each mounted file or directory of ours as (service, source, target)."""
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source, target, *options = volume.split(":")
                if source.startswith("."):
                    self.assertEqual(options, ["ro"], volume)
                    yield name, (COMPOSE / source).resolve(), target
                else:
                    self.assertIn(source, self.project["volumes"])

    def test_schema(self):
        done = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE / "compose.yaml", COMPOSE / "token.yaml")
        self.assertEqual(done.returncode, 0, done.stdout)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write((COMPOSE / "compose.yaml").read_text().replace("read_only:", "readonly:"))
            file.flush()
            done = run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file.name)
            self.assertEqual(done.returncode, 1, done.stdout)

    def test_hardened(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertIs(service["read_only"], True)
                self.assertEqual(service["cap_drop"], ["ALL"])
                self.assertEqual(service["security_opt"], ["no-new-privileges:true"])
                self.assertNotIn(service["user"].partition(":")[0], ("", "0", "root"))
                self.assertIn("mem_limit", service)
                self.assertIn("pids_limit", service)
                self.assertEqual({"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service), set())

    def test_every_service_says_how_it_is(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual(service["healthcheck"]["test"][0], "CMD")

    def test_ports_are_loopback_only(self):
        for name, service in self.services.items():
            with self.subTest(name):
                self.assertEqual(len(service["ports"]), 1)
                for port in service["ports"]:
                    self.assertRegex(port, r"^127\.0\.0\.1:\d+:\d+$")

    def test_versions_are_pinned(self):
        for name, service in self.services.items():
            with self.subTest(name):
                image = service["image"].replace("${EXPORTER_IMAGE:-localhost/hypersender-exporter}", "localhost/hypersender-exporter")
                self.assertRegex(image, r"^[a-z.]+/[a-z/-]+:v?\d+\.\d+\.\d+$")
                if name == "exporter":
                    self.assertEqual(image, f"localhost/hypersender-exporter:{program_version()}")

    def test_one_setting_names_the_published_image(self):
        for environment, image in (({}, "localhost/hypersender-exporter"), ({"EXPORTER_IMAGE": "ghcr.io/acme/exporter"}, "ghcr.io/acme/exporter")):
            exporter = merged("compose.yaml", environment=environment)["services"]["exporter"]
            self.assertEqual(exporter["image"], f"{image}:{program_version()}")

    def test_image_can_be_built(self):
        build = self.services["exporter"]["build"]
        context = (COMPOSE / build["context"]).resolve()
        self.assertEqual(context, ROOT)
        self.assertTrue((context / build["dockerfile"]).is_file(), build["dockerfile"])
        # Without an argument it says what a build without history says.
        self.assertEqual(re.findall(r"(?m)^ARG VERSION=(.*)$", (context / build["dockerfile"]).read_text()), [f"{program_version()}-dev"] * 2)

    def test_everything_mounted_is_there(self):
        found = list(self.mounts())
        self.assertGreaterEqual(len(found), 7)
        for name, source, target in found:
            with self.subTest(name, target=target):
                self.assertTrue(source.exists(), source)

    def test_demo_needs_no_secret(self):
        self.assertEqual(configuration_errors(self.services["exporter"]["command"], {}), "")
        self.assertIn("--demo", self.services["exporter"]["command"])
        self.assertNotIn("secrets", self.project)

    def test_real_account(self):
        project = merged("compose.yaml", "token.yaml")
        exporter = project["services"]["exporter"]
        self.assertEqual(exporter["command"], ["--hypersender.token-file=/run/secrets/hypersender-token"])
        self.assertEqual(exporter["secrets"], ["hypersender-token"])
        self.assertEqual(project["secrets"], {"hypersender-token": {"file": "./secrets/hypersender-token"}})
        self.assertIs(exporter["read_only"], True)
        arguments = [each.replace("/run/secrets", "/etc/hypersender-exporter") for each in exporter["command"]]
        self.assertEqual(configuration_errors(arguments, {"hypersender-token": "1|key"}), "")

    def test_secrets_are_not_committed(self):
        for path in ("hypersender-token", "alertmanager/slack-url"):
            done = run("git", "check-ignore", COMPOSE / "secrets" / path, cwd=ROOT)
            self.assertEqual(done.returncode, 0, path)

    def test_configurations_differ_from_their_sources_by_addresses_only(self):
        for source, generated, addresses in (
            (DEPLOY / "prometheus/prometheus.yml", "prometheus.yml",
             {"localhost:10058": "exporter:10058", "localhost:9093": "alertmanager:9093"}),
            (ROOT / "grafana/provisioning/datasources/hypersender.yml", "datasources.yml", {"localhost:9090": "prometheus:9090"}),
        ):
            text = source.read_text()
            for address, other in addresses.items():
                self.assertIn(address, text)
                text = text.replace(address, other)
            found = yaml.safe_load((COMPOSE / "generated" / generated).read_text())
            self.assertEqual(found, yaml.safe_load(text))
            # And they are where the other containers are.
            for other in addresses.values():
                name, port = other.split(":")
                self.assertTrue(self.services[name]["ports"][0].endswith(f":{port}"), other)

    def test_prometheus_and_alertmanager_take_what_is_mounted(self):
        with tempfile.TemporaryDirectory() as directory:
            for name, source, target in self.mounts():
                if name in ("prometheus", "alertmanager"):
                    path = Path(directory) / target.lstrip("/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if source.is_dir():
                        shutil.copytree(source, path)
                    else:
                        shutil.copy(source, path)
            done = run("promtool", "check", "config", Path(directory) / "etc/prometheus/prometheus.yml")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("SUCCESS: 1 rule files found", done.stdout)
            done = run("amtool", "check-config", Path(directory) / "etc/alertmanager/alertmanager.yml")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_grafana_finds_its_dashboards_where_they_are_mounted(self):
        targets = {target: source for name, source, target in self.mounts() if name == "grafana"}
        (path,) = Path(ROOT, "grafana/provisioning/dashboards").glob("*.yml")
        for provider in yaml.safe_load(path.read_text())["providers"]:
            self.assertEqual(targets[provider["options"]["path"]], ROOT / "grafana" / "dashboards")
        home = Path(self.services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
        self.assertTrue((targets[str(home.parent)] / home.name).is_file(), home)

    def test_nobody_can_log_in_to_grafana(self):
        environment = self.services["grafana"]["environment"]
        self.assertEqual(environment["GF_AUTH_ANONYMOUS_ORG_ROLE"], "Viewer")
        self.assertEqual(environment["GF_AUTH_BASIC_ENABLED"], "false")
        self.assertEqual(environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"], "true")
        self.assertFalse([name for name in environment if "PASSWORD" in name])


if __name__ == "__main__":
    unittest.main()
