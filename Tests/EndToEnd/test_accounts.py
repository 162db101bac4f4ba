"""Several accounts in one process, reloading them, and dividing them among replicas."""

import gzip
import html
import json
import os
import pathlib
import re
import signal
import tempfile
import unittest

from exporter import IS_DEBUG, Exporter, for_release_programs, run, wait_until
from fake_api import FakeAPI, honest, instance
from faults import bomb
from running import Running

KEYS = {name: f"{number}|{name}KeyThatMustNotBeSeen" for number, name in enumerate(("acme", "globex", "initech", "umbrella"), 900)}


class Accounts(Running):
    """With an API an account, a folder with keys, and a file that names them."""

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.file = self.folder / "accounts.yml"
        self.apis = {}
        for number, (name, key) in enumerate(KEYS.items()):
            (self.folder / f"{name}.token").write_text(key + "\n")
            (self.folder / f"{name}.token").chmod(0o600)
            self.apis[name] = self.enterContext(FakeAPI([instance(number * 10 + n) for n in range(number + 2)], key=key))

    def entry(self, name, **more):
        return {
            "name": name, "token_file": f"{name}.token", "base_url": self.apis[name].base_url, "poll_interval": "1s", "poll_timeout": "2s",
            "poll_stale_after": "3s"} | more

    def write(self, *entries):
        lines = ["accounts:"]
        for entry in entries:
            lines += [("  - " if n == 0 else "    ") + f"{key}: {value}" for n, (key, value) in enumerate(entry.items())]
        # As a careful deployment does: at once, never half.
        new = self.folder / "new"
        new.write_text("\n".join(lines) + "\n")
        os.replace(new, self.file)

    def start(self, *arguments, labels=None, **variables):
        return self.enterContext(Exporter(
            None, f"--config.file={self.file}", *arguments,
            token=None, pages={"accounts": True, "own_labels": labels}, **variables))

    def ups(self, page):
        return {sample.labels["account"]: sample.value for sample in page.all("hypersender_up")}

    def wait_for_ups(self, exporter, expected, seconds=15):
        return exporter.wait_for(lambda page: self.ups(page) == expected, seconds, f"hypersender_up is {expected}")

    def check_secrets(self, exporter):
        exporter.request("/")
        exporter.stop()
        self.assertEqual(exporter.secrets_shown([*KEYS.values(), *(k.split("|")[1] for k in KEYS.values())]), [])


