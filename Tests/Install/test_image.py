"""The container image, run as `deploy/docker/Dockerfile` says and as careful people run it."""

import json
import pathlib
import subprocess
import tarfile
import tempfile
import unittest
import urllib.error
import urllib.request

from installing import WORK, output

import exposition
from exporter import wait_until
from fake_api import KEY, FakeAPI

IMAGE = "localhost/hypersender-exporter:test"
SAFE = ("--read-only", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host")


def podman(*arguments):
    return output("podman", *arguments).strip()


def get(path, port=10058):
    """The body of a good answer, else nothing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read()
    except (OSError, urllib.error.URLError):
        return None


class Image(unittest.TestCase):
    def run_image(self, *arguments, options=()):
        """Its container, with all that protects it."""
        container = podman("run", "--detach", *SAFE, *options, IMAGE, *arguments)
        self.addCleanup(podman, "rm", "--force", "--time=1", container)
        return container

    def log(self, container):
        result = subprocess.run(["podman", "logs", container], capture_output=True, text=True, check=False)
        return result.stdout + result.stderr

    def health(self, container):
        """The engine's finding, asked for now: its own pace needs systemd."""
        subprocess.run(["podman", "healthcheck", "run", container], capture_output=True, check=False, timeout=30)
        return podman("inspect", "--format={{.State.Health.Status}}", container)

    def exit_code(self, container):
        podman("stop", "--time=12", container)
        return int(podman("inspect", "--format={{.State.ExitCode}}", container))

    def test_what_it_says_of_itself(self):
        image = json.loads(podman("inspect", "--type=image", IMAGE))[0]
        config = image["Config"]
        self.assertEqual(config["User"], "65532:65532")
        self.assertEqual(config["Entrypoint"], ["/hypersender-exporter"])
        self.assertEqual(image["HealthCheck" if "HealthCheck" in image else "Healthcheck"]["Test"], ["CMD", "/hypersender-exporter", "--healthcheck"])
        labels = config["Labels"]
        self.assertEqual(labels["org.opencontainers.image.source"], "https://github.com/hypersender-exporter/hypersender-exporter")
        said = podman("run", "--rm", *SAFE, IMAGE, "--version")
        self.assertIn(f"version {labels['org.opencontainers.image.version']} (revision: {labels['org.opencontainers.image.revision']})", said)

    def test_it_holds_two_files(self):
        container = podman("create", IMAGE)
        self.addCleanup(podman, "rm", container)
        with tempfile.TemporaryDirectory(dir=WORK) as folder:
            podman("export", "--output", f"{folder}/root.tar", container)
            with tarfile.open(f"{folder}/root.tar") as archive:
                files = {member.name: member for member in archive if member.isfile() and member.size}
        self.assertEqual(set(files), {"hypersender-exporter", "etc/ssl/certs/ca-certificates.crt"})
        self.assertEqual(files["hypersender-exporter"].mode & 0o777, 0o755)

    def test_the_demo(self):
        container = self.run_image("--demo")
        page = wait_until(lambda: b"\nhypersender_up 1\n" in (get("/metrics") or b"") and get("/metrics"), 30, "a good scrape", lambda: self.log(container))
        self.assertEqual([str(fault) for fault in exposition.read(page, False)[1]], [])
        wait_until(lambda: self.health(container) == "healthy", 20, "it is healthy", lambda: podman("inspect", container))
        self.assertEqual(self.exit_code(container), 0, self.log(container))

    def test_health_follows_the_flags(self):
        container = self.run_image("--demo", "--web.listen-address=127.0.0.1:10059")
        wait_until(lambda: get("/-/healthy", 10059), 30, "it serves", lambda: self.log(container))
        wait_until(lambda: self.health(container) == "healthy", 20, "it is healthy", lambda: podman("inspect", container))
        self.assertEqual(self.exit_code(container), 0, self.log(container))

    def test_an_account(self):
        api = self.enterContext(FakeAPI())
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir=WORK)))
        token = folder / "token"
        token.write_text(KEY + "\n")
        token.chmod(0o444)
        container = self.run_image(
            f"--hypersender.base-url={api.base_url}", options=(f"--volume={token}:/run/secrets/token:ro", "--env=HYPERSENDER_TOKEN_FILE=/run/secrets/token"))
        wait_until(lambda: b"\nhypersender_up 1\n" in (get("/metrics") or b""), 30, "a good scrape", lambda: self.log(container))
        self.assertNotIn(KEY, self.log(container))

    def test_without_a_key_it_says_what_to_do(self):
        result = subprocess.run(["podman", "run", "--rm", *SAFE, IMAGE], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(result.returncode, 64)
        self.assertIn("--demo", result.stderr)


if __name__ == "__main__":
    unittest.main()
