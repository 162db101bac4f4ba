"""TLS to the API: the authorities that are trusted, and what is said of a handshake that fails."""

import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from exporter import PROGRAM, Exporter, environment
from fake_api import FakeAPI
from running import good, reason
from timing import NEVER

PLACES = ["/etc/ssl", "/etc/pki", "/usr/share/ca-certificates"]


class Answerer:
    """A server that says one thing to whoever connects, and closes."""

    def __init__(self, data):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.data = data
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(self.data)
                connection.shutdown(socket.SHUT_WR)
                # Not to reset the connection, which would be another failure.
                while connection.recv(65536):
                    pass


class TLSTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

    def openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, cwd=self.folder)

    def authority(self, name="authority"):
        self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem")
        return self.folder / f"{name}.pem"

    def server(self, start="20200101000000Z", end="21000101000000Z", name="IP:127.0.0.1", authority="authority"):
        """TLS with a certificate of the authority."""
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca=d\n[d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\n"
            f"x509_extensions=x\n[p]\ncommonName=supplied\n[x]\nsubjectAltName={name}\n")
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text("02\n")
        self.openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=server",
            "-keyout", "server.key", "-out", "server.csr")
        self.openssl(
            "ca", "-batch", "-config", "ca.cnf", "-cert", f"{authority}.pem", "-keyfile", f"{authority}.key", "-in", "server.csr",
            "-startdate", start, "-enddate", end, "-out", "server.pem", "-notext")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        return tls

    def fails(self, url, text, *arguments, **variables):
        with Exporter(url, *arguments, **variables) as exporter:
            exporter.wait_for(lambda page: reason(page, "tls"), 10, text)
            self.assertIn(text, exporter.log)
            return exporter.log

    def test_the_failure_is_named(self):
        authority = self.authority()
        trusted = f"--hypersender.ca-file={authority}"
        for text, options, arguments in (
            ("has expired: it was valid until 2021-01-01", {"end": "20210101000000Z"}, [trusted]),
            ("is not valid yet: it will be from 2099-01-01", {"start": "20990101000000Z"}, [trusted]),
            ("issued by an authority that is not trusted", {}, []),
            ("is not made out to the host", {"name": "IP:127.0.0.2"}, [trusted]),
        ):
            with self.subTest(text), FakeAPI(tls=self.server(**options)) as api:
                self.fails(api.base_url, text, *arguments)
                self.assertEqual(api.requests, [], "the key went to a server that is not trusted")

    def test_no_tls_is_named(self):
        for data in b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n", bytes(range(128, 200)), b"":
            with self.subTest(data):
                server = Answerer(data)
                self.addCleanup(server.listener.close)
                self.fails(f"https://127.0.0.1:{server.port}/v1", "speak TLS at this port")

    def test_the_environment_names_authorities(self):
        authority = self.authority()
        folder = self.folder / "folder"
        folder.mkdir()
        shutil.copy(authority, folder / "ca.crt")
        (folder / "README").write_text("not a certificate")
        with FakeAPI(tls=self.server()) as api:
            for variables in {"SSL_CERT_FILE": str(authority)}, {"SSL_CERT_DIR": f"/nonexistent:{folder}"}:
                with self.subTest(variables), Exporter(api.base_url, **variables) as exporter:
                    exporter.wait_for(good, 10, "a good poll")

    def check(self, *arguments, before=(), **variables):
        """The exit code and the output of --config.check."""
        result = subprocess.run(
            [*before, PROGRAM, "--config.check", *arguments], env=environment(HYPERSENDER_TOKEN="1|x", **variables),
            capture_output=True, text=True, timeout=NEVER)
        return result.returncode, result.stdout + result.stderr

    def test_unusable_places_are_named(self):
        code, output = self.check(SSL_CERT_FILE="/nonexistent.pem", SSL_CERT_DIR="/nonexistent")
        self.assertEqual(code, 0, output)
        self.assertIn("SSL_CERT_FILE: the file /nonexistent.pem cannot be opened", output)
        self.assertIn("SSL_CERT_DIR: there is no PEM file of certificates in /nonexistent", output)
        self.assertIn("there are no certificate authorities", output)
        code, output = self.check("--hypersender.base-url=http://127.0.0.1:1", SSL_CERT_FILE="/nonexistent.pem")
        self.assertNotIn("SSL_CERT_FILE", output, "nothing needs TLS")

    def without_authorities(self):
        """A prefix of commands, by which a program sees a system without authorities."""
        script = "; ".join(f"test ! -d {place} || mount -t tmpfs none {place}" for place in PLACES)
        before = ["unshare", "--mount", "sh", "-c", script + '; exec "$@"', "sh"]
        probe = subprocess.run([*before, "sh", "-c", "test ! -e /etc/ssl/certs"], capture_output=True, text=True)
        if probe.returncode:
            self.skipTest(f"mounts of its own take root: {probe.stderr.strip()}")
        return before

    def test_a_system_without_authorities(self):
        before = self.without_authorities()
        authority = self.authority()
        warning = "there are no certificate authorities"
        code, output = self.check(before=before)
        self.assertEqual(code, 0, output)
        self.assertIn(warning, output)
        code, output = self.check(f"--hypersender.ca-file={authority}", before=before)
        self.assertNotIn(warning, output)
        with FakeAPI(tls=self.server()) as api:
            with Exporter(api.base_url, before=before) as exporter:
                exporter.wait_for(lambda page: reason(page, "tls"), 10, "nothing is trusted")
                self.assertIn(warning, exporter.log)
            with Exporter(api.base_url, f"--hypersender.ca-file={authority}", before=before) as exporter:
                exporter.wait_for(good, 10, "the file is enough")
                self.assertNotIn(warning, exporter.log)


if __name__ == "__main__":
    unittest.main()