class Isolation(Accounts):
    def test_each_account_has_its_own_key_address_and_series(self):
        self.write(
            self.entry("acme"), {"name": "globex", "token_env": "GLOBEX", "base_url": self.apis["globex"].base_url, "poll_stale_after": "3s"},
            self.entry("initech", filter="{status: WORKING}"))
        exporter = self.start(GLOBEX=KEYS["globex"])
        page = self.wait_for_ups(exporter, {"acme": 1, "globex": 1, "initech": 1})
        exporter.scrape_in_every_way()
        for name in ("acme", "globex"):
            self.assertEqual(
                {s.labels["instance_id"] for s in page.all("hypersender_instance_up", account=name)},
                {i["id"] for i in self.apis[name].instances})
        self.assertEqual(dict(self.apis["initech"].requests[0].query), {"filter[status]": "WORKING"})
        for name, api in self.apis.items():
            for request in api.requests:
                self.assertEqual(request.headers["authorization"], f"Bearer {KEYS[name]}")
        self.check_secrets(exporter)

    def test_accounts_have_labels_of_their_own(self):
        hostile = 'A "B" \\ é\n</dd>'
        labels = {"acme": {"customer": hostile, "region": "eu"}, "globex": {"team": "support", "region": "eu"}, "initech": {"region": "eu"}}
        self.write(
            self.entry("acme", labels="{region: us, customer: %s}" % json.dumps(hostile)), self.entry("globex", labels="{team: support}"), self.entry("initech"))
        exporter = self.start("--metrics.label=region=eu", labels=labels)
        self.wait_for_ups(exporter, dict.fromkeys(labels, 1))
        page = exporter.scrape_in_every_way()
        self.assertEqual([list(s.labels) for s in page.all("hypersender_up")], [["account", *sorted(labels[name])] for name in labels])
        self.assertIn("<dd><bdi>" + html.escape(hostile.split("\n", maxsplit=1)[0]), exporter.request("/").body.decode())

    def test_a_bad_account_disturbs_no_other(self):
        """One hangs, one refuses its key, one is huge, and the fourth is polled and shown all the same."""
        apis = self.apis
        apis["acme"].answer = lambda exchange: exchange.hang()
        apis["globex"].key = "another"
        apis["initech"].instances = [instance(n) for n in range(25_000)]
        self.write(*(self.entry(name) for name in KEYS))
        exporter = self.start()
        wait_until(lambda: apis["umbrella"].polls >= 4, 15, "four polls of the good account", lambda: exporter.log)
        times = [request.time for request in apis["umbrella"].requests]
        for first, second in zip(times, times[1:]):
            # The second poll is put off by up to an interval, so that accounts are spread.
            self.assertLess(second - first, 10 if IS_DEBUG else 2.6)
        body = exporter.request("/metrics", headers={"Accept-Encoding": "identity"}).body.decode()
        # So large that it is inflated while it is sent.
        self.assertGreater(len(body), 32 << 20)
        zipped = gzip.decompress(exporter.request("/metrics", headers={"Accept-Encoding": "gzip"}).body).decode()
        self.assertEqual(*(re.findall("^.*hypersender_instance.*\n", page, re.MULTILINE) for page in (body, zipped)))
        for line in (
            'hypersender_up{account="acme"} 0', 'hypersender_up{account="globex"} 0', 'hypersender_up{account="umbrella"} 1',
            'hypersender_poll_failures_total{account="globex",reason="unauthorized"} ',
        ):
            self.assertIn("\n" + line, body)
        wait_until(
            lambda: re.search(
                rb'\nhypersender_poll_failures_total{account="acme",reason="timeout"} [1-9]', exporter.request("/metrics").body), 10,
            "the timeout of the account that hangs")
        self.check_secrets(exporter)

    def test_many_huge_answers_at_once_take_little_more_memory_than_one(self):
        """Each account may get 64 MiB. Were all to get them at once, a container's limit would end the process."""
        # 52 MiB once inflated, and no end.
        data = bomb()
        data = data[:10 + 13 * (len(data) - 10) // 1024]

        def answer(exchange):
            exchange.head("Transfer-Encoding: chunked", "Content-Encoding: gzip")
            exchange.send(b"%x\r\n" % len(data) + data + b"\r\n")
            exchange.hang()

        self.apis["acme"].answer = answer
        huge = [self.entry("acme", poll_timeout="5s", poll_stale_after="60s") | {"name": f"huge-{number}"} for number in range(12)]
        self.write(*huge, self.entry("globex"))
        exporter = self.start()
        wait_until(lambda: exporter.log.count("reason=timeout") >= len(huge), 60, "no huge answer is waited for", lambda: exporter.log)
        self.assertLess(exporter.memory(), 224 << 20)
        self.wait_for_ups(exporter, {entry["name"]: 0 for entry in huge} | {"globex": 1})
        self.assertNotIn("account=globex reason", exporter.log)
        self.check_secrets(exporter)

    def test_a_rotated_key_works_at_the_next_poll(self):
        self.write(self.entry("acme"), self.entry("globex"))
        exporter = self.start()
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        self.apis["acme"].key = "77|rotated"
        self.wait_for_ups(exporter, {"acme": 0, "globex": 1})
        (self.folder / "acme.token").write_text("77|rotated")
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})


