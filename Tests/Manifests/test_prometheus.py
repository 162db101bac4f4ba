"""deploy/prometheus: its README, and how deploy/mixin/generate makes rules with settings of the user's."""

import re
import shutil
import tempfile
import textwrap
import tomllib
import unittest
from pathlib import Path

import yaml

from manifests import DEPLOY, ROOT, RULES, check_rules, run, source_rules, validate

README = DEPLOY / "prometheus" / "README.md"


class ReadmeTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.text = README.read_text()

    def test_lists_each_alert_as_it_is(self):
        listed = re.findall(r"^\| `(Hypersender\w+)` \| (\w+) \| (\w*) ?\|", self.text, re.MULTILINE)
        # HypersenderExporterDown is two rules.
        shipped = dict.fromkeys((rule["alert"], rule["labels"]["severity"], rule.get("for", ""))
                                for group in source_rules() for rule in group["rules"] if "alert" in rule)
        self.assertEqual(listed, list(shipped))

    def test_names_files_that_are_there(self):
        for text, folder in ((self.text, README.parent), ((ROOT / "README.md").read_text(), ROOT)):
            links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
            self.assertGreater(len(links), 5)
            for link in links:
                self.assertTrue((folder / link).exists(), link)

    def test_shows_how_to_tune(self):
        """The settings and the commands as they stand there."""
        (settings,) = re.findall(r"```jsonnet\n(.*?)```", self.text, re.DOTALL)
        generate, make = (re.search(rf"(?m)^ +({start}.*)$", self.text)[1] for start in ("deploy/mixin/generate rules", r"\{ sed"))
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            (folder / "deploy").symlink_to(DEPLOY)
            (folder / "my.jsonnet").write_text(settings)
            done = run("sh", "-ec", f"{generate}\n{make}", cwd=folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            groups = yaml.safe_load((folder / RULES.name).read_text())["groups"]
            manifest = yaml.safe_load((folder / "prometheusrule.yaml").read_text())
        validate(manifest)
        self.assertEqual(manifest["spec"]["groups"], groups)
        self.assertEqual(check_rules([manifest]), "")
        text = str(groups)
        self.assertNotIn("localhost:10058", text)
        for changed in ('up{job="whatsapp"}', "controller_revision_hash, zone)", "https://hypersender-exporter.example.com/runbooks#", ">= 10"):
            self.assertIn(changed, text)
        alerts = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
        self.assertNotIn("HypersenderInstanceStopped", alerts)
        self.assertEqual(alerts["HypersenderInstanceNotLinked"]["for"], "1h")
        self.assertEqual(alerts["HypersenderInstanceNotLinked"]["labels"], {"scope": "instance", "severity": "info", "team": "onboarding"})

    def test_what_it_says_to_load_is_valid(self):
        """The rule file, as Prometheus is told of it, and the smallest configuration of Alertmanager."""
        rules, smallest = re.findall(r"```yaml\n(.*?)```", self.text.split("\n## Other collectors\n", 1)[0], re.DOTALL)
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(RULES, directory)
            (Path(directory) / "prometheus.yml").write_text(textwrap.dedent(rules))
            (Path(directory) / "alertmanager.yml").write_text(textwrap.dedent(smallest))
            done = run("promtool", "check", "config", Path(directory) / "prometheus.yml")
            self.assertIn("SUCCESS: 1 rule files found", done.stdout)
            self.assertEqual(done.returncode, 0)
            done = run("amtool", "check-config", Path(directory) / "alertmanager.yml")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_other_collectors_are_shown_what_can_be_read(self):
        section = self.text.split("\n## Other collectors\n", 1)[1]
        vmagent, collector = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", section, re.DOTALL))
        (telegraf,) = re.findall(r"```toml\n(.*?)```", section, re.DOTALL)
        telegraf = tomllib.loads(telegraf)
        self.assertEqual(telegraf["inputs"]["prometheus"][0]["tags"], {"job": "hypersender"})
        # vmagent's own.
        del vmagent["scrape_configs"][0]["max_scrape_size"]
        for scrape in (vmagent, collector["receivers"]["prometheus"]["config"]):
            (job,) = scrape["scrape_configs"]
            self.assertEqual((job["job_name"], job["honor_labels"]), ("hypersender", True))
            with tempfile.TemporaryDirectory() as directory:
                file = Path(directory) / "prometheus.yml"
                file.write_text(yaml.safe_dump(scrape))
                done = run("promtool", "check", "config", file)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for pipeline in collector["service"]["pipelines"].values():
            self.assertLessEqual(set(pipeline["receivers"]), set(collector["receivers"]))
            self.assertLessEqual(set(pipeline["exporters"]), set(collector["exporters"]))


class GenerateTests(unittest.TestCase):
    def generate(self, *arguments, **options):
        return run(DEPLOY / "mixin/generate", *arguments, **options)

    def test_from_another_directory_by_a_link(self):
        with tempfile.TemporaryDirectory() as directory:
            folder = Path(directory)
            (folder / "link").symlink_to(DEPLOY / "mixin/generate")
            # Settings are found from there, and so is what they import.
            (folder / "settings").mkdir()
            (folder / "settings" / "my.jsonnet").write_text("{ _config+:: { selector: import 'selector.jsonnet' } }")
            (folder / "settings" / "selector.jsonnet").write_text("'job=\"a\"'")
            # Nothing of what lies there takes the place of the mixin.
            (folder / "config.libsonnet").write_text("error 'another'")
            done = run("./link", "rules", "settings/my.jsonnet", cwd=folder)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn('up{job="a"}', done.stdout)
            done = run("./link", "--check", cwd=folder)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_prints_nothing_where_settings_are_wrong(self):
        with tempfile.TemporaryDirectory() as directory:
            for settings, said in (
                ("{ _config+:: { flappingChange: 3 } }", "unknown settings: flappingChange"),
                ("{ _config+:: { alerts+: { HypersenderFailed+: { 'for': '1m' } } } }", "unknown settings: alerts.HypersenderFailed"),
                ("{ _config+:: { alerts+: { HypersenderInstanceFailed+: { keep_firing_for: '1m' } } } }",
                 "unknown settings: alerts.HypersenderInstanceFailed.keep_firing_for"),
                ("{ _config+:: ", "my.jsonnet"),
            ):
                with self.subTest(settings):
                    (Path(directory) / "my.jsonnet").write_text(settings)
                    done = self.generate("rules", "my.jsonnet", cwd=directory)
                    self.assertEqual(done.stdout, "")
                    self.assertNotEqual(done.returncode, 0)
                    self.assertIn(said, done.stderr)
            done = self.generate("rules", "none.jsonnet", cwd=directory)
            self.assertEqual(done.stdout, "")
            self.assertNotEqual(done.returncode, 0)

    def test_check_tells_a_difference(self):
        with tempfile.TemporaryDirectory() as directory:
            copy = Path(directory)
            shutil.copytree(DEPLOY, copy / "deploy", symlinks=True)
            shutil.copytree(ROOT / "grafana", copy / "grafana", symlinks=True)
            file = copy / "deploy" / "prometheus" / RULES.name
            file.write_text(RULES.read_text().replace("for: 90s", "for: 91s"))
            done = run(copy / "deploy/mixin/generate", "--check", cwd=directory)
        self.assertEqual(done.returncode, 1)
        self.assertIn("for: 91s", done.stdout)


if __name__ == "__main__":
    unittest.main()
