// Command golden writes what the reference encoder prints for fixed tables of values.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run Tests/EndToEnd/golden/main.go Tests/ExpositionTests/Golden
//
// It writes floats.txt and escapes.txt into the folder named. The Swift encoder is compared with both.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: golden FOLDER")
	}
	write(filepath.Join(os.Args[1], "floats.txt"), floatLines())
	write(filepath.Join(os.Args[1], "escapes.txt"), escapeLines())
}

func write(path string, lines []string) {
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		log.Fatal(err)
	}
}

// encode returns the lines of one gauge in text 0.0.4 and in OpenMetrics 1.0.0.
func encode(help, label string, value float64) (text, openMetrics []string) {
	name, labelName, kind := "m", "l", dto.MetricType_GAUGE
	family := &dto.MetricFamily{
		Name: &name, Help: &help, Type: &kind,
		Metric: []*dto.Metric{{
			Label: []*dto.LabelPair{{Name: &labelName, Value: &label}},
			Gauge: &dto.Gauge{Value: &value},
		}},
	}
	var plain, open bytes.Buffer
	if _, err := expfmt.MetricFamilyToText(&plain, family); err != nil {
		log.Fatal(err)
	}
	if _, err := expfmt.MetricFamilyToOpenMetrics(&open, family); err != nil {
		log.Fatal(err)
	}
	return lines(&plain), lines(&open)
}

// lines splits at newlines only: other line separators are part of the text.
func lines(buffer *bytes.Buffer) []string {
	var result []string
	scanner := bufio.NewReader(buffer)
	for {
		line, err := scanner.ReadString('\n')
		if err != nil {
			return result
		}
		result = append(result, strings.TrimSuffix(line, "\n"))
	}
}

func floatLines() []string {
	values := []float64{
		0, math.Copysign(0, -1), 1, -1, 2, 10, 0.1, -0.1, 0.5, 1e-3, 1e-4, 1.5e-4, 1e-5, 1.5e-5, 1e-6, 12.5,
		99999, 100000, 123456, -123456, 123456.5, 999999, 999999.5, 999999.9999999999, 1e6, -1e6, 1000001, 1234567,
		1748254365, 1748254365.5, 1748254365.123456, 1e9, 1e10, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23,
		1<<53 - 1, 1 << 53, 1<<53 + 2, 1<<62 + 1024, 1 << 63, -(1 << 63), 1 << 64, 1 << 31, 1 << 32,
		9007199254740993e3, 123456789012345680, 5e-324, 2.2250738585072014e-308, 2.225073858507201e-308,
		math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, -math.SmallestNonzeroFloat64, math.MaxFloat32,
		math.Pi, -math.Pi, math.E, 1.0 / 3, 2.0 / 3, 0.1 + 0.2, 0.3, 100.0 / 3, 1e100, 1e-100, 1e99, 1e-99, 1.7e-10,
		0.005, 0.01, 0.025, 0.05, 0.25, 2.5, 5, 25, 60, 3600, 86400, 67108864,
		math.NaN(), math.Inf(1), math.Inf(-1),
	}
	// splitmix64, so that the table is the same whatever Go's own generator does.
	state := uint64(20250526)
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		return z ^ z>>31
	}
	for count := 0; count < 100; {
		if value := math.Float64frombits(next()); !math.IsNaN(value) && !math.IsInf(value, 0) {
			values = append(values, value)
			count++
		}
	}
	for exponent := uint64(1023 - 24); exponent < 1023+66; exponent++ {
		values = append(values, math.Float64frombits(next()&(1<<63|1<<52-1)|exponent<<52))
	}
	for i := 0; i < 20; i++ {
		values = append(values, float64(next()%100_000_000)/1000, float64(next()>>11))
	}
	var result []string
	for _, value := range values {
		text, openMetrics := encode("", "", value)
		result = append(result, fmt.Sprintf("%016x %s %s", math.Float64bits(value), last(text), last(openMetrics)))
	}
	return result
}

// last returns the value of the sample that ends a page.
func last(page []string) string {
	sample := page[len(page)-1]
	return sample[strings.LastIndexByte(sample, ' ')+1:]
}

func escapeLines() []string {
	result := []string{
		"# One string a line, as the reference encoder escapes it: four fields apart by one space, each the UTF-8 bytes in hex,",
		"# or - where there are none: the raw string, the label value between the quotes, the HELP text, the OpenMetrics HELP text.",
	}
	for _, raw := range []string{
		"", " ", "  a  b  ", "plain", `\`, `\\`, `\n`, `\\n`, "\n", "\n\n", "\\\n", "\n\\", `"`, `""`, `\"`, `"\`, "\"\n\\",
		"quote \" backslash \\ newline \n end", "\t", "\r", "\r\n", "\x00", "\x01\x1b[0m\x7f", "#", "# HELP x y", "# EOF", "{}", `{a="b"} 1`,
		"a,b", "a=b", "'", "`", "$", "%s %d", "é", "e\u0301", "ÄÖÜß", "مرحبا", "日本語", "🙂", "👩‍👩‍👧‍👦", "🇪🇬", "\u2028", "\u0085", "\u00a0",
		"\ufeff", "\u200b", "\u202eabc", "\ufffd", "\U0010ffff", "<script>alert(\"x\")</script>", "&amp;",
		`C:\new\"table"`, strings.Repeat(`\`, 50), strings.Repeat("\n\"", 20), strings.Repeat("x", 300) + "\n",
	} {
		text, openMetrics := encode(raw, raw, 1)
		prefix, suffix := `m{l="`, `"} 1`
		sample := text[len(text)-1]
		label := strings.TrimSuffix(strings.TrimPrefix(sample, prefix), suffix)
		if prefix+label+suffix != sample || label != strings.TrimSuffix(strings.TrimPrefix(openMetrics[len(openMetrics)-1], prefix), suffix+".0") {
			log.Fatalf("unexpected sample %q", sample)
		}
		result = append(result, strings.Join([]string{
			field(raw), field(label),
			field(strings.TrimPrefix(text[0], "# HELP m ")), field(strings.TrimPrefix(openMetrics[0], "# HELP m ")),
		}, " "))
	}
	return result
}

func field(text string) string {
	if text == "" {
		return "-"
	}
	return hex.EncodeToString([]byte(text))
}
