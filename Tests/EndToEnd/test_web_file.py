"""The web configuration file, tried with real clients: curl, openssl, and a Prometheus that scrapes over TLS."""

import base64
import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from exporter import run, wait_until
from running import Running
from timing import NEVER

PASSWORD = "correct horse"
HASH = "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e"
PAGE_LINE = b"\nhypersender_up 1\n"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def make_authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", f"{name}.key", "-out", f"{name}.crt")


def make_certificate(folder, name, authority, names, valid=(-60, 2 * 86400)):
    """Issues a certificate, valid from and until so many seconds from now."""
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")
    (folder / "ext").write_text(f"subjectAltName={names}\n")
    (folder / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=db\nnew_certs_dir=.\npolicy=p\nrand_serial=yes\nunique_subject=no\n"
                                   "[p]\ncommonName=supplied\n")
    (folder / "db").touch()
    start, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + seconds)) for seconds in valid)
    openssl(folder, "ca", "-batch", "-config", "ca.cnf", "-md", "sha256", "-cert", f"{authority}.crt", "-keyfile", f"{authority}.key",
            "-in", f"{name}.csr", "-startdate", start, "-enddate", end, "-extfile", "ext", "-notext", "-out", f"{name}.crt")


class WebFile(Running):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        make_authority(self.folder, "authority")
        make_authority(self.folder, "stranger")
        make_certificate(self.folder, "server", "authority", "IP:127.0.0.1,DNS:localhost")
        make_certificate(self.folder, "client", "authority", "DNS:prometheus.example.test")
        make_certificate(self.folder, "intruder", "stranger", "DNS:prometheus.example.test")
        self.file = self.folder / "web.yml"

    def write(self, text):
        new = self.folder / "new"
        new.write_text(text)
        os.replace(new, self.file)

    def start(self, text, *arguments):
        """An exporter with this file, which is polled well; its page cannot be read without what the file asks for."""
        self.write(text)
        api, exporter = self.started(f"--web.config.file={self.file}", *arguments, condition=None)
        wait_until(lambda: "First poll succeeded" in exporter.log, 15, "the first poll", lambda: exporter.log)
        return exporter

    def curl(self, exporter, *arguments, scheme="https", path="/metrics"):
        """The status and the body; status 0 where there was no answer."""
        result = subprocess.run(
            ["curl", "-sS", "--max-time", "10", "--noproxy", "*", "--cacert", self.folder / "authority.crt", "-w", "\n%{http_code} %{http_version}",
             *arguments, f"{scheme}://127.0.0.1:{exporter.port}{path}"], capture_output=True, check=False)
        body, _, last = result.stdout.rpartition(b"\n")
        status, self.version = last.decode().split()
        return int(status), body

    def client(self, name):
        return ["--cert", self.folder / f"{name}.crt", "--key", self.folder / f"{name}.key"]

    def handshake(self, exporter, *arguments):
        return subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{exporter.port}", "-CAfile", self.folder / "authority.crt", *arguments],
            input=b"", capture_output=True, check=False, timeout=NEVER).stdout.decode("utf-8", "replace")


TLS = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n"


class Summary(WebFile):
    def test_the_log_says_how_each_listener_is_protected(self):
        exporter = self.start("")
        self.assertRegex(exporter.log, r'msg="Listening on" address=127.0.0.1:\d+ auth=none tls=false\n')
        self.write(TLS + f"  client_auth_type: RequestClientCert\nbasic_auth_users:\n  a: {HASH}\n")
        # Twice: by itself, and as it was asked for.
        for count in (1, 2):
            wait_until(
                lambda: exporter.log.count("auth=basic client_auth=RequestClientCert ") == count, 10, "it is said", lambda: exporter.log)
            exporter.process.send_signal(signal.SIGHUP)
        exporter = self.start(TLS)
        self.assertRegex(exporter.log, r'msg="Listening on" address=127.0.0.1:\d+ auth=none tls=true\n')

    def test_a_certificate_that_has_expired_is_a_warning(self):
        make_certificate(self.folder, "server", "authority", "IP:127.0.0.1", valid=(-7200, -3600))
        exporter = self.start(TLS)
        self.assertRegex(exporter.log, r'level=warn msg="Unusual setting" problem="tls_server_config.cert_file: .*has expired.*web.yml:2')

    def test_the_key_of_another_certificate(self):
        self.write(TLS.replace("server.key", "client.key"))
        result = run(f"--web.config.file={self.file}", "--config.check")
        self.assertEqual(result.returncode, 1)
        self.assertIn("web.yml:3: tls_server_config.key_file: ", result.stderr)
        self.assertIn("does not hold the key of the certificate", result.stderr)


