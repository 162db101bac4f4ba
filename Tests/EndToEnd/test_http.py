"""HTTP: who gets what, in which form, and what hostile clients get."""

import html.parser
import pathlib
import re
import socket
import sys
import threading
import time
import unittest
from urllib.parse import urljoin

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import exposition
from exporter import OPENMETRICS, TEXT, wait_until
from fake_api import KEY_MARK, PHONE_MARK, FakeAPI, instance
from running import LargePage, Running, SlowReader, good, reason
from timing import NEVER, Stopwatch


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


class HTTP(Running):
    # Accept, and the type that must answer it.
    ACCEPT = [
        (None, TEXT),
        ("", TEXT),
        ("*/*", TEXT),
        ("text/*", TEXT),
        ("text/plain", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", TEXT),
        ("application/json", TEXT),
        ("garbage", TEXT),
        (";;;,,,===", TEXT),
        ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited", TEXT),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
        ("application/openmetrics-text; version=1.0.0; charset=utf-8", OPENMETRICS),
        ("APPLICATION/OpenMetrics-Text;VERSION=1.0.0", OPENMETRICS),
        ('application/openmetrics-text;version="1.0.0"', OPENMETRICS),
        ("application/openmetrics-text;version=2.0.0", TEXT),
        ("application/openmetrics-text;version=2.0.0,application/openmetrics-text;version=1.0.0;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;q=0.2,text/plain;q=0.9", TEXT),
        ("application/openmetrics-text;version=1.0.0;q=0,*/*", TEXT),
        ("application/openmetrics-text;q=0", TEXT),
        ("*/*;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5", None),
        ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
         "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", OPENMETRICS),
        ("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,"
         "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         OPENMETRICS + "; escaping=allow-utf-8"),
        ("application/openmetrics-text;version=1.0.0;escaping=dots", OPENMETRICS + "; escaping=underscores"),
        ("application/openmetrics-text;version=1.0.0;escaping=underscores", OPENMETRICS + "; escaping=underscores"),
    ]
    ENCODING = [
        (None, None), ("", None), ("gzip", "gzip"), ("GZIP", "gzip"), ("gzip, deflate, br, zstd", "gzip"), ("*", "gzip"),
        ("gzip;q=0", None), ("gzip;q=0.0", None), ("gzip; q=0.000", None), ("*;q=0", None), ("gzip;q=0,*", None), ("br", None),
        ("identity", None), ("identity;q=1,gzip;q=0.5", None), ("identity;q=0.5,gzip;q=1", "gzip"), ("identity,gzip", "gzip"),
        ("gzip;q=1.0, identity; q=0.5, *;q=0", "gzip"), ("garbage;;;", None),
    ]

    def test_negotiation(self):
        _, exporter = self.started()
        for accept, wanted in self.ACCEPT:
            with self.subTest(accept=accept):
                answer = exporter.request("/metrics", headers={"Accept-Encoding": "identity"} | ({"Accept": accept} if accept is not None else {}))
                self.assertEqual(answer.status, 200)
                shown = answer.header("Content-Type")
                self.assertIn(shown, [wanted] if wanted else [TEXT, OPENMETRICS])
                self.assertEqual(exposition.check(answer.body, "openmetrics" in shown), [])

    def test_compression(self):
        _, exporter = self.started()
        for encoding, wanted in self.ENCODING:
            with self.subTest(encoding=encoding):
                # http.client sends an Accept-Encoding of its own unless told one, so this speaks for itself.
                head, body = raw(exporter, b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + (
                    b"" if encoding is None else b"Accept-Encoding: " + encoding.encode() + b"\r\n") + b"\r\n")
                self.assertTrue(head.startswith(b"HTTP/1.1 200"), head)
                shown = re.search(rb"(?im)^content-encoding: (\S+)", head)
                self.assertEqual(shown and shown[1].decode(), wanted)
                self.assertEqual(body.startswith(b"\x1f\x8b"), wanted == "gzip")
                self.assertRegex(head, rb"(?im)^vary: Accept, Accept-Encoding\r?$")

    def test_head(self):
        _, exporter = self.started(interval="60s", stale_after=180)
        for path in ("/metrics", "/", "/runbooks", "/-/healthy"):
            with self.subTest(path):
                head = exporter.request(path, "HEAD", {"Accept-Encoding": "identity"})
                get = exporter.request(path, "GET", {"Accept-Encoding": "identity"})
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(head.header("Content-Type"), get.header("Content-Type"))
                self.assertAlmostEqual(int(head.header("Content-Length")), len(get.body), delta=300)

    def test_pages_may_stand_below_any_path(self):
        """As a reverse proxy puts them: no link leads to the root of a host."""
        _, exporter = self.started()
        for path in ("/", "/?q=a&status=FAILED", "/runbooks", "/nowhere"):
            with self.subTest(path):
                answer = exporter.request(path, headers={"Accept": "text/html"})
                self.assertIsNone(answer.header("Location"))
                targets = [value for _, attributes in Page(answer.body.decode()).tags for name, value in attributes.items() if name in ("href", "src", "action")]
                self.assertTrue(targets or answer.status == 404)
                for target in targets:
                    self.assertRegex(target, r"^(\./|\?|#|data:|https://github\.com/)", path)

    def test_other_methods(self):
        _, exporter = self.started()
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
            for path in ("/metrics", "/", "/runbooks", "/-/healthy", "/-/ready"):
                with self.subTest(method=method, path=path):
                    answer = exporter.request(path, method)
                    self.assertEqual(answer.status, 405)
                    self.assertEqual({m.strip() for m in (answer.header("Allow") or "").split(",")}, {"GET", "HEAD"})

    def test_other_paths(self):
        _, exporter = self.started()
        for path in ("/metrics/", "/metricsx", "/metric", "/x", "/-/", "/-/healthyx", "//metrics", "/METRICS", "/%6detrics/..", "/favicon.ico",
                     "/../etc/passwd", "/-/reload", "/-/quit", "/probe", "/debug/pprof/"):
            with self.subTest(path):
                self.assertEqual(exporter.request(path).status, 404)
        self.assertEqual(exporter.request("/-/reload", "POST").status, 404)
        for path, shown in (
            ("/metric?token=secret", "/metric"), ("/<script>alert('x')</script>", "/%3Cscript%3Ealert%28%27x%27%29%3C/script%3E"),
            ("/%3Cb%3E", "/%3Cb%3E"), ("/" + "a" * 5000, "/" + "a" * 99 + "…"),
        ):
            with self.subTest(path):
                answer = exporter.request(path)
                self.assertEqual(answer.body.decode(), f"Not found: {shown}. The metrics are at /metrics.\n")
                self.assertEqual(answer.header("Content-Type"), "text/plain; charset=utf-8")

    # Requests that are refused by their head, and the status for it.
    REFUSED = [
        (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000", 413), (b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 60000", 405),
        (b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 60000", 404), (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked", 405),
        (b"POST / HTTP/1.0\r\nContent-Length: 60000", 405), (b"HEAD /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 60000", 404),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\nExpect: 100-continue", 405),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue", 405),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20_000, 431),
    ]

    def test_what_is_refused_is_refused_by_the_head(self):
        _, exporter = self.started()
        for head, status in self.REFUSED:
            for body in (b"", b"x" * 1000, b"1000\r\n" + b"x" * 30_000):
                with self.subTest(head=head[:100], body=len(body)), socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
                    connection.sendall(head + b"\r\n\r\n" + body)
                    # All of it, to the end of what the server sends: before the body has come, and without a reset.
                    answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
                    self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer)
                    self.assertEqual(answer.count(b"HTTP/1.1"), 1, answer)
                    self.assertIn(b"\r\nConnection: close\r\n", answer)

    def test_little_is_taken_of_a_refused_client(self):
        _, exporter = self.started()
        for drip in (0, 0.05):
            with self.subTest(drip=drip), socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
                connection.sendall(b"POST /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                watch, sent = Stopwatch(exporter.process.pid), 0
                with self.assertRaises(OSError):
                    while sent < 64_000_000:
                        sent += connection.send(b"1\r\nx\r\n" if drip else b"4000\r\n" + b"x" * 16_384 + b"\r\n")
                        time.sleep(drip)
                self.assertLess(watch.seconds, 7)
                # 256 KiB, and what lies in the buffers of the system.
                self.assertLess(sent, 16_000_000)
                # It is there to be read even now.
                self.assertTrue(connection.recv(1 << 16).startswith(b"HTTP/1.1 405 "))

    def test_small_bodies_of_allowed_requests_are_ignored(self):
        _, exporter = self.started()
        with socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
            for rest in (b"Content-Length: 5\r\n\r\nhello", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                         b"Content-Length: 0\r\n\r\n", b"\r\n"):
                connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n" + rest)
                self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))
            connection.sendall(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(connection.recv(4096), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(b"hello")
            self.assertTrue(connection.recv(4096).startswith(b"HTTP/1.1 200 "))

    def test_the_connection_stays_after_a_refusal_without_a_body(self):
        _, exporter = self.started()
        requests = (b"GET /nowhere HTTP/1.1", b"POST /metrics HTTP/1.1", b"POST / HTTP/1.1\r\nContent-Length: 0", b"GET /-/healthy HTTP/1.1")
        with socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
            # One after the other, and all at once.
            connection.sendall(b"".join(request + b"\r\nHost: a\r\n\r\n" for request in requests))
            connection.sendall(b"GET /-/ready HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
        self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", answer), [b"404", b"405", b"405", b"200", b"200"])

    def test_query_is_ignored(self):
        _, exporter = self.started()
        self.assertEqual(exporter.request("/metrics?a=b").status, 200)

    def test_health_and_readiness(self):
        api = self.enterContext(FakeAPI())
        release = threading.Event()
        honest_answer = api.answer

        def answer(exchange):
            release.wait(NEVER)
            honest_answer(exchange)

        api.answer = answer
        _, exporter = self.started(api=api, condition=None, timeout="15s")
        self.assertEqual(exporter.request("/-/healthy").status, 200)
        self.assertEqual(exporter.request("/-/ready").status, 503)
        page = exporter.scrape_in_every_way()
        self.assertEqual(page.value("hypersender_up"), 0)
        self.assertEqual(page.value("hypersender_polls_total"), 0)
        self.assertNotIn("hypersender_instances", page)
        release.set()
        wait_until(lambda: exporter.request("/-/ready").status == 200, 5, "it is ready after the first poll")
        wait_until(lambda: good(exporter.scrape()), 5, "the page shows the poll a moment after it")

    def test_ready_after_a_bad_poll(self):
        api = self.enterContext(FakeAPI(key="another"))
        _, exporter = self.started(api=api, condition=lambda page: reason(page, "unauthorized"))
        self.assertEqual(exporter.request("/-/ready").status, 200)
        self.assertEqual(exporter.request("/-/healthy").status, 200)

    def test_status_page(self):
        api = self.enterContext(FakeAPI([instance(0, name="<script>alert(1)</script>"), instance(1, name="\" onload=\"x"), instance(2)]))
        _, exporter = self.started(api=api)
        answer = exporter.request("/")
        self.assertEqual(answer.status, 200)
        self.assertIn("text/html", answer.header("Content-Type"))
        self.assertIn("default-src 'none'", answer.header("Content-Security-Policy") or "")
        text = answer.body.decode()
        self.assertNotIn("<script>alert", text)
        page = Page(text)
        for tag, attributes in page.tags:
            for name, value in attributes.items():
                self.assertFalse(name.startswith("on"), f"{tag} {name}")
                if name in ("src", "srcset", "action"):
                    self.assertFalse(re.match(r"(https?:)?//", value or ""), f"{tag} {name}={value}")
            if tag == "link":
                self.assertFalse(re.match(r"(https?:)?//", attributes.get("href") or ""), attributes)
        self.assertIn("/metrics", [urljoin("/", attributes.get("href")) for tag, attributes in page.tags if tag == "a"])
        self.assertNotIn(PHONE_MARK, text)
        self.assertNotIn(KEY_MARK, text)

    def test_hostile_requests(self):
        _, exporter = self.started()
        connections = []
        self.addCleanup(lambda: [c.close() for c in connections])
        for _ in range(100):
            connection = socket.create_connection(("127.0.0.1", exporter.port))
            connections.append(connection)
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHo")
        for request in (
            b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET /metrics HTTP/1.1\r\n\r\n", b"GET /metrics HTTP/9.9\r\nHost: a\r\n\r\n",
            b"GET /" + b"a" * 1_000_000, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000,
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100_000,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 100_000,
            b"POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        ):
            with self.subTest(request[:40]):
                connection = socket.create_connection(("127.0.0.1", exporter.port))
                connections.append(connection)
                connection.settimeout(NEVER)
                try:
                    connection.sendall(request)
                    answer = connection.recv(4096)
                except OSError:
                    answer = b""
                if answer:
                    self.assertRegex(answer, rb"^HTTP/1\.[01] (4|5)\d\d ")
                self.assertTrue(good(exporter.scrape()))
        self.assertLess(exporter.memory(), 200 << 20)

    def test_keep_alive_and_pipelining(self):
        _, exporter = self.started()
        head, body = raw(exporter, b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n" * 3 + b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        everything = head + b"\r\n\r\n" + body
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", everything), [b"200", b"200", b"200", b"404"])

    def test_several_addresses(self):
        _, exporter = self.started("--web.listen-address=127.0.0.1:0", "--web.listen-address=[::1]:0")
        addresses = re.findall(r'Listening"?.*?address="?([^\s",]+)', exporter.log)
        self.assertEqual(len(addresses), 2, exporter.log)
        for address in addresses:
            host, _, port = address.rpartition(":")
            with socket.create_connection((host.strip("[]"), int(port)), NEVER) as connection:
                connection.sendall(b"GET /-/healthy HTTP/1.0\r\nHost: a\r\n\r\n")
                self.assertIn(b"200", connection.recv(4096))

    def test_telemetry_path(self):
        _, exporter = self.started("--web.telemetry-path=/scrape/me", condition=None)
        wait_until(lambda: good(exporter.scrape(path="/scrape/me")), 10, "the first good poll")
        self.assertEqual(exporter.request("/metrics").status, 404)
        self.assertIn(b"/scrape/me", exporter.request("/").body)


class LargePages(LargePage):
    def test_whole_page(self):
        exporter = self.large()
        page = exporter.scrape(compressed=True)
        self.assertEqual(len(page.all("hypersender_instance_up")), 5_000)

    def test_too_many_scrapes(self):
        exporter = self.large("--web.max-requests=2")
        readers = [SlowReader(exporter) for _ in range(2)]
        answer = exporter.request("/metrics")
        self.assertEqual(answer.status, 503)
        self.assertLess(answer.seconds, 1)
        self.assertEqual(exporter.request("/-/healthy").status, 200)
        body, length = readers[0].rest()
        self.assertEqual(len(body), length)
        for reader in readers:
            reader.close()
        wait_until(lambda: exporter.request("/metrics").status == 200, 5, "scrapes are answered again")

    def test_a_scrape_that_is_not_read_gives_its_turn_back(self):
        exporter = self.large()
        readers = [SlowReader(exporter) for _ in range(40)]
        for reader in readers:
            self.addCleanup(reader.close)
        wait_until(lambda: exporter.request("/metrics").status == 200, 5, "scrapes are answered")
        for _ in range(100):
            self.assertEqual(exporter.request("/metrics").status, 200)
        # Those who read late have their answer in full, and give no turn back a second time.
        for reader in readers[:10]:
            body, length = reader.rest()
            self.assertEqual(len(body), length)
        for reader in readers:
            reader.close()
        readers = [SlowReader(exporter) for _ in range(40)]
        for reader in readers:
            self.addCleanup(reader.close)
        self.assertEqual(exporter.request("/metrics").status, 503)

    def test_a_scrape_that_is_read_keeps_its_turn(self):
        exporter = self.large("--web.max-requests=1")
        reader = SlowReader(exporter)
        self.addCleanup(reader.close)
        length = int(re.search(rb"Content-Length: (\d+)", reader.data)[1])
        # Half of the page in two and a half seconds, in even steps.
        for step in range(50):
            while len(reader.data) < length * step // 100:
                reader.data += reader.socket.recv(1 << 16)
            self.assertEqual(exporter.request("/metrics").status, 503)
            time.sleep(0.05)
        body, length = reader.rest()
        self.assertEqual(len(body), length)
        wait_until(lambda: exporter.request("/metrics").status == 200, 5, "the turn comes back at the end")

    def test_status_page(self):
        exporter = self.large()
        answer = exporter.request("/")
        self.assertEqual(answer.status, 200)
        self.assertLess(len(answer.body), 2_000_000)


def raw(exporter, request):
    """Sends bytes, and splits all that comes back before the connection closes into its first head and the rest."""
    with socket.create_connection(("127.0.0.1", exporter.port), NEVER) as connection:
        connection.sendall(request)
        data = b""
        while part := connection.recv(1 << 16):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body


if __name__ == "__main__":
    unittest.main()
