// Command reencode writes a page of metrics anew with the reference encoder.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run Tests/EndToEnd/reencode/main.go -format text|openmetrics < page
//
// It reads text 0.0.4 from standard input and keeps the order of the families.
package main

import (
	"bytes"
	"flag"
	"io"
	"log"
	"os"
	"strings"

	"github.com/prometheus/common/expfmt"
)

func main() {
	log.SetFlags(0)
	format := flag.String("format", "text", "text or openmetrics")
	flag.Parse()
	page, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(page))
	if err != nil {
		log.Fatal(err)
	}
	kind := expfmt.FmtText
	if *format == "openmetrics" {
		kind = expfmt.FmtOpenMetrics
	}
	var written bytes.Buffer
	encoder := expfmt.NewEncoder(&written, kind)
	count := 0
	for _, line := range strings.Split(string(page), "\n") {
		fields := strings.SplitN(line, " ", 4)
		if len(fields) == 4 && fields[0] == "#" && fields[1] == "TYPE" {
			family, known := families[fields[2]]
			if !known {
				log.Fatalf("%s was not read", fields[2])
			}
			if err := encoder.Encode(family); err != nil {
				log.Fatal(err)
			}
			count++
		}
	}
	if count != len(families) {
		log.Fatalf("%d families have a TYPE, %d were read", count, len(families))
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			log.Fatal(err)
		}
	}
	if _, err := os.Stdout.Write(written.Bytes()); err != nil {
		log.Fatal(err)
	}
}