class Reload(Accounts):
    def reloaded(self, page):
        return page.value("hypersender_exporter_config_last_reload_successful")

    def test_by_hangup_accounts_come_and_go_and_stay(self):
        self.write(self.entry("acme"), self.entry("globex"))
        exporter = self.start()
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        self.apis["acme"].instances[0]["status"] = "FAILED"
        changed = {"instance_id": self.apis["acme"].instances[0]["id"], "account": "acme"}
        page = exporter.wait_for(
            lambda page: page.value("hypersender_instance_status_changes_total", **self.named(page, changed)) == 1, 10, "a change is counted")
        polls = page.value("hypersender_polls_total", account="acme")
        before = page.value("hypersender_exporter_config_last_reload_success_timestamp_seconds")
        self.write(self.entry("initech"), self.entry("acme"))
        exporter.process.send_signal(signal.SIGHUP)
        page = self.wait_for_ups(exporter, {"initech": 1, "acme": 1})
        self.assertEqual([s.labels["account"] for s in page.all("hypersender_up")], ["initech", "acme"])
        self.assertEqual(page.value("hypersender_instance_status_changes_total", **self.named(page, changed)), 1)
        self.assertGreaterEqual(page.value("hypersender_polls_total", account="acme"), polls)
        self.assertNotIn(b"globex", page.body)
        self.assertEqual(self.reloaded(page), 1)
        self.assertGreater(page.value("hypersender_exporter_config_last_reload_success_timestamp_seconds"), before)
        polls = self.apis["globex"].polls
        wait_until(lambda: self.apis["acme"].polls > 8, 15, "some more polls")
        self.assertLessEqual(self.apis["globex"].polls, polls + 1, "the removed account is polled no more")
        self.check_secrets(exporter)

    def named(self, page, labels):
        return next(s.labels for s in page.all("hypersender_instance_up") if labels.items() <= s.labels.items())

    @for_release_programs
    def test_an_account_that_comes_waits_for_none_that_were_there(self):
        hourly = {"poll_interval": "1h", "poll_stale_after": "3h"}
        many = [self.entry("acme", **hourly) | {"name": f"acme-{number}"} for number in range(1200)]
        self.write(*many)
        exporter = self.start()
        wait_until(lambda: self.apis["acme"].polls == len(many), 60, "all are polled", lambda: self.apis["acme"].polls)
        self.write(*many, self.entry("globex", **hourly))
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.apis["globex"].polls > 0, 3, "the one that came is polled", lambda: exporter.log[-500:])

    def test_an_account_with_other_settings_keeps_what_is_known(self):
        self.write(self.entry("acme"), self.entry("globex"))
        exporter = self.start()
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        polls = self.apis["globex"].polls
        self.apis["acme"].answer = lambda exchange: exchange.hang()
        self.write(self.entry("acme", poll_interval="2s", poll_stale_after="20s"), self.entry("globex"))
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Configuration reloaded" in exporter.log, 5, "the reload", lambda: exporter.log)
        page = exporter.scrape()
        self.assertEqual(page.value("hypersender_poll_interval_seconds", account="acme"), 2)
        self.assertGreater(page.value("hypersender_polls_total", account="acme"), 0)
        self.assertTrue(page.all("hypersender_instance_up", account="acme"), "no gap")
        self.assertGreaterEqual(self.apis["globex"].polls, polls)

    def test_an_account_with_other_labels_goes_on_in_other_series(self):
        self.write(self.entry("acme", labels="{customer: old}"), self.entry("globex"))
        labels = {"acme": {"customer": "old"}}
        exporter = self.start(labels=labels)
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        self.apis["acme"].instances[0]["status"] = "FAILED"
        changed = {"account": "acme", "instance_id": self.apis["acme"].instances[0]["id"]}
        changes = lambda page: page.value("hypersender_instance_status_changes_total", **changed)
        since = lambda page: page.value("hypersender_instance_status_change_timestamp_seconds", **changed)
        before = exporter.wait_for(lambda page: changes(page) == 1, 10, "a change is counted")
        polls = self.apis["globex"].polls
        self.apis["acme"].answer = lambda exchange: exchange.hang()
        self.write(self.entry("acme", labels="{customer: new, team: support}", poll_stale_after="20s"), self.entry("globex"))
        labels["acme"] = {"customer": "new", "team": "support"}
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "Configuration reloaded" in exporter.log, 5, "the reload", lambda: exporter.log)
        # Judges that no series of the old label is left.
        exporter.stale_after = 20
        page = exporter.scrape_in_every_way()
        self.assertEqual((changes(page), since(page)), (1, since(before)))
        self.assertGreaterEqual(
            page.value("hypersender_polls_total", account="acme"), before.value("hypersender_polls_total", account="acme"))
        self.assertGreaterEqual(self.apis["globex"].polls, polls)

    def test_an_account_of_another_address_or_filter_shows_nothing_of_the_one_before(self):
        self.write(self.entry("acme"), self.entry("globex"))
        exporter = self.start()
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        for change in ({"base_url": self.apis["initech"].base_url, "token_file": "initech.token"}, {"filter": "{status: WORKING}"}):
            with self.subTest(change):
                self.apis["acme"].answer = self.apis["initech"].answer = lambda exchange: exchange.hang()
                self.write(self.entry("acme") | change, self.entry("globex"))
                reloads = exporter.log.count("Configuration reloaded")
                exporter.process.send_signal(signal.SIGHUP)
                wait_until(lambda: exporter.log.count("Configuration reloaded") > reloads, 5, "the reload", lambda: exporter.log)
                page = exporter.wait_for(lambda page: self.ups(page) == {"acme": 0, "globex": 1}, 5, "nothing is known yet")
                self.assertEqual(page.all("hypersender_instance_up", account="acme"), [])
                self.apis["acme"].answer = self.apis["initech"].answer = honest
                self.wait_for_ups(exporter, {"acme": 1, "globex": 1})

    def test_over_http_a_bad_file_changes_nothing(self):
        self.write(self.entry("acme"))
        exporter = self.start("--web.enable-lifecycle")
        self.wait_for_ups(exporter, {"acme": 1})
        self.file.write_text("accounts:\n  - name: globex\n    tokenfile: x\n  - name: globex\n    token_env: NOBODY\n")
        answer = exporter.request("/-/reload", "POST")
        self.assertEqual(answer.status, 500)
        for place in (":3: accounts[0].tokenfile: unknown key", ":4: accounts[1].name: ", ":5: accounts[1].token_env: "):
            self.assertIn(f"{self.file}{place}", answer.body.decode())
            wait_until(lambda: place in exporter.log, 5, f"the log has {place}")
        page = exporter.wait_for(lambda page: self.reloaded(page) == 0, 5, "the metric says so")
        self.assertEqual(self.ups(page), {"acme": 1})
        polls = self.apis["acme"].polls
        wait_until(lambda: self.apis["acme"].polls > polls + 1, 10, "polling goes on")
        self.file.unlink()
        self.assertEqual(exporter.request("/-/reload", "POST").status, 500)
        self.write(self.entry("acme"), self.entry("globex"))
        self.assertEqual(exporter.request("/-/reload", "POST").status, 200)
        page = self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        self.assertEqual(self.reloaded(page), 1)
        self.assertEqual(exporter.request("/-/reload").status, 405)
        self.check_secrets(exporter)

    def test_a_changed_file_is_followed(self):
        self.write(self.entry("acme"))
        exporter = self.start("--config.auto-reload")
        self.wait_for_ups(exporter, {"acme": 1})
        self.write(self.entry("acme"), self.entry("globex"))
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        good = self.file.read_text()
        self.file.write_text("accounts: 5\n")
        page = exporter.wait_for(lambda page: self.reloaded(page) == 0, 15, "the metric says so")
        self.assertEqual(self.ups(page), {"acme": 1, "globex": 1})
        self.file.write_text(good)
        exporter.wait_for(lambda page: self.reloaded(page) == 1, 15, "the file is good again")
        self.assertEqual(exporter.log.count("Configuration reload failed"), 1)
        self.check_secrets(exporter)

    def test_a_file_behind_links_is_followed_as_kubernetes_swaps_them(self):
        """A mounted ConfigMap: the file is a link through `..data`, which is replaced by another link."""
        mount = self.folder / "mount"

        def publish(version, *entries):
            self.write(*(entry | {"token_file": f"{self.folder}/{entry['token_file']}"} for entry in entries))
            (mount / version).mkdir(parents=True)
            os.replace(self.file, mount / version / "accounts.yml")
            (mount / "new").symlink_to(version)
            os.replace(mount / "new", mount / "..data")

        publish("..1", self.entry("acme"))
        (mount / "accounts.yml").symlink_to("..data/accounts.yml")
        exporter = self.enterContext(Exporter(
            None, f"--config.file={mount}/accounts.yml", "--config.auto-reload", token=None, pages={"accounts": True}))
        self.wait_for_ups(exporter, {"acme": 1})
        publish("..2", self.entry("globex"))
        self.wait_for_ups(exporter, {"globex": 1})

    def test_a_web_file_that_takes_passwords_away_is_not_followed_with_the_accounts(self):
        web = self.folder / "web.yml"
        web.write_text("basic_auth_users:\n  a: $2y$10$WPmLdoXlUjd2pbWAR7LBnOIbCsWZ4ODrOTNXdaJFiFBvpQdEwOhOe\n")
        self.write(self.entry("acme"))
        exporter = self.start("--config.auto-reload", f"--web.config.file={web}")
        web.write_text("{}\n")
        self.write(self.entry("acme"), self.entry("globex"))
        wait_until(
            lambda: re.search("Configuration reload failed.*takes TLS or all passwords away", exporter.log), 15, "it is refused", lambda: exporter.log)
        self.assertEqual(exporter.request("/metrics").status, 401)

    def test_without_the_flag_a_changed_file_waits_for_a_reload(self):
        self.write(self.entry("acme"))
        exporter = self.start()
        self.wait_for_ups(exporter, {"acme": 1})
        self.write(self.entry("globex"))
        polls = self.apis["acme"].polls
        wait_until(lambda: self.apis["acme"].polls > polls + 3, 15, "polling goes on")
        self.assertEqual(self.ups(exporter.scrape()), {"acme": 1})

    def test_a_page_of_another_site_reloads_nothing(self):
        self.write(self.entry("acme"))
        exporter = self.start("--web.enable-lifecycle")
        own = f"127.0.0.1:{exporter.port}"
        for method in ("POST", "PUT"):
            for fields, status in (
                ({}, 200), ({"Origin": f"http://{own}"}, 200), ({"Origin": f"https://{own}"}, 200), ({"Origin": "http://evil.example"}, 403),
                ({"Origin": "null"}, 403), ({"Origin": "http://127.0.0.1"}, 403), ({"Origin": f"http://{own}.evil.example"}, 403),
                ({"Origin": f"http://{own}", "Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-origin"}, 200),
            ):
                with self.subTest(method=method, fields=fields):
                    self.assertEqual(exporter.request("/-/reload", method, fields).status, status)

    def test_without_the_flag_there_is_no_such_path(self):
        self.write(self.entry("acme"))
        exporter = self.start()
        self.assertEqual(exporter.request("/-/reload", "POST").status, 404)

    def test_many_reloads_under_load_leave_nothing_behind(self):
        self.write(self.entry("acme"), self.entry("globex"))
        exporter = self.start("--web.enable-lifecycle")
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})

        def descriptors():
            return len(os.listdir(f"/proc/{exporter.process.pid}/fd"))

        before = descriptors()
        for turn in range(100):
            self.write(self.entry("acme", poll_timeout=f"{turn % 2 + 1}s"), self.entry("initech" if turn % 2 else "umbrella"))
            self.assertEqual(exporter.request("/-/reload", "POST").status, 200)
            exporter.request("/metrics")
        self.write(self.entry("acme"), self.entry("globex"))
        self.assertEqual(exporter.request("/-/reload", "POST").status, 200)
        self.wait_for_ups(exporter, {"acme": 1, "globex": 1})
        wait_until(lambda: descriptors() <= before + 4, 10, "descriptors are given back", descriptors)
        code, seconds = exporter.stop()
        self.assertEqual(code, 0)
        self.assertLess(seconds, 3)


