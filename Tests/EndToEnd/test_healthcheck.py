"""The health check that the program makes of itself, as container engines run it."""

import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

from exporter import PROGRAM, environment, wait_until
from running import Running
from test_web_file import HASH, TLS, WebFile
from timing import NEVER


def check(*arguments, program=(), **variables):
    """The exit code, and everything said."""
    result = subprocess.run(
        [*program, PROGRAM, "--healthcheck", *arguments], env=environment(**variables), stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=NEVER, check=False)
    return result.returncode, result.stdout + result.stderr


class HealthCheck(Running):
    def test_the_exporter_of_the_same_flags(self):
        _, exporter = self.started()
        self.assertEqual(check(f"--web.listen-address={exporter.address}"), (0, f"hypersender-exporter: healthy: {exporter.address}\n"))
        self.assertEqual(check(f"--web.listen-address=:{exporter.port}")[0], 0)
        self.assertEqual(check(HYPERSENDER_WEB_LISTEN_ADDRESS=exporter.address)[0], 0)
        exporter.stop()
        code, said = check(f"--web.listen-address={exporter.address}")
        self.assertEqual((code, said), (1, f"hypersender-exporter: not healthy: {exporter.address}: nothing listens there\n"))

    def test_every_address_is_asked(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        file = f"unix:{folder}/exporter.sock"
        _, exporter = self.started("--web.listen-address=127.0.0.1:0", f"--web.listen-address={file}")
        flags = [f"--web.listen-address={exporter.address}", f"--web.listen-address={file}"]
        self.assertEqual(check(*flags)[0], 0)
        code, said = check(*flags, f"--web.listen-address=unix:{folder}/other.sock")
        self.assertEqual(code, 1)
        self.assertIn("other.sock: there is no such socket", said)

    def test_a_stopped_exporter_is_not_healthy(self):
        _, exporter = self.started()
        exporter.process.send_signal(signal.SIGSTOP)
        self.addCleanup(exporter.process.send_signal, signal.SIGCONT)
        code, said = check(f"--web.listen-address={exporter.address}")
        self.assertEqual(code, 1)
        self.assertIn("no answer in time", said)

    def test_another_server_is_not_healthy(self):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = re.search(rb"port (\d+)", process.stdout.readline())[1].decode()
        code, said = check(f"--web.listen-address=127.0.0.1:{port}")
        self.assertEqual(code, 1)
        self.assertIn("/-/healthy is answered 404", said)

    def test_an_address_that_cannot_be_known(self):
        code, said = check("--web.listen-address=127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assertIn("any free port", said)
        self.assertEqual(check("--web.systemd-socket")[0], 1)


class OfAContainer(Running):
    def test_the_flags_of_the_first_process_hold(self):
        """As in a container whose user gave other flags than the image's, which its health check does not know."""
        if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], capture_output=True, check=False).returncode:
            self.skipTest("process namespaces need root")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", PROGRAM, "--demo", f"--web.listen-address=127.0.0.1:{port}"],
            env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        child = wait_until(lambda: children.read_text().split(), 10, "the exporter is started")[0]
        wait_until(lambda: check(f"--web.listen-address=127.0.0.1:{port}")[0] == 0, 15, "the exporter serves")
        inside = ("nsenter", "--target", child, "--pid", "--mount")
        self.assertEqual(check(program=inside), (0, f"hypersender-exporter: healthy: 127.0.0.1:{port}\n"))
        self.assertEqual(check("--web.listen-address=127.0.0.1:1", program=inside)[0], 1)


class OfASecuredServer(WebFile):
    def check(self, exporter):
        return check(f"--web.config.file={self.file}", f"--web.listen-address={exporter.address}")

    def test_tls_and_passwords(self):
        exporter = self.start(TLS + f"basic_auth_users:\n  prometheus: {HASH}\n")
        self.assertEqual(self.check(exporter)[0], 0)
        # The exporter goes on with the file as it was.
        for text in ("nonsense: [\n", ""):
            self.write(text)
            self.assertEqual(self.check(exporter)[0], 0, text)
        self.assertEqual(check(f"--web.listen-address={exporter.address}")[0], 1, "without the file it cannot know of TLS")

    VERIFIED = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n"

    def test_client_certificates(self):
        exporter = self.start(self.VERIFIED)
        self.assertEqual(self.check(exporter)[0], 0)
        exporter.stop()
        self.assertEqual(self.check(exporter)[0], 1)

    def test_client_certificates_with_exempt_paths(self):
        for path in ("/-/healthy", "/-/ready"):
            with self.subTest(path):
                exporter = self.start(f"{self.VERIFIED}auth_exempt_paths: [{path}]\n")
                self.assertEqual(self.check(exporter)[0], 0)
                exporter.stop()
                self.assertEqual(self.check(exporter)[0], 1)


if __name__ == "__main__":
    unittest.main()
