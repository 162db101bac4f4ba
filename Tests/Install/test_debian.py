"""The Debian package: judged by lintian, and lived with on a machine under systemd, from its installation to its removal."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from installing import TOP, WORK, output
from machine import Machine

from exporter import wait_until
from fake_api import KEY

PACKAGE = WORK / "hypersender-exporter.deb"
EARLIER_PACKAGE = WORK / "hypersender-exporter-before.deb"
SERVICE = "hypersender-exporter.service"
SOCKET = "hypersender-exporter.socket"
FOLDER = "/etc/hypersender-exporter"
GOOD = "\nhypersender_up 1\n"


class Package(unittest.TestCase):
    def test_lintian_has_nothing_against_it(self):
        said = output("lintian", "--allow-root", "--fail-on=error,warning", "--tag-display-limit=0", "--no-cfg", PACKAGE)
        self.assertEqual(said, "")

    def test_what_is_in_it(self):
        files = {line.split(None, 5)[5]: line.split()[:2] for line in output("dpkg-deb", "--contents", PACKAGE).splitlines()}
        for path, mode in (
            ("./usr/bin/hypersender-exporter", "-rwxr-xr-x"), ("./usr/lib/systemd/system/" + SERVICE, "-rw-r--r--"),
            ("./usr/lib/systemd/system/" + SOCKET, "-rw-r--r--"), (f".{FOLDER}/hypersender-exporter.env", "-rw-r--r--"),
            ("./usr/share/man/man1/hypersender-exporter.1.gz", "-rw-r--r--"), ("./usr/share/doc/hypersender-exporter/README.md", "-rw-r--r--"),
            ("./usr/share/hypersender-exporter/deploy/prometheus/prometheus.yml", "-rw-r--r--"),
            ("./usr/share/doc/hypersender-exporter/NOTICES.gz", "-rw-r--r--"),
        ):
            self.assertEqual(files.get(path), [mode, "root/root"], path)

    def test_it_has_what_prometheus_alertmanager_and_grafana_are_given(self):
        with tempfile.TemporaryDirectory() as folder:
            output("dpkg-deb", "--extract", PACKAGE, folder)
            shared = pathlib.Path(folder, "usr/share/hypersender-exporter")
            for pattern in ("deploy/prometheus/*.yml", "deploy/alertmanager/*", "grafana/dashboards/*.json", "grafana/provisioning/**/*.yml"):
                sources = list(TOP.glob(pattern))
                self.assertTrue(sources, pattern)
                for source in sources:
                    self.assertEqual((shared / source.relative_to(TOP)).read_bytes(), source.read_bytes(), source)
            self.assertTrue((shared / "deploy/RUNBOOKS.md").is_file())

    def test_links_of_its_documents_lead_somewhere(self):
        with tempfile.TemporaryDirectory() as folder:
            output("dpkg-deb", "--extract", PACKAGE, folder)
            documents = list(pathlib.Path(folder, "usr/share").rglob("*.md"))
            self.assertGreater(len(documents), 7)
            repository = output("dpkg-deb", "--field", PACKAGE, "Homepage").strip() + "/blob/"
            for document in documents:
                for link in re.findall(r'\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"', document.read_text()):
                    target = "".join(link).partition("#")[0]
                    if target.startswith(repository):
                        path = target.removeprefix(repository).partition("/")[2]
                        self.assertTrue((TOP / path).exists(), f"{document}: {target}")
                    elif target and "://" not in target:
                        self.assertTrue((document.parent / target).exists(), f"{document}: {target}")

    def test_the_manual_page_can_be_read(self):
        page = WORK / "root.1"
        page.write_bytes(subprocess.run(
            f"dpkg-deb --fsys-tarfile {PACKAGE} | tar --extract --to-stdout ./usr/share/man/man1/hypersender-exporter.1.gz | gunzip", shell=True, check=True,
            capture_output=True).stdout)
        result = subprocess.run(["man", "--warnings", "--local-file", page], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANWIDTH": "200"})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("--poll.interval", result.stdout)


class Life(unittest.TestCase):
    """One story, since each step needs the one before."""

    def setUp(self):
        self.machine = self.enterContext(Machine())
        for package in (PACKAGE, EARLIER_PACKAGE):
            shutil.copy(package, self.machine.root / "root")

    def settings(self, text):
        path = self.machine.root / FOLDER.lstrip("/") / "hypersender-exporter.env"
        path.write_text(text)

    def state(self, unit=SERVICE):
        return tuple(self.machine.ask("systemctl", question, unit).stdout.strip() for question in ("is-enabled", "is-active"))

    def property(self, name):
        return self.machine.run("systemctl", "show", "--value", f"--property={name}", SERVICE)

    def scrape(self):
        return wait_until(
            lambda: GOOD in (self.machine.get("/metrics") or "") and self.machine.get("/metrics"), 60, "a good scrape", self.machine.journal)

    def test_from_installation_to_purge(self):
        self.install()
        self.start_the_demo()
        self.start_with_a_key()
        self.watch_several_accounts_with_tls()
        self.upgrade()
        self.serve_on_a_socket()
        self.refuse_wrong_settings()
        self.remove_and_purge()

    def install(self):
        said = self.machine.run("dpkg", "--install", f"/root/{EARLIER_PACKAGE.name}")
        self.assertIn(f"write the API key to {FOLDER}/token", said)
        self.assertEqual(self.state(), ("disabled", "inactive"), "without a key it would only fail")
        self.assertEqual(self.machine.run("stat", "--format=%a %U %s", f"{FOLDER}/token"), "600 root 0")
        self.assertEqual(self.machine.run("stat", "--format=%a %U", FOLDER), "755 root")

    def start_the_demo(self):
        self.settings("HYPERSENDER_DEMO=true\n")
        self.machine.run("systemctl", "enable", "--now", SERVICE)
        page = self.scrape()
        self.assertEqual(page.count("\nhypersender_instance_up{"), 12)
        self.assertEqual(self.machine.run("hypersender-exporter", "--healthcheck"), "hypersender-exporter: healthy: :10058")
        process = self.property("MainPID")
        status = dict(re.findall(r"^(\w+):\s*(.*)$", self.machine.run("cat", f"/proc/{process}/status"), re.MULTILINE))
        self.assertEqual((status["Seccomp"], status["NoNewPrivs"], int(status["CapEff"], 16), int(status["CapBnd"], 16)), ("2", "1", 0, 0))
        self.assertNotEqual(status["Uid"].split()[0], "0")
        self.machine.run("systemctl", "reload", SERVICE)
        wait_until(lambda: "Configuration reloaded" in self.journal(), 20, "it is reloaded", self.journal)
        self.assertEqual(self.property("MainPID"), process)
        self.assertNotIn("thread priority", self.journal(), "not a line of ours, and nothing that anybody can help")
        self.machine.run("systemctl", "stop", SERVICE)
        self.assertEqual((self.property("Result"), self.property("ExecMainStatus")), ("success", "0"))

    def journal(self):
        return self.machine.run("journalctl", "--no-pager", f"--unit={SERVICE}")

    def start_with_a_key(self):
        code = f"import sys; sys.path.insert(0, {str(TOP / 'Tests/EndToEnd')!r})\n" \
            "from fake_api import FakeAPI\napi = FakeAPI()\nprint(api.base_url, flush=True)\nsys.stdin.read()"
        api = self.machine.network(sys.executable, "-c", code, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(api.wait)
        self.addCleanup(api.kill)
        self.addCleanup(api.stdout.close)
        self.addCleanup(api.stdin.close)
        self.plain = f"HYPERSENDER_BASE_URL={api.stdout.readline().strip()}\nHYPERSENDER_POLL_INTERVAL=1s\n"
        self.settings(self.plain)
        # As deploy/README.md has it: the file is there, and stays readable for root only.
        self.machine.run("tee", f"{FOLDER}/token", input=KEY + "\n")
        self.assertEqual(self.machine.run("stat", "--format=%a %U", f"{FOLDER}/token"), "600 root")
        self.machine.run("systemctl", "start", SERVICE)
        self.scrape()
        self.assertNotIn(KEY, self.journal())

    def watch_several_accounts_with_tls(self):
        """The files as deploy/README.md has them."""
        section = (TOP / "deploy/README.md").read_text().split("### Several accounts and TLS under systemd", 1)[1].split("\n### ", 1)[0]
        drop_in, accounts, web, settings = re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)
        folder = self.machine.root / FOLDER.lstrip("/")
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1", "-subj", "/CN=localhost",
               "-keyout", folder / "server.key", "-out", folder / "server.crt")
        for name, text in (("acme.token", KEY), ("globex.token", KEY), ("accounts.yml", accounts), ("web.yml", web)):
            (folder / name).write_text(text)
        for name in ("acme.token", "globex.token", "server.key"):
            (folder / name).chmod(0o600)
        (folder / "token").rename(folder / "put-away")
        overrides = self.machine.root / f"etc/systemd/system/{SERVICE}.d"
        overrides.mkdir()
        (overrides / "override.conf").write_text(drop_in)
        self.settings(self.plain + settings)

        def restart():
            self.machine.run("systemctl", "daemon-reload")
            self.machine.run("systemctl", "restart", SERVICE)

        def watched(acme, globex):
            expected = {f'hypersender_up{{account="acme"}} {acme}', f'hypersender_up{{account="globex"}} {globex}'}
            wait_until(
                lambda: expected <= set((self.machine.get("/metrics", scheme="https") or "").splitlines()), 60, expected, self.machine.journal)

        restart()
        watched(1, 1)
        self.assertIsNone(self.machine.get("/metrics"), "it is served without TLS as well")
        # A changed key takes a restart.
        (folder / "acme.token").write_text("1|revoked")
        restart()
        watched(0, 1)
        (folder / "acme.token").write_text(KEY)
        restart()
        watched(1, 1)
        self.assertNotIn(KEY, self.journal())
        (folder / "put-away").rename(folder / "token")
        for name in ("acme.token", "globex.token", "accounts.yml", "web.yml", "server.crt", "server.key"):
            (folder / name).unlink()
        shutil.rmtree(overrides)
        self.settings(self.plain)
        restart()
        self.scrape()

    def upgrade(self):
        before = self.property("MainPID")
        said = self.machine.run("apt-get", "install", "--yes", f"/root/{PACKAGE.name}")
        self.assertIn("1 upgraded, 0 newly installed", said)
        version = self.machine.run("dpkg-query", "--show", "--showformat=${Version}", "hypersender-exporter")
        self.assertEqual(version, output("dpkg-deb", "--field", PACKAGE, "Version").strip())
        # In --version and everywhere else it is a version as SemVer has it.
        self.assertIn(f"version {version.replace('~', '-')} (", self.machine.run("hypersender-exporter", "--version"))
        self.assertEqual(self.state(), ("enabled", "active"))
        self.assertNotEqual(self.property("MainPID"), before, "the new one is to run")
        self.assertEqual(self.machine.run("cat", f"{FOLDER}/hypersender-exporter.env"), self.plain.strip())
        self.assertEqual(self.machine.run("cat", f"{FOLDER}/token"), KEY)
        self.scrape()

    def serve_on_a_socket(self):
        self.settings(self.plain + "HYPERSENDER_WEB_SYSTEMD_SOCKET=true\n")
        self.machine.run("systemctl", "stop", SERVICE)
        self.machine.run("systemctl", "enable", "--now", SOCKET)
        self.assertEqual(self.state(), ("enabled", "inactive"))
        # The first scrape starts the service, and waits for it.
        self.assertIn("hypersender_up", self.machine.get("/metrics"))
        self.scrape()
        self.machine.run("systemctl", "restart", "--no-block", SERVICE)
        for _ in range(20):
            self.assertIsNotNone(self.machine.get("/metrics"), "a scrape was refused during the restart")
        self.machine.run("systemctl", "disable", "--now", SOCKET)

    def refuse_wrong_settings(self):
        self.settings(self.plain + "HYPERSENDER_POLL_TIMEOUT=soon\n")
        self.machine.ask("systemctl", "restart", SERVICE)
        wait_until(lambda: self.state()[1] == "failed", 20, "the service fails", self.machine.journal)
        self.assertEqual((self.property("ExecMainStatus"), self.property("NRestarts")), ("64", "0"))
        self.assertIn("HYPERSENDER_POLL_TIMEOUT", self.journal())
        self.settings(self.plain)
        self.machine.run("systemctl", "restart", SERVICE)
        self.scrape()

    def remove_and_purge(self):
        self.machine.run("dpkg", "--remove", "hypersender-exporter")
        self.assertIsNone(self.machine.get("/metrics"), "it goes on without its package")
        self.assertEqual(self.machine.run("cat", f"{FOLDER}/token"), KEY, "a removal keeps what was configured")
        self.machine.run("dpkg", "--install", f"/root/{PACKAGE.name}")
        self.assertEqual(self.state()[0], "enabled", "installed again, it is as it was")
        self.machine.run("dpkg", "--purge", "hypersender-exporter")
        left = self.machine.run("find", "/etc", "/usr", "/var", "/run", "/lib/systemd", "-xdev", "-name", "*hypersender*", "-not", "-path", "/var/lib/systemd/catalog/*")
        self.assertEqual(left, "")
        self.assertEqual(self.machine.run("systemctl", "list-units", "--failed", "--plain", "--no-legend"), "")


if __name__ == "__main__":
    unittest.main()