class Check(Accounts):
    def check(self, *arguments, **variables):
        return run(f"--config.file={self.file}", "--config.check", *arguments, token=None, **variables)

    def test_a_good_file(self):
        calm = {"poll_interval": "60s", "poll_stale_after": "3m"}
        self.write(self.entry("acme", **calm), self.entry("globex", **calm))
        result = self.check()
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("2 accounts", result.stdout)
        self.assertIn("the API was not asked; --once asks it", result.stdout)
        self.assertEqual([api.polls for api in self.apis.values()], [0, 0, 0, 0])

    def test_every_mistake_at_once(self):
        self.write(self.entry("acme"), self.entry("acme"), {"name": "x", "token_env": "NOBODY", "base_url": "http://example.test"})
        (self.folder / "acme.token").write_text(" \n")
        result = self.check("--web.config.file=/nonexistent.yml")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        for part in (":3: accounts[0].token_file", ":8: accounts[1].name", ":15: accounts[2].token_env", ":16: accounts[2].base_url",
                     "/nonexistent.yml"):
            self.assertIn(part, result.stderr)
        started = run(f"--config.file={self.file}", "--web.listen-address=127.0.0.1:0", token=None)
        self.assertEqual(started.returncode, 1)

    def test_labels_that_cannot_be(self):
        self.write(self.entry("acme", labels="{status: x, a-b: x, team: '', ok: 1, region: [x]}"), self.entry("globex", labels="customer"))
        result = self.check()
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        place = f"{self.file}:8: accounts[0].labels"
        for part in (f"{place}.status: must have another name", f"{place}.a-b: must have a name of ASCII letters", f"{place}.team: has a blank value",
                     f"{place}.region: must be a single value", f"{self.file}:15: accounts[1].labels: must be a mapping"):
            self.assertIn(part, result.stderr)
        self.assertEqual(len([line for line in result.stderr.splitlines() if "labels" in line]), 5, result.stderr)

    def test_a_wrong_flag_is_a_failed_check(self):
        self.write(self.entry("acme"))
        for flag in ("--poll.interval=0s", "--poll.intervall=5s"):
            self.assertEqual(self.check(flag).returncode, 1)

    def test_mistakes_of_one_kind_hide_none_of_another(self):
        self.write(self.entry("acme"), self.entry("globex") | {"poll_timeout": "soon"})
        self.file.write_text(self.file.read_text() + "accounts: []\nshards: 3\n")
        web = self.folder / "web.yml"
        web.write_text(
            "tls_server_config:\n  cert_file: none.crt\n  key_file: web.yml\n  client_auth_type: RequireAndVerifyClientCert\n"
            "  client_ca_file: web.yml\nrate_limit: {burst: 0}\nrate_limit: {}\n")
        arguments = [
            f"--web.config.file={web}", "--poll.intervall=5s", "--poll.timeout=0s", "--total-shards=x", "--hypersender.ca-file=/nonexistent.pem"]
        parts = (
            "--poll.intervall", "--poll.timeout", "--total-shards", "/nonexistent.pem", "accounts[1].poll_timeout", "shards: unknown key",
            "accounts: is given twice", f"web.yml:2: tls_server_config.cert_file: {self.folder}/none.crt cannot be opened", "web.yml:3: tls_server_config.key_file: ",
            "web.yml:5: tls_server_config.client_ca_file: ", "web.yml:6: rate_limit.interval", "web.yml:7: rate_limit: is given twice")
        for check in (True, False):
            result = run(
                f"--config.file={self.file}", *(["--config.check"] if check else ["--web.listen-address=127.0.0.1:0"]), *arguments, token=None)
            self.assertEqual((result.returncode, result.stdout), (1 if check else 64, ""))
            for part in parts:
                self.assertEqual(result.stderr.count(part), 1, f"{part}\n{result.stderr}")

    def test_what_is_probably_not_meant(self):
        self.write(self.entry("acme", filter="{status: WORKING}"))
        result = self.check()
        for place, text in ((":6: accounts[0].poll_timeout", "is longer than"), (":8: accounts[0].filter.status", "vanishes")):
            self.assertRegex(result.stderr, f"warning: .*accounts.yml{re.escape(place)}: .*{text}")
        self.assertEqual(result.returncode, 0)
        self.assertIn("warning: ", result.stderr)
        self.assertIn("accounts.yml:5: accounts[0].poll_interval: the API's smallest plan", result.stderr)
        exporter = self.start()
        wait_until(lambda: "accounts[0].poll_interval" in exporter.log, 5, "the warning is logged", lambda: exporter.log)
        wait_until(lambda: "First poll succeeded" in exporter.log, 5, "it serves", lambda: exporter.log)
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.log.count("accounts[0].poll_interval") == 2, 5, "again after the reload", lambda: exporter.log)


    def test_accounts_that_see_the_same(self):
        calm = {"poll_interval": "60s", "poll_stale_after": "3m"}
        entry = self.entry("acme", **calm)
        self.write(entry, self.entry("globex", **calm), entry | {"name": "twin"}, entry | {"name": "part", "filter": "{name: Instance}"})
        result = self.check()
        warning = 'accounts.yml:14: accounts[2].name: "twin" has the same key, base URL and filter as "acme" in line 2'
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, 1), result.stderr)
        self.assertIn(f"warning: {self.folder}/{warning}", result.stderr)
        exporter = self.start()
        wait_until(lambda: "same key, base URL and filter" in exporter.log, 5, "the warning is logged", lambda: exporter.log)
        self.assertNotIn(KEYS["acme"].split("|")[1], exporter.log + result.stderr)

    def test_files_that_everybody_may_read_or_write(self):
        calm = {"poll_interval": "60s", "poll_stale_after": "3m"}
        self.write(self.entry("acme", **calm), self.entry("globex", **calm))
        exporter = self.start()
        wait_until(lambda: "First poll succeeded" in exporter.log, 5, "it serves", lambda: exporter.log)
        self.assertNotIn("everybody", exporter.log)
        # Kubernetes has links to files.
        (self.folder / "acme.token").rename(self.folder / "key")
        (self.folder / "acme.token").symlink_to("key")
        (self.folder / "key").chmod(0o644)
        self.file.chmod(0o666)
        warnings = (
            f"{self.file}: the file may be written by everybody",
            f'{self.file}:3: accounts[0].token_file: the token file "{self.folder}/acme.token" may be read by everybody')
        result = self.check()
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (0, 2), result.stderr)
        for warning in warnings:
            self.assertIn(f"warning: {warning}", result.stderr)
        exporter.process.send_signal(signal.SIGHUP)
        wait_until(lambda: exporter.log.count("by everybody") == 2, 5, "it is said at the reload", lambda: exporter.log)

    def test_a_proxy_that_accounts_need(self):
        self.write(self.entry("acme", poll_interval="60s", poll_stale_after="3m"))
        needed = ("--hypersender.base-url=https://api.invalid/v1", {"HTTPS_PROXY": "ftp://proxy.invalid"})
        result = self.check(needed[0], **needed[1])
        self.assertEqual(result.returncode, 1)
        self.assertIn("proxy: HTTPS_PROXY has the scheme ftp", result.stderr)
        for url, variables in (
            (needed[0], {"HTTP_PROXY": "ftp://proxy.invalid"}), (needed[0], needed[1] | {"NO_PROXY": ".invalid"}),
            ("--hypersender.base-url=https://127.0.0.1:9", needed[1]),
        ):
            result = self.check(url, **variables)
            self.assertEqual((result.returncode, result.stderr), (0, ""))