class Encryption(WebFile):
    def test_scrapes_over_tls(self):
        exporter = self.start(TLS)
        for arguments in ((), ("--http2",), ("--http1.1",)):
            status, body = self.curl(exporter, *arguments)
            self.assertEqual((status, self.version, PAGE_LINE in body), (200, "1.1", True))
        self.assertNotEqual(self.curl(exporter, scheme="http")[0], 200)
        # TLS 1.2 is the least, unless the file says otherwise.
        self.assertIn("Verify return code: 0", self.handshake(exporter, "-tls1_2"))
        self.assertNotIn("Verify return code: 0 (ok)\n---\nread", self.handshake(exporter, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"))
        self.assertEqual(exporter.stop()[0], 0)

    def test_http2_is_taken_with_a_warning(self):
        for value, warnings in (("true", 1), ("false", 0)):
            with self.subTest(value):
                exporter = self.start(TLS + f"http_server_config:\n  http2: {value}\n")
                self.assertEqual((self.curl(exporter)[0], self.version), (200, "1.1"))
                self.assertEqual(exporter.log.count("http_server_config.http2: has no effect: HTTP/1.1 is served"), warnings)
                exporter.kill()

    def test_versions_suites_and_curves(self):
        exporter = self.start(
            TLS + "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n  curve_preferences: [CurveP384]\n")
        shown = self.handshake(exporter)
        self.assertIn("ECDHE-ECDSA-AES128-GCM-SHA256", shown)
        self.assertRegex(shown, "P-384|secp384r1")
        self.assertIn("NONE", self.handshake(exporter, "-tls1_3"))

    def test_a_renewed_certificate_is_served_without_a_restart(self):
        exporter = self.start(TLS)

        def served():
            pem = ssl.get_server_certificate(("127.0.0.1", exporter.port))
            return pem.strip() == (self.folder / "server.crt").read_text().strip()

        self.assertTrue(served())
        make_certificate(self.folder, "server", "authority", "IP:127.0.0.1")
        wait_until(served, 10, "the new certificate is served", lambda: exporter.log)
        good = (self.folder / "server.crt").read_text()
        (self.folder / "server.crt").write_text("not a certificate")
        wait_until(lambda: self.curl(exporter)[0] == 200 and "server.crt" in exporter.log, 10, "the broken one is not used", lambda: exporter.log)
        (self.folder / "server.crt").write_text(good)
        self.assertEqual(self.curl(exporter)[0], 200)

    def test_the_file_is_read_again_when_it_changes(self):
        exporter = self.start(TLS)
        self.write(TLS + f"basic_auth_users:\n  prometheus: {HASH}\n")
        wait_until(lambda: self.curl(exporter)[0] == 401, 10, "passwords are asked for", lambda: exporter.log)
        self.write("nonsense: [\n")
        wait_until(lambda: "web.yml:" in exporter.log, 10, "the mistake is logged", lambda: exporter.log)
        self.assertEqual(self.curl(exporter, "-u", f"prometheus:{PASSWORD}")[0], 200)
        # A file that is being written must not open the door: only a reload takes protection away.
        self.write("")
        wait_until(lambda: "takes TLS or all passwords away" in exporter.log, 10, "the refusal is logged", lambda: exporter.log)
        status, body = self.curl(exporter, "-u", f"prometheus:{PASSWORD}")
        self.assertEqual(status, 200)
        self.assertIn(b"\nhypersender_exporter_config_last_reload_successful 0\n", body)
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.curl(exporter, scheme="http")[0] == 200, 10, "plain HTTP again", lambda: exporter.log)
        self.assertIn(
            b"\nhypersender_exporter_config_last_reload_successful 1\n", self.curl(exporter, scheme="http")[1])


class ClientCertificates(WebFile):
    def test_the_five_policies(self):
        """Whether each client is let in: without a certificate, with one of the authority, with one of a stranger."""
        for policy, authority, expected in (
            ("NoClientCert", False, (True, True, True)), ("RequestClientCert", False, (True, True, True)),
            ("RequireAnyClientCert", False, (False, True, True)), ("VerifyClientCertIfGiven", True, (True, True, False)),
            ("RequireAndVerifyClientCert", True, (False, True, False)),
        ):
            with self.subTest(policy):
                exporter = self.start(
                    TLS + f"  client_auth_type: {policy}\n" + ("  client_ca_file: authority.crt\n" if authority else ""))
                found = tuple(
                    self.curl(exporter, *(self.client(name) if name else ()))[0] == 200 for name in (None, "client", "intruder"))
                self.assertEqual(found, expected)
                exporter.kill()

    def test_allowed_names(self):
        text = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n  client_allowed_sans: [{}]\n"
        for name, allowed in (("prometheus.example.test", True), ("another.example.test", False)):
            with self.subTest(name):
                exporter = self.start(text.format(name))
                self.assertEqual(self.curl(exporter, *self.client("client"))[0] == 200, allowed)
                self.assertNotEqual(self.curl(exporter, *self.client("intruder"))[0], 200)
                exporter.kill()

    VERIFIED = TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n"

    def context(self, version, name="client"):
        context = ssl.create_default_context(cafile=self.folder / "authority.crt")
        context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        return context

    def connect(self, exporter, context, session=None):
        plain = socket.create_connection(("127.0.0.1", exporter.port), timeout=NEVER)
        self.addCleanup(plain.close)
        secure = context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
        self.addCleanup(secure.close)
        return secure

    def ask(self, connection, path="/-/healthy"):
        """The status of an answer on this connection; `None` where there is none."""
        try:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
        except (OSError, http.client.HTTPException):
            return None
        return answer.status

    def answer(self, exporter, context, session=None):
        """The answer to a new connection; `None` if it is refused."""
        try:
            return self.ask(self.connect(exporter, context, session))
        except OSError:
            return None

    def test_exempt_paths_need_no_certificate(self):
        exporter = self.start(self.VERIFIED + "auth_exempt_paths: [/-/healthy]\n")
        for name, path, status in (
            (None, "/-/healthy", 200), (None, "/-/healthy?a=b", 200), (None, "/metrics", 403), (None, "/", 403), (None, "/-/ready", 403),
            (None, "/nowhere", 403), (None, "/-/healthy/../../metrics", 403), ("client", "/metrics", 200), ("client", "/-/healthy", 200),
            ("intruder", "/-/healthy", 0), ("intruder", "/metrics", 0),
        ):
            with self.subTest(name=name, path=path):
                answer = self.curl(exporter, "--path-as-is", *(self.client(name) if name else ()), path=path)
                self.assertEqual(answer[0], status)
                if status == 403:
                    self.assertEqual(answer[1], b"A client certificate is required\n")
        for version in ("-tls1_2", "-tls1_3"):
            self.assertRegex(self.handshake(exporter, version), r"(?s)Acceptable client certificate CA names\nCN ?= ?authority\n.*Verify return code: 0")
        context = ssl.create_default_context(cafile=self.folder / "authority.crt")
        kept = self.connect(exporter, context)
        for path, status in (("/-/healthy", 200), ("/metrics", 403), ("/-/healthy", 200)):
            self.assertEqual(self.ask(kept, path), status)
        # The handshake asks for a certificate again once no path is exempt, and what is open gets nothing any more.
        self.write(self.VERIFIED)
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.curl(exporter, path="/-/healthy")[0] == 0, 10, "the change holds", lambda: exporter.log)
        self.assertEqual(self.ask(kept), 403)

    def test_a_session_lets_no_expired_certificate_in(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with self.subTest(version):
                exporter = self.start(self.VERIFIED)
                make_certificate(self.folder, "brief", "authority", "DNS:brief.example.test", valid=(-60, 10))
                context = self.context(version, "brief")
                first = self.connect(exporter, context)
                self.assertEqual(self.ask(first), 200)
                session = first.session
                self.assertIsNotNone(session)
                second = self.connect(exporter, context, session)
                self.assertEqual(self.ask(second), 200)
                wait_until(lambda: self.answer(exporter, context) is None, 20, "the certificate expires")
                self.assertIsNone(self.answer(exporter, context, session))
                self.assertIsNone(self.answer(exporter, context, second.session))
                self.assertEqual(self.answer(exporter, self.context(version)), 200)
                exporter.kill()

    def test_connections_and_sessions_end_with_their_rules(self):
        """Each change, whether it is followed by itself, and whether the client may come back."""
        other = self.VERIFIED.replace("authority.crt", "stranger.crt")
        for before, after, hangup, returns in (
            (self.VERIFIED, other, True, False), (self.VERIFIED, other, False, False),
            (self.VERIFIED, self.VERIFIED + "  client_allowed_sans: [another.example.test]\n", True, False),
            (TLS, self.VERIFIED, True, True), (TLS, other, False, False), (self.VERIFIED, TLS, True, True),
        ):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(before=before, after=after, hangup=hangup, version=version):
                    exporter = self.start(before)
                    context = self.context(version)
                    kept = self.connect(exporter, context)
                    self.assertEqual(self.ask(kept), 200)
                    self.write(after)
                    if hangup:
                        exporter.process.send_signal(signal.SIGHUP)
                    kept.settimeout(NEVER)
                    with contextlib.suppress(ConnectionError):
                        self.assertEqual(kept.recv(1), b"", "the connection ends")
                    self.assertEqual(self.answer(exporter, context, kept.session), 200 if returns else None)
                    exporter.kill()

    def test_connections_end_with_the_file_of_their_authority(self):
        exporter = self.start(self.VERIFIED)
        kept = self.connect(exporter, self.context(ssl.TLSVersion.TLSv1_3))
        make_certificate(self.folder, "server", "authority", "IP:127.0.0.1")
        wait_until(lambda: "TLS certificates reloaded" in exporter.log, 10, "the new certificate is read", lambda: exporter.log)
        self.assertEqual(self.ask(kept), 200)
        os.replace(self.folder / "stranger.crt", self.folder / "authority.crt")
        with contextlib.suppress(ConnectionError):
            self.assertEqual(kept.recv(1), b"", "the connection ends")
        # The client trusts the server no longer, since it reads the same file: whether it is let in is seen above.


class Passwords(WebFile):
    FILE = f"basic_auth_users:\n  prometheus: {HASH}\nhttp_server_config:\n  headers:\n    X-Frame-Options: deny\n"

    def test_who_may_ask(self):
        exporter = self.start(self.FILE + "auth_exempt_paths: [/-/healthy]\n", "--web.enable-lifecycle")
        for arguments, path, status in (
            ((), "/metrics", 401), ((), "/", 401), ((), "/runbooks", 401), ((), "/-/ready", 401), ((), "/-/healthy", 200), ((), "/nowhere", 401),
            (("-X", "POST"), "/-/reload", 401), ((), "/-/healthy/../../metrics", 401), ((), "/%2d/healthy", 401), ((), "//-/healthy", 401),
            (("-u", f"prometheus:{PASSWORD}"), "/metrics", 200), (("-u", "prometheus:wrong"), "/metrics", 401),
            (("-u", f"nobody:{PASSWORD}"), "/metrics", 401), (("-u", "prometheus:"), "/metrics", 401),
            (("-H", "Authorization: Basic !!!"), "/metrics", 401), (("-H", "Authorization: Bearer x"), "/metrics", 401),
        ):
            with self.subTest(arguments=arguments, path=path):
                self.assertEqual(self.curl(exporter, "--path-as-is", *arguments, scheme="http", path=path)[0], status)
        answer = exporter.request("/metrics")
        self.assertTrue(answer.header("WWW-Authenticate").startswith("Basic"))
        self.assertEqual(answer.header("X-Frame-Options").lower(), "deny")
        with socket.create_connection(("127.0.0.1", exporter.port)) as broken:
            broken.sendall(b"nonsense\r\n\r\n")
            refusal = broken.recv(4096).lower()
        self.assertTrue(refusal.startswith(b"http/1.1 400") and b"\r\nx-frame-options: deny\r\n" in refusal, refusal)
        exporter.stop()
        self.assertEqual(exporter.secrets_shown([PASSWORD, HASH]), [])

    def test_a_body_does_not_come_before_the_password(self):
        exporter = self.start(self.FILE)
        for credentials, path, status in (
            (None, "/metrics", 401), ("prometheus:wrong", "/metrics", 401), ("nobody:wrong", "/metrics", 401),
            (f"prometheus:{PASSWORD}", "/nowhere", 404), (f"prometheus:{PASSWORD}", "/metrics", 200),
        ):
            for fields in ("Content-Length: 60000", "Transfer-Encoding: chunked", "Content-Length: 5\r\nExpect: 100-continue"):
                with self.subTest(credentials=credentials, path=path, fields=fields), \
                        socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
                    field = "" if credentials is None else f"Authorization: Basic {base64.b64encode(credentials.encode()).decode()}\r\n"
                    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{field}{fields}\r\n\r\n".encode())
                    if status != 200:
                        # The body is still missing.
                        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
                        self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
                        self.assertEqual(answer.lower().count(b"\r\nx-frame-options: deny\r\n"), 1, answer)
                    elif "Expect" in fields:
                        self.assertEqual(connection.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
                        connection.sendall(b"hello")
                        self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_wrong_passwords_hold_up_nobody(self):
        """Twenty clients that keep guessing, at a cost of tens of milliseconds a guess, beside one that knows the password."""
        cost10 = "$2y$10$abcdefghijklmnopqrstuug7uV/rfOsuPOAUg70eqWWWMjvHc6jZm"
        exporter = self.start(f"basic_auth_users:\n  guessed: {cost10}\n  prometheus: {HASH}\n")
        self.assertEqual(self.curl(exporter, "-u", f"prometheus:{PASSWORD}", scheme="http")[0], 200)
        stop = threading.Event()

        def guess(number):
            while not stop.is_set():
                self.curl(exporter, "-u", f"guessed:{number}{time.monotonic()}", scheme="http")

        guessers = [threading.Thread(target=guess, args=(n,)) for n in range(20)]
        for guesser in guessers:
            guesser.start()
        try:
            times = []
            for _ in range(10):
                start = time.monotonic()
                self.assertEqual(self.curl(exporter, "-u", f"prometheus:{PASSWORD}", scheme="http")[0], 200)
                times.append(time.monotonic() - start)
        finally:
            stop.set()
            for guesser in guessers:
                guesser.join()
        # The clients that guess are on the same two processors: the typical scrape counts.
        self.assertLess(sorted(times)[5], 1)

    def test_wrong_passwords_delay_no_first_login(self):
        """A hundred connections of one address that keep guessing, and each login is with a password that was not seen before."""
        cost10 = "$2b$10$abcdefghijklmnopqrstuu23JPZtHcGhwXSF41f93o/7vBdDut3Xu"
        exporter = self.start("basic_auth_users:\n" + "".join(f"  user{n}: {cost10}\n" for n in range(11)))
        stop = threading.Event()
        guesses, answers = [], []

        def login(connection, user, password):
            credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
            connection.request("GET", "/-/healthy", headers={"Authorization": f"Basic {credentials}"})
            answer = connection.getresponse()
            answer.read()
            return answer.status

        def first_login(user, source):
            start = time.monotonic()
            connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=NEVER, source_address=(source, 0))
            with contextlib.closing(connection):
                self.assertEqual(login(connection, user, PASSWORD), 200)
            return time.monotonic() - start

        def guess(number):
            # Every other one keeps its connection.
            connection = http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=120)
            # The last one is ended by the exporter's end.
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                while not stop.is_set():
                    guesses.append(number)
                    answers.append(login(connection, "user0", f"{number}{time.monotonic()}"))
                    if number % 2:
                        connection.close()

        guessers = [threading.Thread(target=guess, args=(n,)) for n in range(100)]
        used = exporter.seconds_used()
        start = time.monotonic()
        for guesser in guessers:
            guesser.start()
        try:
            wait_until(lambda: len(guesses) > 100, 20, "they guess")
            from_elsewhere = [first_login(f"user{n}", "127.0.0.2") for n in range(5)]
            from_there = [first_login(f"user{n}", "127.0.0.1") for n in range(5, 10)]
            cores = (exporter.seconds_used() - used) / (time.monotonic() - start)
        finally:
            stop.set()
            # Ends what is held back.
            code, seconds = exporter.stop()
            for guesser in guessers:
                guesser.join()
        self.assertLess(sorted(from_elsewhere)[2], 1)
        self.assertLess(max(from_there), 10)
        self.assertEqual(set(answers), {401})
        self.assertEqual(code, 0)
        self.assertLess(seconds, 10)
        # Besides the checks, the requests themselves take some.
        self.assertLess(cores, len(os.sched_getaffinity(0)) / 2 * 1.25)

    def test_costs_of_hashes_are_warnings(self):
        self.write(f"basic_auth_users:\n  a: {HASH}\n  b: {HASH.replace('$04$', '$17$')}\n")
        result = run(f"--web.config.file={self.file}", "--config.check")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("web.yml:1: basic_auth_users: has hashes of different costs (4, 17)", result.stderr)
        self.assertIn("web.yml:3: basic_auth_users.b: is a bcrypt hash of cost 17", result.stderr)
        exporter = self.start(self.file.read_text())
        self.assertEqual(exporter.log.count(f"setting={self.file}"), 2)

    def test_rate_limit(self):
        exporter = self.start("rate_limit:\n  interval: 1h\n  burst: 3\n")
        self.assertEqual([exporter.request("/metrics").status for _ in range(5)], [200, 200, 200, 429, 429])


