"""The status page in a browser: what a person sees of it, and what the browser makes of hostile names."""

import os
import pathlib
import re
import shutil
import sys
import unittest
from urllib.parse import parse_qs, urlsplit

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from playwright.sync_api import sync_playwright

from exporter import TOP, wait_until
from fake_api import FakeAPI, encode, instance
from running import Running
from timing import NEVER, Stopwatch

WIDTHS = (1280, 390)
SCHEMES = ("light", "dark")

# Names, and how they are to be read on the page.
HOSTILE = {
    "<script>document.title = 'x'</script>": None,
    "\"><img src=x onerror=\"document.title = 'x'\">": None,
    "' onmouseover='x": None,
    "&lt;b&gt;": None,
    "</title></style><style>*{display:none}</style>": None,
    "abc\u202etxt.exe": "abc[U+202E]txt.exe",
    "isolate\u2067abc": "isolate[U+2067]abc",
    "zero\u200bwidth\ufeff": "zero[U+200B]width[U+FEFF]",
    "nul\0 escape\x1b[31m": "nul[U+0000] escape[U+001B][31m",
    "W" * 256: None,
    "مبيعات القاهرة": None,
    "  ": "no name",
}

# Texts whose contrast with what they stand on is less than WCAG 2.2 asks (1.4.3, level AA).
LOW_CONTRAST = """() => {
    const channels = text => text.match(/[\\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = color.slice(0, 3).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const background = element => {
        for (; element; element = element.parentElement) {
            const color = channels(getComputedStyle(element).backgroundColor);
            if (color.length == 3 || color[3] == 1) return color;
        }
        return [255, 255, 255];
    };
    return [...document.body.querySelectorAll("*")].filter(element =>
        [...element.childNodes].some(node => node.nodeType == 3 && node.data.trim())
    ).map(element => {
        const style = getComputedStyle(element);
        const [a, b] = [luminance(channels(style.color)), luminance(background(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        const isLarge = parseFloat(style.fontSize) >= 24;
        return ratio < (isLarge ? 3 : 4.5) ? `${ratio.toFixed(2)}: ${element.outerHTML.slice(0, 80)}` : null;
    }).filter(Boolean);
}"""


class Browsing(Running):
    @classmethod
    def setUpClass(cls):
        program = shutil.which("chromium")
        if program is None:
            raise RuntimeError("chromium is missing: Tests/prepare installs it")
        cls.playwright = cls.enterClassContext(sync_playwright())
        cls.browser = cls.playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        cls.addClassCleanup(cls.browser.close)

    def open(self, exporter, path="/", width=1280, scheme="light", **options):
        """The page, which may ask for nothing else and of which the browser may not complain."""
        context = self.browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, **options)
        context.set_default_timeout(NEVER * 1000)
        self.addCleanup(context.close)
        page = context.new_page()
        complaints, requests = [], []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))

        def judge():
            self.assertEqual(complaints, [])
            self.assertEqual({urlsplit(url)[:3] for url in requests}, {("http", exporter.address, urlsplit(path).path)})

        self.addCleanup(judge)
        response = page.goto(f"http://{exporter.address}{path}")
        self.assertEqual(response.status, 200)
        return page

    def polled(self, instances, **options):
        api = self.enterContext(FakeAPI(instances))
        _, exporter = self.started(api=api, condition=None, **({"interval": "60s", "timeout": "20s", "stale_after": 180} | options))
        wait_until(lambda: b"\nhypersender_up 1\n" in exporter.request("/metrics").body, 20, "the first good poll", lambda: exporter.log)
        return api, exporter

    def assert_fits(self, page):
        widest, available = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
        self.assertLessEqual(widest, available)