class Shards(Accounts):
    def test_replicas_divide_the_accounts(self):
        self.write(*(self.entry(name) for name in KEYS))
        found = []
        for shard in range(2):
            exporter = self.start(f"--shard={shard}", "--total-shards=2")
            page = exporter.wait_for(lambda page: all(self.ups(page).values()), 10, "all polled")
            found += self.ups(page)
        self.assertEqual(sorted(found), sorted(KEYS))

    def test_metrics_name_the_shard(self):
        self.write(*(self.entry(name) for name in KEYS))
        for flags, wanted in ((), (0, 1)), (("--shard=1", "--total-shards=3"), (1, 3)):
            with self.subTest(flags=flags):
                page = self.start(*flags).scrape()
                self.assertEqual((page.value("hypersender_exporter_shard"), page.value("hypersender_exporter_shards")), wanted)

    def test_the_same_accounts_have_the_same_hash(self):
        def found(exporter):
            return exporter.scrape().value("hypersender_exporter_config_hash")

        self.write(*(self.entry(name) for name in KEYS))
        first, second = (self.start(f"--shard={shard}", "--total-shards=2", "--web.enable-lifecycle") for shard in range(2))
        before = found(first)
        self.assertEqual(found(second), before)
        self.write(*(self.entry(name, poll_interval="17s") for name in reversed(KEYS)))
        self.assertEqual(first.request("/-/reload", "POST").status, 200)
        self.assertNotEqual(found(first), before)
        self.assertEqual(found(second), before)
        self.assertEqual(second.request("/-/reload", "POST").status, 200)
        self.assertEqual(found(second), found(first))


if __name__ == "__main__":
    unittest.main()
