"""The judge is judged: every kind of bad page is rejected, and good pages pass."""

import pathlib
import re
import struct
import subprocess
import sys
import unittest

import exposition

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "ExpositionTests" / "Golden"

GOOD_TEXT = r'''# HELP hypersender_up 1 if the last poll succeeded, "else" 0: a \\ and a \n.
# TYPE hypersender_up gauge
hypersender_up 1
# HELP hypersender_polls_total Polls.
# TYPE hypersender_polls_total counter
hypersender_polls_total{account="a"} 1.234567e+06
hypersender_polls_total{account="b \"q\" \\ \n é🙂 {x=\"y\"} 1"} 0.5
# HELP hypersender_poll_duration_seconds Time.
# TYPE hypersender_poll_duration_seconds histogram
hypersender_poll_duration_seconds_bucket{account="a",le="0.1"} 1
hypersender_poll_duration_seconds_bucket{account="a",le="1"} 2
hypersender_poll_duration_seconds_bucket{account="a",le="+Inf"} 3
hypersender_poll_duration_seconds_sum{account="a"} 4.5
hypersender_poll_duration_seconds_count{account="a"} 3
hypersender_poll_duration_seconds_bucket{account="b",le="0.1"} 0
hypersender_poll_duration_seconds_bucket{account="b",le="1"} 0
hypersender_poll_duration_seconds_bucket{account="b",le="+Inf"} 0
hypersender_poll_duration_seconds_sum{account="b"} 0
hypersender_poll_duration_seconds_count{account="b"} 0
# HELP process_max_fds Limit.
# TYPE process_max_fds gauge
process_max_fds NaN
'''

GOOD_OPENMETRICS = r'''# HELP hypersender_up 1 if the last poll succeeded, \"else\" 0: a \\ and a \n.
# TYPE hypersender_up gauge
hypersender_up 1.0
# HELP hypersender_polls Polls.
# TYPE hypersender_polls counter
hypersender_polls_total{account="a"} 1.234567e+06
hypersender_polls_total{account="b \"q\" \\ \n é🙂 {x=\"y\"} 1"} 0.5
# HELP hypersender_poll_duration_seconds Time.
# TYPE hypersender_poll_duration_seconds histogram
# UNIT hypersender_poll_duration_seconds seconds
hypersender_poll_duration_seconds_bucket{le="0.1"} 1
hypersender_poll_duration_seconds_bucket{le="1.0"} 2
hypersender_poll_duration_seconds_bucket{le="+Inf"} 3000000
hypersender_poll_duration_seconds_sum 4.5
hypersender_poll_duration_seconds_count 3000000
# HELP process_max_fds Limit.
# TYPE process_max_fds gauge
process_max_fds +Inf
# EOF
'''

UP = "# HELP hypersender_up h\n# TYPE hypersender_up gauge\n"
TOTAL = "# HELP hypersender_x_total h\n# TYPE hypersender_x_total counter\n"
HISTOGRAM = "# HELP hypersender_h h\n# TYPE hypersender_h histogram\n"

