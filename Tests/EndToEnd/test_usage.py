"""The command line: exit codes and messages of what is taken and what is refused."""

import pathlib
import socket
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from exporter import run
from fake_api import KEY, KEY_MARK, FakeAPI

class Usage(unittest.TestCase):
    def assert_rejected(self, result, code, *words):
        self.assertIn(result.returncode, code if isinstance(code, tuple) else (code,), result.stderr)
        for word in words:
            self.assertIn(word, result.stderr + result.stdout)
        self.assertNotIn(KEY_MARK, result.stderr + result.stdout)
        self.assertNotIn("Fatal error", result.stderr)

    def reject(self, flag, *values):
        for value in values:
            with self.subTest(flag=flag, value=value):
                result = run(f"{flag}={value}", *([] if "listen" in flag else ["--web.listen-address=127.0.0.1:0"]))
                self.assert_rejected(result, 64, flag, value)

    def test_interval(self):
        self.reject("--poll.interval", "0", "0s", "-1", "-1s", "NaN", "nan", "inf", "garbage", "500ms", "0.5s", "1", "s", "1x",
                    "1s2", "99999999999999999999s", "1s ", "1e3s")

    def test_timeout(self):
        self.reject("--poll.timeout", "0", "0s", "-1s", "NaN", "garbage", "99999999999999999999s")

    def test_stale_after(self):
        self.reject("--poll.stale-after", "-1s", "NaN", "garbage")

    def test_response_bytes(self):
        self.reject("--poll.max-response-bytes", "0", "-1", "NaN", "many", "99999999999999999999999")

    def test_base_url(self):
        self.reject("--hypersender.base-url", "not a url", "ftp://api.invalid/api", "api.invalid", "https://",
                    "https:///api", "https://api.invalid:99999/api", "file:///etc/passwd")

    def test_base_url_empty(self):
        self.assert_rejected(run("--hypersender.base-url=", "--web.listen-address=127.0.0.1:0"), 64, "--hypersender.base-url")

    def test_base_url_with_more_than_an_address(self):
        for value, word in (
            ("https://api.invalid/v1 ", "white space"), (" https://api.invalid/v1", "white space"), ("https://api.invalid/v1\n", "white space"),
            ("https://api.invalid/\u00a0v1", "white space"), ("https://api.invalid/\x1bv1", "control character"),
            ("https://api.invalid/v1?", "query"), ("https://api.invalid/v1#", "fragment"), ("https://@api.invalid/v1", "user"),
        ):
            with self.subTest(value=value):
                self.assert_rejected(run(f"--hypersender.base-url={value}", "--config.check"), 1, "--hypersender.base-url", word)

    def test_loopback_in_its_ipv6_spelling(self):
        result = run("--hypersender.base-url=http://[::ffff:127.0.0.1]:9/v1", "--config.check", HTTP_PROXY="ftp://proxy.invalid")
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_proxy_that_is_not_needed(self):
        for proxies in (
            {"HTTP_PROXY": "gopher://proxy.invalid"}, {"http_proxy": "::::"}, {"HTTPS_PROXY": "https://proxy.invalid", "NO_PROXY": "b.invalid api.invalid"},
        ):
            with self.subTest(**proxies):
                result = run("--hypersender.base-url=https://api.invalid/v1", "--config.check", **proxies)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
        result = run("--hypersender.base-url=https://api.invalid/v1", "--web.listen-address=127.0.0.1:0", HTTPS_PROXY="https://proxy.invalid")
        self.assert_rejected(result, 64, "HTTPS_PROXY has the scheme https")

    def test_exceptions_from_proxies_that_never_match(self):
        result = run("--config.check", NO_PROXY="localhost 10.0.0.0/99,192.0.2.*\t'api.invalid' 10.0.0.0/8")
        self.assertEqual(result.returncode, 0)
        for entry in ("10.0.0.0/99", "192.0.2.*", "'api.invalid'"):
            self.assertIn(f'warning: NO_PROXY: "{entry}" can never match', result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 3, result.stderr)

    def test_http_beyond_loopback(self):
        self.reject("--hypersender.base-url", "http://api.invalid/api/whatsapp/v1", "http://192.0.2.1/api",
                    "http://127.0.0.1.example.invalid/api", "http://localhost.example.invalid/")
        result = run("--hypersender.base-url=http://192.0.2.1/api", "--web.listen-address=127.0.0.1:0")
        self.assert_rejected(result, 64, "--hypersender.allow-http")

    def test_choices(self):
        self.reject("--metrics.status-set", "some", "ALL")
        self.reject("--metrics.phone", "on", "sha256")
        self.reject("--log.level", "loud")
        self.reject("--log.format", "xml")

    def test_labels(self):
        self.reject("--metrics.label", "acme", "customer=", "customer= ", "=acme", "a-b=c", "1a=b", "job=acme", "status=x", "reason=x", "instance=x",
                    "instance_group=x", "__name__=x", "le=x")
        result = run(*(f"--metrics.label=l{n}=x" for n in range(17)), "--metrics.label=l0=y", "--config.check")
        self.assert_rejected(result, 1, '--metrics.label: "l16=x" is one too many', '--metrics.label: "l0=y" is given twice')
        self.assert_rejected(run("--config.check", HYPERSENDER_METRICS_LABEL="team=a,b"), 1, 'HYPERSENDER_METRICS_LABEL: "b" is not a label')

    def test_numbers(self):
        self.reject("--web.max-requests", "-1", "many", "1.5")

    def test_listen_address(self):
        self.reject("--web.listen-address", "nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:-1", "::1:80", "[::1]")

    def test_telemetry_path(self):
        self.reject("--web.telemetry-path", "metrics", "/-/healthy", "/runbooks")

    def test_filter_status(self):
        self.reject("--hypersender.filter.status", "ASLEEP")

    def test_unknown_flag(self):
        self.assert_rejected(run("--poll.intervall=1s"), 64, "--poll.intervall")

    def test_stray_argument(self):
        self.assert_rejected(run("start"), 64, "start")

    def test_a_token_is_never_a_flag(self):
        for arguments in (["--hypersender.token=" + KEY], ["--token", KEY]):
            result = run(*arguments, token=None)
            self.assert_rejected(result, 64, "no flag takes the API key", "HYPERSENDER_TOKEN", "--hypersender.token-file")
            self.assertNotIn(KEY, result.stderr)

    def test_unknown_variable(self):
        result = run("--web.listen-address=127.0.0.1:0", token=None, HYPERSENDER_TOKN=KEY, HYPERSENDER_EXPORTER_SERVICE_HOST="10.0.0.1")
        self.assert_rejected(result, 64, "HYPERSENDER_TOKN: unknown variable; did you mean HYPERSENDER_TOKEN?")
        self.assertNotIn("SERVICE_HOST", result.stderr)
        self.assertNotIn(KEY, result.stderr)

    def test_what_is_probably_not_meant(self):
        with tempfile.TemporaryDirectory() as folder:
            key, web = pathlib.Path(folder, "key"), pathlib.Path(folder, "web.yml")
            key.write_text(KEY)
            key.chmod(0o600)
            web.write_text("basic_auth_users:\n  a: $2y$10$WPmLdoXlUjd2pbWAR7LBnOIbCsWZ4ODrOTNXdaJFiFBvpQdEwOhOe\n")
            arguments = [
                "--config.check", "--poll.timeout=31s", "--hypersender.filter.status=WORKING", f"--hypersender.token-file={key}",
                f"--web.config.file={web}", "--hypersender.base-url=http://127.0.0.1:9/api/whatsapp/v1/instances/"]
            result = run(*arguments)
            local = run(*arguments, "--web.listen-address=127.0.0.1:10058", "--web.listen-address=unix:/run/x.sock")
        self.assertEqual(result.returncode, 0, result.stderr)
        for place, text in (
            ("--poll.timeout", "is longer than the poll interval"), ("--hypersender.filter.status", "vanishes"),
            ("--hypersender.base-url", "ends in /instances"), ("HYPERSENDER_TOKEN", "is not used"), (str(web), "passwords without TLS"),
        ):
            self.assertRegex(result.stderr, f"warning: {place}: .*{text}")
        self.assertNotIn("passwords without TLS", local.stderr)

    def test_environment_is_named(self):
        self.assert_rejected(run("--web.listen-address=127.0.0.1:0", HYPERSENDER_POLL_INTERVAL="soon"), 64, "HYPERSENDER_POLL_INTERVAL", "soon")

    def test_neither_token_nor_demo(self):
        result = run("--web.listen-address=127.0.0.1:0", token=None)
        self.assert_rejected(result, (1, 64), "HYPERSENDER_TOKEN", "--hypersender.token-file", "--demo")

    def test_blank_token(self):
        for token in ("", " ", "\t\n"):
            with self.subTest(token=token):
                self.assert_rejected(run("--web.listen-address=127.0.0.1:0", token=token), (1, 64), "HYPERSENDER_TOKEN")

    def test_token_that_is_no_header(self):
        result = run("--web.listen-address=127.0.0.1:0", token=KEY + "\r\nX-Evil: 1")
        self.assert_rejected(result, (1, 64), "HYPERSENDER_TOKEN")

    def test_token_that_is_more_than_a_key(self):
        for token, word in (
            (f'"{KEY}"', "quotes"), (f"'{KEY}'", "quotes"), (f"HYPERSENDER_TOKEN={KEY}", "NAME=value"), (f"<{KEY_MARK}>", "placeholder"),
            (f"{KEY_MARK} {KEY_MARK}", "white space"), (KEY + "\\n", "backslash"), ("Bearer " + KEY, "Bearer"),
        ):
            with self.subTest(word, token=token), tempfile.NamedTemporaryFile("w", suffix=".token") as file:
                self.assert_rejected(run("--web.listen-address=127.0.0.1:0", token=token), 64, "HYPERSENDER_TOKEN", word)
                file.write(token + "\n")
                file.flush()
                for flag in ("--web.listen-address=127.0.0.1:0", "--config.check"):
                    self.assert_rejected(run(f"--hypersender.token-file={file.name}", flag, token=None), 1, file.name, word)

    def test_token_of_systemd(self):
        with tempfile.TemporaryDirectory() as folder:
            result = run("--config.check", token=None, CREDENTIALS_DIRECTORY=folder)
            self.assert_rejected(result, 1, f"{folder}/token", "cannot be opened")
            self.assertEqual(run("--config.check", CREDENTIALS_DIRECTORY=folder).returncode, 0, "the environment wins")
            token = pathlib.Path(folder, "token")
            token.touch(0o600)
            token.write_text(KEY + "\n")
            result = run("--config.check", token=None, CREDENTIALS_DIRECTORY=folder)
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_token_file_that_everybody_may_read(self):
        result = run("--config.check", f"--hypersender.token-file={self.token(0o600)}", token=None)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for mode, words in ((0o644, "be read by"), (0o602, "be written by"), (0o666, "be read and written by")):
            path = self.token(mode)
            result = run("--config.check", f"--hypersender.token-file={path}", token=None)
            self.assertEqual(result.returncode, 0)
            self.assertIn(f'warning: token: the token file "{path}" may {words} everybody', result.stderr)
        # On a tmpfs, as secrets of containers are.
        result = run("--config.check", f"--hypersender.token-file={self.token(0o666, '/dev/shm')}", token=None)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def token(self, mode, folder=None):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(dir=folder)), "file")
        path.write_text(KEY + "\n")
        path.chmod(mode)
        return path

    def test_token_file_missing(self):
        result = run("--hypersender.token-file=/nonexistent/token", "--web.listen-address=127.0.0.1:0", token=None)
        self.assert_rejected(result, (1, 64), "/nonexistent/token")

    def test_token_file_blank(self):
        with tempfile.NamedTemporaryFile(suffix=".token") as file:
            file.write(b" \n")
            file.flush()
            result = run("--hypersender.token-file=" + file.name, "--web.listen-address=127.0.0.1:0", token=None)
            self.assert_rejected(result, (1, 64), file.name)

    def test_ca_file_missing(self):
        result = run("--hypersender.ca-file=/nonexistent/ca.pem", "--web.listen-address=127.0.0.1:0")
        self.assert_rejected(result, (1, 64), "/nonexistent/ca.pem")

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            with FakeAPI() as api:
                result = run("--hypersender.base-url=" + api.base_url, "--web.listen-address=" + address)
            self.assert_rejected(result, 1, address, "in use")

    def test_address_of_another_machine(self):
        result = run("--web.listen-address=192.0.2.1:0")
        self.assert_rejected(result, 1, "192.0.2.1")

    def test_version(self):
        result = run("--version", token=None)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"\d+\.\d+")

    def test_help(self):
        result = run("--help", token=None)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for flag in ("--poll.interval", "--version", "--help"):
            self.assertIn(flag, result.stdout)
        self.assertIn("HYPERSENDER_TOKEN", result.stdout)


if __name__ == "__main__":
    unittest.main()
