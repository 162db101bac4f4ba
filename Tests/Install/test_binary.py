"""The release binary by itself, in a root that holds nothing else but what a container engine puts there."""

import pathlib
import re
import shutil
import ssl
import tempfile
import unittest

from installing import BINARY, output

import exporter
from exporter import Exporter
from fake_api import FakeAPI
from name_server import NameServer
from running import good, reason

NAME = "api.hypersender.test"


class EmptyRoot(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "root"
        for name in ("proc", "etc/ssl/certs"):
            (self.root / name).mkdir(parents=True)
        shutil.copy(BINARY, self.root / "hypersender-exporter")
        # Takes the program's place, keeping its process's number.
        program = self.folder / "program"
        program.write_text(
            "#!/bin/sh\n"
            f"""exec unshare --mount sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" /hypersender-exporter "$@"' {self.root} "$@"\n""")
        program.chmod(0o755)
        before, exporter.PROGRAM = exporter.PROGRAM, str(program)
        self.addCleanup(setattr, exporter, "PROGRAM", before)
        (self.root / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (self.root / "etc/hosts").write_text("127.0.0.1 localhost\n")

    def api(self):
        """The API under a name, and the certificate to trust."""
        certificate, key = self.folder / "certificate", self.folder / "key"
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=test",
               "-addext", f"subjectAltName=DNS:{NAME}", "-keyout", key, "-out", certificate)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        api = self.enterContext(FakeAPI(tls=tls))
        return api, f"https://{NAME}:{api.port}/api/whatsapp/v1", certificate

    def test_a_name_in_etc_hosts_and_a_given_authority(self):
        (self.root / "etc/hosts").write_text(f"127.0.0.1 localhost {NAME}\n")
        _, url, certificate = self.api()
        shutil.copy(certificate, self.root / "ca.pem")
        with Exporter(url, "--hypersender.ca-file=/ca.pem") as running:
            running.wait_for(good, 15, "a good poll")
            self.assertEqual(running.stop()[0], 0)

    def test_a_name_of_dns_and_the_authorities_of_the_system(self):
        _, url, certificate = self.api()
        shutil.copy(certificate, self.root / "etc/ssl/certs/ca-certificates.crt")
        with NameServer({NAME: ["127.0.0.1"]}) as names, Exporter(url) as running:
            running.wait_for(good, 15, "a good poll")
        self.assertIn(NAME, names.asked)

    def test_modules_of_another_system_are_not_loaded(self):
        """Modules that a host's nsswitch.conf names are built for its own C library, and would end a static program."""
        (self.root / "etc/nsswitch.conf").write_text("hosts: mymachines resolve [!UNAVAIL=return] myhostname files\n")
        library = self.root / "lib/x86_64-linux-gnu"
        library.mkdir(parents=True)
        for module in ("mymachines", "resolve", "myhostname"):
            (library / f"libnss_{module}.so.2").write_bytes(b"not for this program")
        _, url, certificate = self.api()
        shutil.copy(certificate, self.root / "etc/ssl/certs/ca-certificates.crt")
        with NameServer({NAME: ["127.0.0.1"]}), Exporter(url) as running:
            running.wait_for(good, 15, "a good poll")

    def test_nothing_is_trusted_where_no_authority_is_there(self):
        (self.root / "etc/hosts").write_text(f"127.0.0.1 {NAME}\n")
        api, url, _ = self.api()
        with Exporter(url) as running:
            running.wait_for(lambda page: reason(page, "tls"), 15, "the certificate is refused")
        self.assertEqual(api.requests, [])

    def test_a_name_that_nobody_knows(self):
        with NameServer({NAME: ["127.0.0.1"]}), Exporter("https://elsewhere.hypersender.test/api") as running:
            running.wait_for(lambda page: reason(page, "dns"), 15, "the name is not found")


class TheFile(unittest.TestCase):
    def test_it_is_one_file(self):
        self.assertNotIn("INTERP", output("readelf", "-lW", BINARY))
        self.assertNotIn("NEEDED", output("readelf", "-dW", BINARY))
        self.assertNotIn(".symtab", output("readelf", "-SW", BINARY))
        # Full Foundation alone is 44 MB, and a dependency lets it in easily.
        self.assertLess(BINARY.stat().st_size, 34 << 20)

    def test_what_was_relocated_is_read_only(self):
        self.assertIn("GNU_RELRO", output("readelf", "-lW", BINARY))

    def test_it_tells_nothing_of_where_it_was_built(self):
        text = BINARY.read_bytes()
        self.assertTrue(b"/hypersender-exporter/.build-release/checkouts/" in text, "nothing stands in for the folder")
        self.assertEqual(re.findall(rb"[!-~]*(?<!/hypersender-exporter)/\.build-release/checkouts/[!-~]*", text), [])

    def test_it_tells_what_it_is(self):
        said = output(BINARY, "--version", env={})
        self.assertRegex(
            said,
            r"^hypersender-exporter, version \d+\.\d+\.\d+(-git\d{8}\.\d+\.g[0-9a-f]{7}(\.dirty)?|-dev)? \(revision: [0-9a-f]{40}(-dirty)?\)\n"
            r"  swift version:    \d+\.\d+\n"
            r"  target:           (x86_64|aarch64)-unknown-linux-gnu\n$")


if __name__ == "__main__":
    unittest.main()