class Appearance(Browsing):
    def test_fits_and_is_legible(self):
        names = [*HOSTILE, "A name like any other"]
        _, exporter = self.polled([instance(n, name=name) for n, name in enumerate(names)] + [instance(20, status="NEW"), instance(21, id="i" * 256)])
        for width in WIDTHS:
            for scheme in SCHEMES:
                for path in ("/", "/?q=nobody&status=FAILED", f"/?q={'W' * 300}"):
                    with self.subTest(width=width, scheme=scheme, path=path[:30]):
                        page = self.open(exporter, path, width, scheme)
                        page.locator("details").evaluate("element => element.open = true")
                        self.assert_fits(page)
                        self.assertEqual(page.evaluate(LOW_CONTRAST), [])

    def test_schemes_differ(self):
        _, exporter = self.polled([instance(2)])
        backgrounds = [
            self.open(exporter, scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor") for scheme in SCHEMES
        ]
        self.assertEqual(len(set(backgrounds)), 2)

    def test_failing_polls(self):
        api, exporter = self.polled([instance(2, name="Shown")], interval="1s", timeout="2s", stale_after=6)
        api.answer = lambda exchange: exchange.reply(encode({"message": "W" * 180}), "401 Unauthorized")
        wait_until(lambda: b"\nhypersender_up 0\n" in exporter.request("/metrics").body, 10, "a poll fails")
        page = self.open(exporter, width=390)
        self.assertEqual(page.locator("h1").inner_text(), "The only instance is working, but polls are failing")
        self.assertIn("withdrawn in", page.locator("main").inner_text())
        self.assert_fits(page)
        self.assertEqual(page.evaluate(LOW_CONTRAST), [])
        wait_until(lambda: b"hypersender_instance_up" not in exporter.request("/metrics").body, 15, "the data is stale")
        page = self.open(exporter)
        self.assertRegex(page.title(), r"^No data: polls have failed since \d\d:\d\d:\d\d UTC")
        text = page.locator("main").inner_text()
        self.assertIn("unauthorized", text)
        self.assertIn("Its data is withdrawn", text)
        self.assertNotIn("Shown", text)
        self.assertEqual(page.locator("table").count(), 0)

    def test_focus_is_seen(self):
        _, exporter = self.polled([instance(2)])
        page = self.open(exporter)
        seen = set()
        # The pause, eight counts, text, status, button: and a few more.
        for _ in range(14):
            page.keyboard.press("Tab")
            tag, outline, width = page.evaluate(
                "(style => [document.activeElement.tagName, style.outlineStyle, style.outlineWidth])(getComputedStyle(document.activeElement))")
            seen.add(tag)
            self.assertNotIn("none", outline, tag)
            self.assertGreaterEqual(float(width.removesuffix("px")), 1, tag)
        self.assertLessEqual({"A", "INPUT", "SELECT", "BUTTON"}, seen)


class Content(Browsing):
    def test_hostile_names_are_text(self):
        _, exporter = self.polled([instance(n, name=name) for n, name in enumerate(HOSTILE)])
        page = self.open(exporter)
        shown = page.locator("tbody th").evaluate_all("cells => cells.map(cell => cell.textContent)")
        self.assertCountEqual(shown, [text or name for name, text in HOSTILE.items()])
        self.assertEqual(page.locator("script, img, iframe, object, style:not(head style)").count(), 0)
        attributes = page.evaluate("[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())")
        self.assertEqual([name for name in attributes if name.startswith("on")], [])
        self.assertIn("need attention", page.title())

    def test_queries_are_text(self):
        _, exporter = self.polled([instance(2)])
        for query in (
            "q=<script>x</script>&status=\"><img>", "q=%22%3E%3Cimg%20src=x%3E&account=%22%3E%3Cimg%3E", "q=%", "q=%f", "q=%zz%00%ff",
            "q=%E2%80%AE", "&&==&q", "q=" + "a" * 6000, "q=" + "%F0%9F%92%A9" * 500, "&".join(f"x{n}=1" for n in range(800)), "refresh=%22",
        ):
            with self.subTest(query[:40]):
                page = self.open(exporter, "/?" + query)
                self.assertEqual(page.locator("script, img").count(), 0)
                self.assertEqual(page.locator("main h1").inner_text(), "The only instance is working")
                self.assertLessEqual(len(page.locator("#q").input_value()), 256)

    def test_filter_without_scripts(self):
        instances = [instance(n, status="WORKING", name=f"Sales {n}") for n in range(30)]
        instances[7] |= {"status": "FAILED", "name": "Billing \"7\" & more"}
        _, exporter = self.polled(instances)
        page = self.open(exporter, java_script_enabled=False)
        names = page.locator("tbody th")
        self.assertEqual(names.first.inner_text(), "Billing \"7\" & more")
        self.assertEqual(names.count(), 30)

        page.get_by_label("Name or id").fill("\"7\" & MORE")
        page.get_by_role("button", name="Filter").click()
        self.assertEqual(parse_qs(urlsplit(page.url).query)["q"], ["\"7\" & MORE"])
        self.assertEqual(names.all_inner_texts(), ["Billing \"7\" & more"])
        self.assertEqual(page.get_by_label("Name or id").input_value(), "\"7\" & MORE")
        self.assertIn("1 of 30 instances matches", page.locator("caption").inner_text())

        page.get_by_label("Status", exact=True).select_option("WORKING")
        page.get_by_role("button", name="Filter").click()
        self.assertIn("No instance matches", page.locator("#instances").inner_text())
        page.get_by_role("link", name="Clear").click()
        self.assertEqual(names.count(), 30)

        page.get_by_label("Name or id").fill(instances[12]["id"].upper())
        page.get_by_label("Name or id").press("Enter")
        self.assertEqual(names.all_inner_texts(), ["Sales 12"])

        page.get_by_role("navigation", name="Instances by status").get_by_role("link", name="FAILED").click()
        self.assertEqual(names.count(), 1)
        page.get_by_role("link", name="Pause").click()
        self.assertEqual(page.locator("meta[http-equiv=refresh]").count(), 0)
        self.assertEqual(names.count(), 1, "pausing forgets the filter")
        page.get_by_role("link", name="Resume").click()
        self.assertEqual(page.locator("meta[http-equiv=refresh]").get_attribute("content"), "30")

    def test_links_lead_somewhere(self):
        _, exporter = self.polled([instance(2)])
        page = self.open(exporter)
        for link in page.get_by_role("navigation", name="Exporter").get_by_role("link").evaluate_all("links => links.map(a => a.href)"):
            self.assertEqual(exporter.request(urlsplit(link).path).status, 200, link)

    def test_trouble_leads_to_runbooks(self):
        api, exporter = self.polled([instance(4), instance(3), instance(2)], interval="1s", timeout="2s", stale_after=60)
        page = self.open(exporter)
        links = page.locator(".verdict").get_by_role("link")
        self.assertEqual(links.evaluate_all("links => links.map(a => [a.textContent, a.href, a.rel])"), [
            ["FAILED", f"http://{exporter.address}/runbooks#hypersenderinstancefailed", "noreferrer"],
            ["SCAN_QR_CODE", f"http://{exporter.address}/runbooks#hypersenderinstanceneedsqrscan", "noreferrer"]])
        page.get_by_role("link", name="Pause").focus()
        page.keyboard.press("Tab")
        self.assertEqual(page.evaluate("document.activeElement.textContent"), "FAILED")
        api.answer = lambda exchange: exchange.reply(b"{}", "429 Too Many Requests")
        wait_until(lambda: b"\nhypersender_up 0\n" in exporter.request("/metrics").body, 10, "a poll fails")
        link = self.open(exporter).locator(".trouble").get_by_role("link", name="What to do")
        self.assertEqual(link.get_attribute("href"), "./runbooks#hypersenderratelimited")

    def test_runbooks_may_be_elsewhere(self):
        for url, wanted in (("", set()), ("https://wiki.example/a", {"wiki.example"})):
            with self.subTest(url):
                _, exporter = self.started(f"--web.runbook-url={url}", api=self.enterContext(FakeAPI([instance(4)])))
                hosts = self.open(exporter).get_by_role("link").evaluate_all("links => links.map(a => a.host)")
                self.assertEqual(set(hosts), {exporter.address} | wanted)

    def test_accessibility_tree(self):
        _, exporter = self.polled([instance(4, name="Billing"), instance(2, name="Sales")])
        for width in WIDTHS:
            with self.subTest(width):
                page = self.open(exporter, width=width)
                tree = page.locator("body").aria_snapshot()
                self.assertEqual([int(level) for level in re.findall(r"- heading .*\[level=(\d)\]", tree)], [1, 2, 2], tree)
                for part in (
                    "- main:", 'heading "1 of 2 instances needs attention" [level=1]', 'navigation "Instances by status"',
                    "- search:", 'searchbox "Name or id"', 'combobox "Status"', 'button "Filter"', 'table "2 instances, trouble first."',
                    "columnheader", "rowheader \"Billing\"", 'cell "FAILED"', "contentinfo",
                ):
                    self.assertIn(part, tree)
                self.assertEqual(page.locator("html").get_attribute("lang"), "en")
                unlabelled = page.locator("main input:not([type=hidden]), main select").evaluate_all("fields => fields.filter(f => !f.labels.length).length")
                self.assertEqual(unlabelled, 0)


class Runbooks(Browsing):
    def test_each_section_is_reached(self):
        _, exporter = self.started()
        page = self.open(exporter, "/runbooks")
        alerts = re.findall(r"^## (Hypersender\w+)$", (TOP / "deploy/RUNBOOKS.md").read_text(), re.MULTILINE)
        self.assertGreater(len(alerts), 15)
        self.assertEqual(page.locator("h2").evaluate_all("headings => headings.map(h => [h.textContent, h.id])"), [[a, a.lower()] for a in alerts])
        links = page.locator("a[href^='#']").evaluate_all("links => links.map(a => decodeURIComponent(a.hash.slice(1)))")
        anchors = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
        self.assertEqual(len(anchors), len(set(anchors)))
        self.assertEqual(set(links) - set(anchors), set())
        self.assertEqual(page.locator("script, img, iframe").count(), 0)

    def test_fits_and_is_legible(self):
        _, exporter = self.started()
        for width in WIDTHS:
            for scheme in SCHEMES:
                with self.subTest(width=width, scheme=scheme):
                    page = self.open(exporter, "/runbooks#hypersenderinstancefailed", width, scheme)
                    self.assert_fits(page)
                    self.assertEqual(page.evaluate(LOW_CONTRAST), [])
                    target = page.locator("h2:target")
                    self.assertEqual(target.inner_text(), "HypersenderInstanceFailed")
                    self.assertTrue(target.evaluate("element => element.getBoundingClientRect().bottom < innerHeight"))


class LargeAccount(Browsing):
    def test_ten_thousand(self):
        instances = [instance(n, status="FAILED" if n % 400 == 399 else "WORKING") for n in range(10_000)]
        _, exporter = self.polled(instances)
        answer = exporter.request("/")
        self.assertLess(len(answer.body), 1_000_000)
        for width in WIDTHS:
            watch = Stopwatch(os.getpid())
            page = self.open(exporter, width=width)
            self.assertLess(watch.seconds, 5)
            self.assertEqual(page.locator("h1").inner_text(), "25 of 10,000 instances need attention")
            self.assertEqual(page.locator("caption").inner_text(), "10,000 instances; the first 500 are shown, trouble first.")
            labels = page.locator("tbody .label").all_inner_texts()
            self.assertEqual(labels, ["FAILED"] * 25 + ["WORKING"] * 475)
            self.assert_fits(page)
        page = self.open(exporter, "/?q=instance+9998")
        self.assertEqual(page.locator("tbody th").all_inner_texts(), ["Instance 9998"])


if __name__ == "__main__":
    unittest.main()