# The fault of a page, the page, and words that a fault must contain.
BAD_TEXT = [
    ("empty page", "", "empty"),
    ("no final newline", UP + "hypersender_up 1", "newline"),
    ("blank line", UP + "\nhypersender_up 1\n", "empty line"),
    ("carriage returns", UP + "hypersender_up 1\r\n", "not a value|beside the value"),
    ("byte order mark", "\ufeff" + UP + "hypersender_up 1\n", "byte order mark"),
    ("not UTF-8", (UP + 'hypersender_up{a="').encode() + b'\xff"} 1\n', "UTF-8"),
    ("a stray comment", UP + "# hello\nhypersender_up 1\n", "neither HELP"),
    ("EOF in text", UP + "hypersender_up 1\n# EOF\n", "EOF"),
    ("duplicate series", UP + "hypersender_up 1\nhypersender_up 1\n", "again"),
    ("duplicate series, labels swapped", UP + 'hypersender_up{a="1",b="2"} 1\nhypersender_up{b="2",a="1"} 1\n', "again"),
    ("duplicate series, one label empty", UP + 'hypersender_up{a="1",b=""} 1\nhypersender_up{a="1"} 1\n', "again"),
    ("interleaved families", UP + "hypersender_up 1\n" + TOTAL + 'hypersender_x_total 1\nhypersender_up{a="1"} 1\n', "apart"),
    ("a family twice", UP + "hypersender_up 1\n" + TOTAL + "hypersender_x_total 1\n" + UP + 'hypersender_up{a="1"} 1\n', "torn apart"),
    ("no metadata", "hypersender_up 1\n", "no HELP and TYPE"),
    ("no HELP", "# TYPE hypersender_up gauge\nhypersender_up 1\n", "no HELP"),
    ("no TYPE", "# HELP hypersender_up h\nhypersender_up 1\n", "no TYPE"),
    ("empty HELP", "# HELP hypersender_up \n# TYPE hypersender_up gauge\nhypersender_up 1\n", "HELP of hypersender_up is empty"),
    ("HELP twice", "# HELP hypersender_up h\n" + UP + "hypersender_up 1\n", "second HELP"),
    ("TYPE twice", UP + "# TYPE hypersender_up gauge\nhypersender_up 1\n", "second TYPE"),
    ("TYPE before HELP", "# TYPE hypersender_up gauge\n# HELP hypersender_up h\nhypersender_up 1\n", "not the first"),
    ("HELP after samples", "# TYPE hypersender_up gauge\nhypersender_up 1\n# HELP hypersender_up h\n", "after its samples"),
    ("TYPE after samples", "# HELP hypersender_up h\nhypersender_up 1\n# TYPE hypersender_up gauge\n", "after its samples"),
    ("no sample", UP, "no sample"),
    ("bad HELP escape", UP.replace(" h\n", " a \\t b\n") + "hypersender_up 1\n", "bad escape"),
    ("escaped quote in text HELP", UP.replace(" h\n", ' a \\" b\n') + "hypersender_up 1\n", "bad escape"),
    ("HELP ends in a backslash", UP.replace(" h\n", " a \\\n") + "hypersender_up 1\n", "bad escape"),
    ("UNIT in text", UP + "# UNIT hypersender_up up\nhypersender_up 1\n", "UNIT in text"),
    ("bad type", UP.replace("gauge", "stateset") + "hypersender_up 1\n", "TYPE 'stateset'"),
    ("untyped", UP.replace("gauge", "untyped") + "hypersender_up 1\n", "TYPE 'untyped'"),
    ("no type at all", UP.replace(" gauge", "") + "hypersender_up 1\n", "TYPE ''"),
    ("_total on a gauge", TOTAL.replace("counter", "gauge") + "hypersender_x_total 1\n", "ends in _total"),
    ("counter without _total", UP.replace("gauge", "counter") + "hypersender_up 1\n", "does not end in _total"),
    ("foreign prefix", UP.replace("hypersender_up", "go_up") + "go_up 1\n", "begins with none"),
    ("bad metric name", UP + "hypersender-up 1\n", "space|no HELP"),
    ("name of digits", UP + "1up 1\n", "not a sample"),
    ("leading space", UP + " hypersender_up 1\n", "not a sample"),
    ("negative counter", TOTAL + "hypersender_x_total -1\n", "of a counter is -1"),
    ("counter NaN", TOTAL + "hypersender_x_total NaN\n", "of a counter is NaN"),
    ("counter +Inf", TOTAL + "hypersender_x_total +Inf\n", "of a counter is"),
    ("label instance", UP + 'hypersender_up{instance="a"} 1\n', "belongs to Prometheus"),
    ("label job", UP + 'hypersender_up{job="a"} 1\n', "belongs to Prometheus"),
    ("reserved label", UP + 'hypersender_up{__a="a"} 1\n', "reserved"),
    ("label twice", UP + 'hypersender_up{a="1",a="2"} 1\n', "twice"),
    ("bad label name", UP + 'hypersender_up{a-b="1"} 1\n', "not a label"),
    ("label name of digits", UP + 'hypersender_up{1="1"} 1\n', "not a label"),
    ("label unquoted", UP + "hypersender_up{a=1} 1\n", "not a label"),
    ("label single-quoted", UP + "hypersender_up{a='1'} 1\n", "not a label"),
    ("space among labels", UP + 'hypersender_up{a="1", b="2"} 1\n', "not a label"),
    ("comma at the end", UP + 'hypersender_up{a="1",} 1\n', "not a label"),
    ("no comma", UP + 'hypersender_up{a="1"b="2"} 1\n', "neither comma"),
    ("no closing brace", UP + 'hypersender_up{a="1" 1\n', "neither comma"),
    ("no closing quote", UP + 'hypersender_up{a="1} 1\n', "no end"),
    ("raw newline in a label", UP + 'hypersender_up{a="1\n2"} 1\n', "no end"),
    ("raw quote in a label", UP + 'hypersender_up{a="1"2"} 1\n', "neither comma"),
    ("bad label escape", UP + 'hypersender_up{a="\\t"} 1\n', "bad escape"),
    ("bad unicode escape", UP + 'hypersender_up{a="\\u00e9"} 1\n', "bad escape"),
    ("empty braces", UP + "hypersender_up{} 1\n", "empty braces"),
    ("le on a gauge", UP + 'hypersender_up{le="1"} 1\n', "no bucket"),
    ("quantile", UP + 'hypersender_up{quantile="0.5"} 1\n', "no bucket"),
    ("timestamp", UP + "hypersender_up 1 1748254365000\n", "timestamp"),
    ("exemplar", TOTAL + 'hypersender_x_total 1 # {a="b"} 1\n', "beside the value"),
    ("no value", UP + "hypersender_up\n", "space|not a value"),
    ("value missing", UP + "hypersender_up \n", "not a value"),
    ("value is no number", UP + "hypersender_up one\n", "not a value"),
    ("value of Python", UP + "hypersender_up 1_000\n", "not a value"),
    ("value in hex", UP + "hypersender_up 0x10\n", "not a value"),
    ("two spaces", UP + "hypersender_up  1\n", "beside the value"),
    ("tab", UP + "hypersender_up\t1\n", "space"),
    ("trailing space", UP + "hypersender_up 1 \n", "beside the value"),
] + [
    (f"value spelled {value}", f"{UP}hypersender_up {value}\n", "spelled|not a value")
    for value in (
        "1.0 -0 +1 01 1. .5 1e6 1000000 1e+6 1E+06 1e+006 0.00001 1e-5 1234567 1748254365 0.10 0.30000000000000001 "
        "-0.0 0.0 inf Inf +inf nan NAN 10e+05 123456.0 1e5 1.50e+06"
    ).split()
] + [
    ("no +Inf", HISTOGRAM + 'hypersender_h_bucket{le="1"} 1\nhypersender_h_sum 1\nhypersender_h_count 1\n', r"\+Inf"),
    ("no bucket", HISTOGRAM + "hypersender_h_sum 1\nhypersender_h_count 1\n", r"\+Inf"),
    ("bucket without le", HISTOGRAM + "hypersender_h_bucket 1\nhypersender_h_sum 1\nhypersender_h_count 1\n", "le=None"),
    ("le is no number", HISTOGRAM + 'hypersender_h_bucket{le="x"} 1\nhypersender_h_sum 1\nhypersender_h_count 1\n', "le='x'"),
    ("le spelled 1.0", HISTOGRAM + 'hypersender_h_bucket{le="1.0"} 1\nhypersender_h_bucket{le="+Inf"} 1\n'
     "hypersender_h_sum 1\nhypersender_h_count 1\n", "le is spelled"),
    ("le twice in two spellings", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_bucket{le="Inf"} 1\n'
     "hypersender_h_sum 1\nhypersender_h_count 1\n", "ascend"),
    ("buckets descend", HISTOGRAM + 'hypersender_h_bucket{le="2"} 1\nhypersender_h_bucket{le="1"} 1\n'
     'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum 1\nhypersender_h_count 1\n', "ascend"),
    ("not cumulative", HISTOGRAM + 'hypersender_h_bucket{le="1"} 2\nhypersender_h_bucket{le="+Inf"} 1\n'
     "hypersender_h_sum 1\nhypersender_h_count 1\n", "cumulative"),
    ("count differs", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum 1\nhypersender_h_count 2\n', "_count"),
    ("no sum", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_count 1\n', "buckets, _sum, _count"),
    ("no count", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum 1\n', "buckets, _sum, _count"),
    ("negative sum", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum -1\nhypersender_h_count 1\n', "is -1"),
    ("histogram without buckets", HISTOGRAM + "hypersender_h 1\n", "no HELP and TYPE"),
    ("histograms interleaved", HISTOGRAM + 'hypersender_h_bucket{a="1",le="+Inf"} 1\nhypersender_h_bucket{a="2",le="+Inf"} 1\n'
     'hypersender_h_sum{a="1"} 1\nhypersender_h_sum{a="2"} 1\nhypersender_h_count{a="1"} 1\nhypersender_h_count{a="2"} 1\n',
     "torn apart"),
    ("a name of two families", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum 1\nhypersender_h_count 1\n'
     "# HELP hypersender_h_count h\n# TYPE hypersender_h_count gauge\nhypersender_h_count 1\n", "is of"),
]

OM_UP = UP + "hypersender_up 1.0\n"
OM_TOTAL = "# HELP hypersender_x h\n# TYPE hypersender_x counter\n"
OM_AGE = "# HELP hypersender_age_seconds h\n# TYPE hypersender_age_seconds gauge\n"

BAD_OPENMETRICS = [
    ("no EOF", OM_UP, "EOF"),
    ("EOF not last", OM_UP + "# EOF\nhypersender_up 1.0\n", "EOF"),
    ("EOF twice", OM_UP + "# EOF\n# EOF\n", "EOF` is not the last"),
    ("no newline after EOF", OM_UP + "# EOF", "newline"),
    ("blank after EOF", OM_UP + "# EOF\n\n", "EOF"),
    ("whole number without .0", UP + "hypersender_up 1\n# EOF\n", "spelled"),
    ("exponent with .0", UP + "hypersender_up 1.0e+06\n# EOF\n", "spelled"),
    ("counter's TYPE keeps _total", TOTAL + "hypersender_x_total 1.0\n# EOF\n", "keeps _total"),
    ("counter's sample loses _total", OM_TOTAL + "hypersender_x 1.0\n# EOF\n", "no HELP and TYPE"),
    ("counter's metadata disagrees", OM_TOTAL.replace("HELP hypersender_x", "HELP hypersender_x_total")
     + "hypersender_x_total 1.0\n# EOF\n", "no (HELP|TYPE)"),
    ("unescaped quote in HELP", UP.replace(" h\n", ' a "b"\n') + "hypersender_up 1.0\n# EOF\n", "unescaped quote"),
    ("no UNIT", OM_AGE + "hypersender_age_seconds 1.0\n# EOF\n", "no UNIT"),
    ("another UNIT", OM_AGE + "# UNIT hypersender_age_seconds bytes\nhypersender_age_seconds 1.0\n# EOF\n", "not how"),
    ("UNIT of a part of a word", UP + "# UNIT hypersender_up p\nhypersender_up 1.0\n# EOF\n", "not how"),
    ("UNIT empty", OM_AGE + "# UNIT hypersender_age_seconds \nhypersender_age_seconds 1.0\n# EOF\n", "not how"),
    ("UNIT twice", OM_AGE + "# UNIT hypersender_age_seconds seconds\n" * 2 + "hypersender_age_seconds 1.0\n# EOF\n", "second"),
    ("UNIT after samples", OM_AGE + "hypersender_age_seconds 1.0\n# UNIT hypersender_age_seconds seconds\n# EOF\n", "after its samples"),
    ("bucket counts as floats", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1.0\nhypersender_h_sum 1.0\n'
     "hypersender_h_count 1\n# EOF\n", "whole number"),
    ("count in exponent form", HISTOGRAM + 'hypersender_h_bucket{le="+Inf"} 1000000\nhypersender_h_sum 1.0\n'
     "hypersender_h_count 1e+06\n# EOF\n", "whole number"),
    ("le without .0", HISTOGRAM + 'hypersender_h_bucket{le="1"} 1\nhypersender_h_bucket{le="+Inf"} 1\nhypersender_h_sum 1.0\n'
     "hypersender_h_count 1\n# EOF\n", "le is spelled"),
    ("info", OM_UP.replace("gauge", "info") + "# EOF\n", "TYPE 'info'"),
    ("stateset", OM_UP.replace("gauge", "stateset") + "# EOF\n", "TYPE 'stateset'"),
    ("timestamp", UP + "hypersender_up 1.0 1748254365.5\n# EOF\n", "timestamp"),
    ("duplicate series", OM_UP + "hypersender_up 1.0\n# EOF\n", "again"),
    ("exemplar", OM_TOTAL + 'hypersender_x_total 1.0 # {a="b"} 1.0\n# EOF\n', "beside the value"),
    ("_created", OM_TOTAL + "hypersender_x_total 1.0\nhypersender_x_created 1.0\n# EOF\n", "no HELP and TYPE"),
]


class GoodPages(unittest.TestCase):
    def test_text(self):
        self.assertEqual(exposition.check(GOOD_TEXT.encode()), [])

    def test_openmetrics(self):
        self.assertEqual(exposition.check(GOOD_OPENMETRICS.encode(), openmetrics=True), [])

    def test_only_end_of_openmetrics(self):
        self.assertEqual(exposition.check(b"# EOF\n", openmetrics=True), [])

    def test_values_and_labels_are_read(self):
        for text, openmetrics in ((GOOD_TEXT, False), (GOOD_OPENMETRICS, True)):
            page, _ = exposition.read(text.encode(), openmetrics)
            self.assertEqual(page.value("hypersender_polls_total", account="a"), 1234567)
            self.assertEqual(page.value("hypersender_polls_total", account='b "q" \\ \n é🙂 {x="y"} 1'), 0.5)
            self.assertIsNone(page.value("hypersender_polls_total", account="c"))
            self.assertEqual(page.families[0].help, '1 if the last poll succeeded, "else" 0: a \\ and a \n.')

    def test_spaces_other_than_newline_are_kept(self):
        for text in ("\r", "\t", "\u2028", "\u0085", "\x00", "\x1b", "\ufeff", " a ", "a,b=c", "# EOF", "}"):
            page, faults = exposition.read(f'{UP}hypersender_up{{a="{text}"}} 1\n'.encode())
            self.assertEqual((faults, page.value("hypersender_up", a=text)), ([], 1), repr(text))


class BadPages(unittest.TestCase):
    def reject(self, cases, openmetrics):
        for what, page, words in cases:
            with self.subTest(what):
                page = page if isinstance(page, bytes) else page.encode()
                faults = exposition.check(page, openmetrics)
                self.assertTrue(any(re.search(words, str(fault)) for fault in faults), f"{page!r}: {faults}")

    def test_text(self):
        self.reject(BAD_TEXT, False)

    def test_openmetrics(self):
        self.reject(BAD_OPENMETRICS, True)

    def test_every_line_of_a_good_page_matters(self):
        """Any line left out or written twice is noticed, but for samples that may be absent."""
        for text, openmetrics in ((GOOD_TEXT, False), (GOOD_OPENMETRICS, True)):
            lines = text.splitlines(keepends=True)
            for index, line in enumerate(lines):
                with self.subTest(line=line):
                    twice = lines[:index] + [line] + lines[index:]
                    self.assertTrue(exposition.check("".join(twice).encode(), openmetrics), "twice")
                    optional = "polls_total{" in line or 'le="0.1"' in line or 'le="1' in line
                    if not optional:
                        without = lines[:index] + lines[index + 1 :]
                        self.assertTrue(exposition.check("".join(without).encode(), openmetrics), "left out")

    def test_the_other_format_is_rejected(self):
        self.assertTrue(exposition.check(GOOD_TEXT.encode(), openmetrics=True))
        self.assertTrue(exposition.check(GOOD_OPENMETRICS.encode(), openmetrics=False))

    def test_faults_name_their_line(self):
        faults = exposition.check((UP + "hypersender_up 1\nhypersender_up 1\n").encode())
        self.assertEqual([fault.line for fault in faults], [4])


class Floats(unittest.TestCase):
    def test_as_the_reference_encoder_spells_them(self):
        lines = (GOLDEN / "floats.txt").read_text().splitlines()
        self.assertGreater(len(lines), 200)
        for line in lines:
            bits, text, openmetrics = line.split(" ")
            value = struct.unpack(">d", bytes.fromhex(bits))[0]
            self.assertEqual((exposition.go_float(value), exposition.go_float(value, True)), (text, openmetrics), bits)


class Command(unittest.TestCase):
    def run_command(self, page, *arguments):
        return subprocess.run(
            [sys.executable, HERE / "exposition.py", *arguments], input=page.encode(), capture_output=True, check=False)

    def test_exit_codes(self):
        self.assertEqual(self.run_command(GOOD_TEXT).returncode, 0)
        self.assertEqual(self.run_command(GOOD_OPENMETRICS, "--format", "openmetrics").returncode, 0)
        bad = self.run_command(UP + "hypersender_up 1\nhypersender_up{} 1\n")
        self.assertEqual(bad.returncode, 1)
        self.assertIn(b"line 4: empty braces", bad.stdout)


if __name__ == "__main__":
    unittest.main()
