"""The program at work: its key, its metrics, its log, and its ways through the network."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from exporter import Exporter, wait_until
from fake_api import KEY, KEY_MARK, PHONE_MARK, FakeAPI, instance
from monitoring_stack import Simulator
from running import Running, good, reason


class Tokens(Running):
    def test_file_is_read_at_every_poll(self):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        file = folder / "token"

        def put(text):
            (folder / "new").write_text(text)
            (folder / "new").rename(file)

        put(f"  {KEY}\n\n")
        api, exporter = self.started(f"--hypersender.token-file={file}", token=None)
        second = f"4712|{KEY_MARK}second"
        api.key = second
        exporter.wait_for(lambda page: reason(page, "unauthorized"), 10, "the old key is refused")
        put(second)
        exporter.wait_for(good, 15, "the new key is used")
        file.unlink()
        exporter.wait_for(lambda page: reason(page, "token"), 10, "the file is missing")
        polls = api.polls
        self.assertEqual(exporter.scrape().value("hypersender_up"), 0)
        self.assertEqual(api.polls, polls, "it asked without a key")
        put(second)
        exporter.wait_for(good, 15, "the file is back")
        put(" ")
        before = exporter.scrape().value("hypersender_poll_failures_total", reason="token")
        exporter.wait_for(lambda page: reason(page, "token") > before, 10, "the file is blank")
        put(second)
        exporter.wait_for(good, 15, "the key is back")
        before = exporter.scrape().value("hypersender_poll_failures_total", reason="token")
        put(f'HYPERSENDER_TOKEN="{second}"')
        exporter.wait_for(lambda page: reason(page, "token") > before, 10, "the file holds more than a key")
        # The log has told of this reason already, and waits before it does so again.
        self.assertIn(b"NAME=value", exporter.request("/").body)
        exporter.stop()
        self.assertEqual(exporter.secrets_shown(), [])

    def test_request_is_as_documented(self):
        api, _ = self.started()
        for request in api.requests:
            self.assertEqual((request.method, request.target), ("GET", "/api/whatsapp/v1/instances"))
            self.assertEqual(request.headers["authorization"], "Bearer " + KEY)
            self.assertEqual(request.headers["accept"], "application/json")
            self.assertEqual(request.headers["host"], f"127.0.0.1:{api.port}")
            self.assertIn("hypersender", request.headers.get("user-agent", "").lower())

    def test_base_url_ends_in_a_slash(self):
        api = self.enterContext(FakeAPI())
        exporter = self.enterContext(Exporter(api.base_url + "/"))
        exporter.wait_for(good, 10, "the first good poll")
        self.assertEqual(api.requests[0].target, "/api/whatsapp/v1/instances")

    def test_filters(self):
        api = self.enterContext(FakeAPI([instance(n, status="WORKING", name=f"a&b={n % 2} +%") for n in range(4)] + [instance(9, status="FAILED")]))
        phone = api.instances[2]["phone"]
        _, exporter = self.started(
            "--hypersender.filter.status=WORKING", "--hypersender.filter.name=a&b=0 +%", "--hypersender.filter.phone=" + phone,
            f"--hypersender.filter.uuid={api.instances[2]['id']}", api=api)
        target = api.requests[0].target
        self.assertEqual(dict(api.requests[0].query), {
            "filter[status]": "WORKING", "filter[name]": "a&b=0 +%", "filter[phone]": phone, "filter[uuid]": api.instances[2]["id"]})
        self.assertIn("filter%5Bstatus%5D=WORKING", target)
        self.assertIn("%2B", target)
        self.assertEqual(len(exporter.scrape().all("hypersender_instance_up")), 1)
        exporter.request("/")
        exporter.stop()
        self.assertEqual(exporter.secrets_shown(), [])

    def test_polls_are_an_interval_apart(self):
        api, _ = self.started()
        wait_until(lambda: api.polls >= 4, 15, "four polls")
        # Polls start an interval apart; their requests arrive a little later, and the first, which connects, later than others.
        times = [request.time for request in api.requests]
        for first, second in zip(times, times[1:]):
            self.assertGreater(second - first, 0.5)
        self.assertGreater(times[3] - times[0], 2.5)


class Metrics(Running):
    def test_current_status_only(self):
        _, exporter = self.started("--metrics.status-set=current", pages={"status_set": "current"})
        page = exporter.scrape_in_every_way()
        self.assertEqual(len(page.all("hypersender_instance_status")), 7)

    def test_phones(self):
        for mode in ("full", "hash", "off"):
            with self.subTest(mode):
                api, exporter = self.started("--metrics.phone=" + mode, pages={"phone": mode})
                page = exporter.scrape_in_every_way()
                shown = {s.labels["instance_id"]: s.labels.get("phone") for s in page.all("hypersender_instance_info")}
                phones = {i["id"]: i["phone"] for i in api.instances}
                if mode == "full":
                    self.assertEqual(shown, phones)
                elif mode == "hash":
                    self.assertEqual(len(set(shown.values())), len(phones))
                    self.assertTrue(all(len(value) >= 8 for value in shown.values()))
                else:
                    self.assertEqual(set(shown.values()), {None})
                for name, samples in page.samples.items():
                    if name != "hypersender_instance_info":
                        self.assertFalse(any("phone" in s.labels for s in samples))
                if mode != "full":
                    exporter.request("/")
                    self.assertEqual(exporter.secrets_shown([PHONE_MARK]), [])

    def test_without_exporter_metrics(self):
        _, exporter = self.started("--web.disable-exporter-metrics", pages={"exporter_metrics": False})
        exporter.scrape_in_every_way()

    def test_about_the_process(self):
        _, exporter = self.started()
        page = exporter.scrape()
        status = pathlib.Path(f"/proc/{exporter.process.pid}/status").read_text()
        resident = int(re.search(r"VmRSS:\s+(\d+)", status)[1]) << 10
        self.assertAlmostEqual(page.value("process_resident_memory_bytes"), resident, delta=16 << 20)
        self.assertAlmostEqual(page.value("process_start_time_seconds"), time.time(), delta=60)
        self.assertGreater(page.value("process_virtual_memory_bytes"), page.value("process_resident_memory_bytes"))
        self.assertGreater(page.value("process_open_fds"), 3)
        self.assertGreater(page.value("process_max_fds"), page.value("process_open_fds"))
        self.assertGreater(page.value("process_threads"), 0)
        self.assertGreater(page.value("process_cpu_seconds_total"), 0)
        self.assertEqual([s.value for s in page.all("hypersender_exporter_build_info")], [1])
        self.assertEqual(page.value("hypersender_exporter_config_last_reload_successful"), 1)

    def test_requests_are_counted(self):
        _, exporter = self.started()
        count = lambda page, code: sum(s.value for s in page.all("hypersender_exporter_http_requests_total", code=code))
        before = exporter.scrape()
        for _ in range(3):
            exporter.request("/nowhere")
        after = exporter.scrape()
        self.assertEqual(count(after, "404") - count(before, "404"), 3)
        self.assertGreaterEqual(count(after, "200") - count(before, "200"), 1)
        handlers = {s.labels["handler"] for s in after.all("hypersender_exporter_http_requests_total")}
        self.assertFalse(any("nowhere" in handler for handler in handlers), "paths of strangers become label values")

    def test_about_the_api(self):
        api, exporter = self.started()
        page = exporter.scrape()
        self.assertEqual(page.value("hypersender_api_rate_limit"), 60)
        self.assertEqual(page.value("hypersender_api_rate_limit_remaining"), 59)
        self.assertEqual(page.value("hypersender_api_response_bytes"), len(json.dumps(api.instances, ensure_ascii=False).encode()))
        self.assertEqual(page.value("hypersender_poll_interval_seconds"), 1)
        self.assertAlmostEqual(page.value("hypersender_last_poll_timestamp_seconds"), time.time(), delta=5)

    def test_changes(self):
        api, exporter = self.started()
        moving = api.instances[2]["id"]
        changes = lambda page, each: page.value("hypersender_instance_status_changes_total", instance_id=each)
        since = lambda page: page.value("hypersender_instance_status_change_timestamp_seconds", instance_id=moving)
        first = exporter.scrape()
        self.assertEqual({s.value for s in first.all("hypersender_instance_status_changes_total")}, {0})
        self.assertAlmostEqual(since(first), time.time(), delta=10)
        api.instances = [i | {"status": "FAILED"} if i["id"] == moving else i for i in api.instances]
        second = exporter.wait_for(lambda page: changes(page, moving) == 1, 10, "a change is counted")
        self.assertEqual(second.value("hypersender_instance_status", instance_id=moving, status="FAILED"), 1)
        self.assertGreater(since(second), since(first))
        # A name is no identity: what has happened stays with the id.
        api.instances = [i | {"name": "renamed"} if i["id"] == moving else i for i in api.instances]
        third = exporter.wait_for(lambda page: page.all("hypersender_instance_up", instance_name="renamed"), 10, "the new name")
        self.assertEqual((changes(third, moving), since(third)), (1, since(second)))
        api.instances = [i for i in api.instances if i["id"] != moving]
        fourth = exporter.wait_for(lambda page: changes(page, moving) is None, 10, "a vanished instance is gone")
        self.assertFalse(any(s.labels.get("instance_id") == moving for samples in fourth.samples.values() for s in samples))
        self.assertEqual(sum(s.value for s in fourth.all("hypersender_instance_status_changes_total")), 0)

    def test_order_is_stable(self):
        api, exporter = self.started()
        spelled = lambda page: [(s.name, tuple(s.labels.items())) for f in page.families for s in f.samples]
        first = spelled(exporter.scrape())
        polls = api.polls
        wait_until(lambda: api.polls >= polls + 3, 10, "more polls")
        self.assertEqual(spelled(exporter.scrape()), first)

    def test_interval_from_the_environment(self):
        api = self.enterContext(FakeAPI())
        exporter = self.enterContext(Exporter(
            None, "--hypersender.base-url=" + api.base_url, stale_after=21, HYPERSENDER_POLL_INTERVAL="7s"))
        page = exporter.wait_for(good, 10, "the first good poll")
        self.assertEqual(page.value("hypersender_poll_interval_seconds"), 7)

    def test_flags_win_over_the_environment(self):
        _, exporter = self.started(HYPERSENDER_POLL_INTERVAL="7s")
        self.assertEqual(exporter.scrape().value("hypersender_poll_interval_seconds"), 1)

    def test_demo(self):
        exporter = self.enterContext(Exporter(None, "--demo", token=None, stale_after=10_000))
        page = exporter.wait_for(good, 15, "the first good poll")
        self.assertGreater(len(page.all("hypersender_instance_up")), 2)
        exporter.scrape_in_every_way()
        self.assertTrue(exporter.address.startswith(("127.0.0.1:", "[::1]:")))
        self.assertRegex(exporter.log, rf"http://(127\.0\.0\.1|localhost):{exporter.port}")
        self.assertEqual(exporter.request("/").status, 200)
        code, seconds = exporter.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 2)


class Logs(Running):
    def provoke(self, *arguments):
        api, exporter = self.started(*arguments)
        api.answer = lambda exchange: exchange.reply(b'{"message":"line\\nbreak \\"quoted\\" = \\u001b[31m \\u0000 end"}', "500 Internal Server Error")
        exporter.wait_for(lambda page: reason(page, "server_error") >= 2, 15, "two failures")
        exporter.stop()
        return [line for line in exporter.log.split("\n") if line]

    def test_logfmt(self):
        for line in self.provoke():
            self.assertRegex(line, r'^[^\s=]+=("(\\.|[^"\\])*"|[^\s"=]*)( [^\s=]+=("(\\.|[^"\\])*"|[^\s"=]*))*$')
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def test_json(self):
        lines = self.provoke("--log.format=json")
        self.assertTrue(lines)
        for line in lines:
            self.assertIn("msg", json.loads(line))

    def test_changes_of_instances_are_traced(self):
        api = self.enterContext(Simulator(instances=3))
        first, second, third = api.instances()
        exporter = self.enterContext(Exporter(api.base_url, token=api.token))
        logged = lambda *parts: any(all(part in line for part in parts) for line in exporter.log.splitlines())
        wait_until(lambda: logged("First poll succeeded", "instances=3", "WORKING=3"), 10, "the counts", lambda: exporter.log)
        self.assertFalse(logged("Instance "), exporter.log)
        api.set(1, "FAILED")
        told = lambda: logged("level=info", "Instance changed status", f"instance_id={second['id']}", "from=WORKING", "to=FAILED", "after=")
        wait_until(told, 10, "the change", lambda: exporter.log)
        api.remove(0)
        wait_until(lambda: logged("Instance removed", f"instance_id={first['id']}"), 10, "the one that went", lambda: exporter.log)
        api.control("POST", "instances", count=25)
        wait_until(lambda: logged("Instance added", "to=PENDING"), 10, "those that came", lambda: exporter.log)
        wait_until(lambda: logged("More instances changed", "instances=5"), 10, "the number of the others", lambda: exporter.log)
        self.assertFalse(logged(f"instance_id={third['id']}"), exporter.log)
        exporter.stop()
        self.assertEqual(exporter.secrets_shown([api.token.split("|")[1]]), [])

    def test_the_name_of_a_failed_request_is_logged(self):
        api, exporter = self.started()
        names = ["X-Request-Id: 0f8e-77", "CF-Ray: other"]
        api.answer = lambda exchange: exchange.reply(b"{}", "500 Internal Server Error", headers=names)
        wait_until(lambda: "request_id=0f8e-77" in exporter.log, 15, "the name of the request", lambda: exporter.log)

    def test_a_repeated_failure_is_logged_once(self):
        lines = self.provoke()
        self.assertEqual(sum("server_error" in line for line in lines), 1, "\n".join(lines))


class Tunnel(threading.Thread):
    """A proxy that opens every tunnel it is asked for, always to the same port of this machine."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.asked = port, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.origin = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head and (part := client.recv(4096)):
                head += part
            self.asked.append(head.decode())
            server = socket.create_connection(("127.0.0.1", self.port))
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Networks(Running):
    def test_proxy_passed_by(self):
        with FakeAPI() as proxy:
            self.started(HTTP_PROXY=proxy.origin, http_proxy=proxy.origin, HTTPS_PROXY=proxy.origin, NO_PROXY="127.0.0.1")
            self.assertEqual(proxy.connections, 0)

    def test_https_proxy(self):
        with FakeAPI() as proxy:
            proxy.answer = lambda exchange: exchange.reply(b"", "502 Bad Gateway")
            exporter = self.enterContext(Exporter("https://api.invalid/api/whatsapp/v1", HTTPS_PROXY=proxy.origin))
            failed = lambda page: sum(s.value for s in page.all("hypersender_poll_failures_total"))
            exporter.wait_for(failed, 10, "a failure")
            request = wait_until(lambda: proxy.requests and proxy.requests[0], 5, "the proxy is asked", lambda: exporter.log)
            self.assertEqual((request.method, request.target), ("CONNECT", "api.invalid:443"))
            self.assertNotIn(KEY_MARK, repr(request.headers))
            exporter.stop()
            self.assertEqual(exporter.secrets_shown(), [])

    def test_no_proxy(self):
        with FakeAPI() as proxy:
            exporter = self.enterContext(Exporter("https://api.invalid/api/whatsapp/v1", HTTPS_PROXY=proxy.origin, NO_PROXY=".invalid"))
            exporter.wait_for(lambda page: reason(page, "dns") or reason(page, "timeout"), 10, "the name is looked up")
            self.assertEqual(proxy.connections, 0)

    def test_no_such_name(self):
        exporter = self.enterContext(Exporter("https://api.invalid/api/whatsapp/v1"))
        # A resolver that does not answer runs into the timeout.
        exporter.wait_for(lambda page: reason(page, "dns") or reason(page, "timeout"), 10, "the name is looked up")
        self.assertEqual(reason(exporter.scrape(), "connect"), 0)

    def test_a_reload_reads_the_authorities_again(self):
        certificate, tls = self.certificate("IP:127.0.0.1")
        stranger, _ = self.certificate("IP:127.0.0.1")
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        authorities = folder / "authorities"
        shutil.copy(stranger, authorities)
        with FakeAPI(tls=tls) as api:
            with Exporter(api.base_url, f"--hypersender.ca-file={authorities}", stale_after=60) as exporter:
                exporter.wait_for(lambda page: reason(page, "tls"), 10, "an unknown certificate is refused")
                shutil.copy(certificate, folder / "new")
                os.replace(folder / "new", authorities)
                exporter.process.send_signal(signal.SIGHUP)
                exporter.wait_for(good, 15, "the certificate is known now")
                failures = exporter.scrape().value("hypersender_poll_failures_total", reason="tls")
                self.assertGreater(failures, 0, "the account's counters are kept")
                authorities.write_text("nonsense")
                exporter.process.send_signal(signal.SIGHUP)
                wait_until(lambda: "not a PEM file" in exporter.log, 5, "the mistake is logged", lambda: exporter.log)
                polls = api.polls
                wait_until(lambda: api.polls > polls + 1, 10, "the authorities before stay in use")
                self.assertEqual(exporter.scrape().value("hypersender_up"), 1)

    def test_tls_spoken_to_a_plain_server(self):
        with FakeAPI() as api:
            exporter = self.enterContext(Exporter(api.base_url.replace("http:", "https:")))
            exporter.wait_for(lambda page: reason(page, "tls"), 10, "no TLS there")
            self.assertEqual(api.requests, [])

    def certificate(self, name):
        """A certificate made out to a name, as a file to trust, and TLS for a server that has it."""
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-keyout", folder / "key", "-out", folder / "certificate"],
            check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "certificate", folder / "key")
        return folder / "certificate", tls

    def test_certificate_of_another_name(self):
        certificate, tls = self.certificate("DNS:elsewhere.test")
        with FakeAPI(tls=tls) as api:
            with Exporter(api.base_url, f"--hypersender.ca-file={certificate}") as exporter:
                exporter.wait_for(lambda page: reason(page, "tls"), 10, "another's certificate is refused")
                self.assertEqual(api.requests, [], "the key went to a server of another name")

    def test_through_a_proxy(self):
        certificate, tls = self.certificate("DNS:api.hypersender.test")
        with FakeAPI(tls=tls) as api:
            proxy = Tunnel(api.port)
            self.addCleanup(proxy.listener.close)
            url = "https://api.hypersender.test/api/whatsapp/v1"
            with Exporter(url, f"--hypersender.ca-file={certificate}", HTTPS_PROXY=proxy.origin) as exporter:
                exporter.wait_for(good, 10, "a good poll through the tunnel")
            self.assertTrue(proxy.asked[0].startswith("CONNECT api.hypersender.test:443 "))
            self.assertNotIn(KEY_MARK, "".join(proxy.asked), "the key is not for the proxy")

    def test_certificates(self):
        certificate, tls = self.certificate("IP:127.0.0.1")
        with FakeAPI(tls=tls) as api:
            with Exporter(api.base_url) as exporter:
                exporter.wait_for(lambda page: reason(page, "tls"), 10, "an unknown certificate is refused")
                self.assertEqual(api.requests, [], "the key went to a server that is not trusted")
            with Exporter(api.base_url, f"--hypersender.ca-file={certificate}") as exporter:
                exporter.wait_for(good, 10, "the given root is trusted")


if __name__ == "__main__":
    unittest.main()