class RealPrometheus(WebFile):
    def test_scrapes_with_a_client_certificate_and_a_password(self):
        """With `enable_http2`, as a Prometheus is set up that has not been told otherwise."""
        exporter = self.start(
            TLS + "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: authority.crt\n"
            + f"basic_auth_users:\n  prometheus: {HASH}\n")
        (self.folder / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{
                "job_name": "hypersender", "scheme": "https", "enable_http2": True, "static_configs": [{"targets": [f"127.0.0.1:{exporter.port}"]}],
                "basic_auth": {"username": "prometheus", "password": PASSWORD},
                "tls_config": {"ca_file": "authority.crt", "cert_file": "client.crt", "key_file": "client.key"},
            }],
        }))
        log = (self.folder / "prometheus.log").open("w+")
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:0"], cwd=self.folder,
            stdout=log, stderr=subprocess.STDOUT)
        self.addCleanup(process.wait)
        self.addCleanup(process.send_signal, signal.SIGKILL)

        def read_log():
            return (self.folder / "prometheus.log").read_text()

        port = wait_until(lambda: re.search(r'msg="Listening on" address=127.0.0.1:(\d+)', read_log()), 20, "Prometheus listens", read_log)[1]

        def value(query):
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            try:
                with opener.open(f"http://127.0.0.1:{port}/api/v1/query?query={query}", timeout=NEVER) as answer:
                    result = json.load(answer)["data"]["result"]
            except OSError:
                # Listening, but not ready yet.
                return None
            return result and result[0]["value"][1]

        wait_until(lambda: value("up") == "1" and value("hypersender_up") == "1", 20, "Prometheus scrapes", lambda: exporter.log + read_log())


if __name__ == "__main__":
    unittest.main()
