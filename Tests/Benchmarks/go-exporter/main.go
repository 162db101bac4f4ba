// Command go-exporter does the exporter's job as one would ordinarily write it in Go, with client_golang.
//
// It is what the exporter is measured against: the same series by the same background poll, served by promhttp.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o go-exporter ./Tests/Benchmarks/go-exporter
//	HYPERSENDER_TOKEN=… ./go-exporter --base-url http://127.0.0.1:8080/api/whatsapp/v1 --listen 127.0.0.1:0 --interval 1s
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const unknown = "UNKNOWN"

var (
	statuses = []string{"STOPPED", "STARTING", "WORKING", "SCAN_QR_CODE", "FAILED", "PENDING", unknown}
	reasons  = []string{
		"unauthorized", "forbidden", "not_found", "blocked", "bad_request", "rate_limited", "server_error", "http_error",
		"redirect", "timeout", "connect", "tls", "dns", "too_large", "decode", "incomplete", "token", "internal",
	}
)

// instance is an element of the API's list.
type instance struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	ServiceType string  `json:"service_type"`
	Status      string  `json:"status"`
	AccessToken *string `json:"access_token"`
	CreatedAt   string  `json:"created_at"`
}

// history is what several polls together say of an instance.
type history struct {
	status  string
	since   time.Time
	changes float64
}

// account is what is known now.
type account struct {
	mutex        sync.Mutex
	up           float64
	instances    []instance
	histories    map[string]*history
	last         time.Time
	lastGood     time.Time
	size         float64
	limit        float64
	remaining    float64
	throttled    bool
	duplicates   float64
	invalid      float64
	staleAfter   time.Duration
	interval     time.Duration
	polls        prometheus.Counter
	failures     *prometheus.CounterVec
	unknowns     prometheus.Counter
	durations    prometheus.Histogram
	client       *http.Client
	url, token   string
	maximumBytes int64
}

func newAccount(url, token string, interval time.Duration) *account {
	a := &account{
		histories:  map[string]*history{},
		interval:   interval,
		staleAfter: 3 * interval,
		polls:      prometheus.NewCounter(prometheus.CounterOpts{Name: "hypersender_polls_total", Help: "Polls of the API that are finished, good or bad."}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hypersender_poll_failures_total", Help: "Polls of the API that failed, by reason.",
		}, []string{"reason"}),
		unknowns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "hypersender_unknown_statuses_total", Help: "Instances seen with a status outside the documented six, once a poll.",
		}),
		durations: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "hypersender_poll_duration_seconds", Help: "Time from the request to the decoded list, failures included.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}),
		client: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		url: url, token: token, maximumBytes: 64 << 20,
	}
	for _, reason := range reasons {
		a.failures.WithLabelValues(reason)
	}
	return a
}

// failure is an error that has a reason to be counted under.
type failure struct {
	reason string
	err    error
}

func (f failure) Error() string { return f.err.Error() }

func (a *account) run(ctx context.Context) {
	ticker := time.NewTicker(a.interval)
	defer ticker.Stop()
	for {
		a.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (a *account) poll(ctx context.Context) {
	start := time.Now()
	list, err := a.fetch(ctx)
	a.durations.Observe(time.Since(start).Seconds())
	a.polls.Inc()
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.last = time.Now()
	if err != nil {
		a.up = 0
		reason := "internal"
		var known failure
		if errors.As(err, &known) {
			reason = known.reason
		}
		a.failures.WithLabelValues(reason).Inc()
		log.Printf("level=warn msg=\"Poll failed\" reason=%s err=%q", reason, err)
		return
	}
	a.up, a.lastGood = 1, a.last
	a.take(list)
}

func (a *account) fetch(ctx context.Context) ([]instance, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/instances", nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	request.Header.Set("Accept", "application/json")
	response, err := a.client.Do(request)
	if err != nil {
		return nil, transportFailure(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, failure{reasonOfStatus(response.StatusCode), errors.New("the API answered " + strconv.Itoa(response.StatusCode))}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, a.maximumBytes+1))
	if err != nil {
		return nil, transportFailure(err)
	}
	if int64(len(body)) > a.maximumBytes {
		return nil, failure{"too_large", errors.New("the answer is too large")}
	}
	var list []instance
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, failure{"decode", err}
	}
	if list == nil {
		return nil, failure{"decode", errors.New("null is no list")}
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.size = float64(len(body))
	limit, err1 := strconv.ParseFloat(response.Header.Get("X-RateLimit-Limit"), 64)
	remaining, err2 := strconv.ParseFloat(response.Header.Get("X-RateLimit-Remaining"), 64)
	if a.throttled = err1 == nil && err2 == nil; a.throttled {
		a.limit, a.remaining = limit, remaining
	}
	return list, nil
}

func transportFailure(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return failure{"timeout", err}
	}
	return failure{"connect", err}
}

func reasonOfStatus(code int) string {
	switch {
	case code == 400:
		return "bad_request"
	case code == 401:
		return "unauthorized"
	case code == 403:
		return "forbidden"
	case code == 404:
		return "not_found"
	case code == 429:
		return "rate_limited"
	case code >= 500:
		return "server_error"
	case code >= 300 && code < 400:
		return "redirect"
	}
	return "http_error"
}

// take replaces the instances by those of a good poll.
func (a *account) take(list []instance) {
	seen := make(map[string]bool, len(list))
	kept := make([]instance, 0, len(list))
	a.duplicates, a.invalid = 0, 0
	for _, each := range list {
		if each.ID == "" {
			a.invalid++
			continue
		}
		if seen[each.ID] {
			a.duplicates++
			continue
		}
		seen[each.ID] = true
		if !known(each.Status) {
			each.Status = unknown
			a.unknowns.Inc()
		}
		kept = append(kept, each)
		past := a.histories[each.ID]
		if past == nil {
			a.histories[each.ID] = &history{status: each.Status, since: a.last}
		} else if past.status != each.Status {
			past.status, past.since = each.Status, a.last
			past.changes++
		}
	}
	for id := range a.histories {
		if !seen[id] {
			delete(a.histories, id)
		}
	}
	a.instances = kept
}

func known(status string) bool {
	for _, each := range statuses[:6] {
		if each == status {
			return true
		}
	}
	return false
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("hypersender_"+name, help, labels, nil)
}

var (
	ofInstance  = []string{"instance_id", "instance_name"}
	instances   = describe("instances", "Number of instances by status.", "status")
	instanceUp  = describe("instance_up", "1 if the instance's status is WORKING, else 0.", ofInstance...)
	instanceIs  = describe("instance_status", "1 for the instance's status, 0 for all others.", append(ofInstance[:2:2], "status")...)
	info        = describe("instance_info", "Facts about the instance; always 1.", append(ofInstance[:2:2], "service_type")...)
	created     = describe("instance_created_timestamp_seconds", "When the instance was created; times without a zone are read as UTC.", ofInstance...)
	tokenThere  = describe("instance_access_token_present", "1 if the instance has an access token, 0 while it is not yet connected.", ofInstance...)
	changeTime  = describe("instance_status_change_timestamp_seconds", "When a poll last saw another status; the first sight counts.", ofInstance...)
	changeCount = describe("instance_status_changes_total", "Changes of status seen between polls.", ofInstance...)

	up            = describe("up", "1 if the last poll of the API succeeded, else 0.")
	lastPoll      = describe("last_poll_timestamp_seconds", "When the last poll ended.")
	lastGoodPoll  = describe("last_successful_poll_timestamp_seconds", "When the last poll that succeeded ended.")
	interval      = describe("poll_interval_seconds", "The configured interval between polls.")
	responseBytes = describe("api_response_bytes", "Decoded size of the API's last answer.")
	rateLimit     = describe("api_rate_limit", "Requests the API allows in its window.")
	rateRemaining = describe("api_rate_limit_remaining", "Requests left in the API's window.")
	duplicates    = describe("duplicate_instances", "Ids that the last good poll gave more than once.")
	invalid       = describe("invalid_instances", "Elements of the last good poll that could not be read.")
)

func (a *account) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(a, out) }

func (a *account) Collect(out chan<- prometheus.Metric) {
	a.polls.Collect(out)
	a.failures.Collect(out)
	a.unknowns.Collect(out)
	a.durations.Collect(out)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(up, a.up)
	gauge(interval, a.interval.Seconds())
	if !a.last.IsZero() {
		gauge(lastPoll, seconds(a.last))
	}
	if a.lastGood.IsZero() {
		return
	}
	gauge(lastGoodPoll, seconds(a.lastGood))
	gauge(responseBytes, a.size)
	gauge(duplicates, a.duplicates)
	gauge(invalid, a.invalid)
	if a.throttled {
		gauge(rateLimit, a.limit)
		gauge(rateRemaining, a.remaining)
	}
	if time.Since(a.lastGood) > a.staleAfter {
		return
	}
	counts := map[string]float64{}
	for _, each := range a.instances {
		counts[each.Status]++
		past := a.histories[each.ID]
		gauge(instanceUp, number(each.Status == "WORKING"), each.ID, each.Name)
		for _, status := range statuses {
			gauge(instanceIs, number(each.Status == status), each.ID, each.Name, status)
		}
		gauge(info, 1, each.ID, each.Name, each.ServiceType)
		if at, ok := parseTime(each.CreatedAt); ok {
			gauge(created, seconds(at), each.ID, each.Name)
		}
		gauge(tokenThere, number(each.AccessToken != nil), each.ID, each.Name)
		gauge(changeTime, seconds(past.since), each.ID, each.Name)
		out <- prometheus.MustNewConstMetric(changeCount, prometheus.CounterValue, past.changes, each.ID, each.Name)
	}
	for _, status := range statuses {
		gauge(instances, counts[status], status)
	}
}

func number(truth bool) float64 {
	if truth {
		return 1
	}
	return 0
}

func seconds(at time.Time) float64 { return float64(at.UnixNano()/1e6) / 1e3 }

func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func main() {
	baseURL := flag.String("base-url", "https://app.hypersender.com/api/whatsapp/v1", "where the API is")
	listen := flag.String("listen", "127.0.0.1:0", "the address to serve on")
	every := flag.Duration("interval", 30*time.Second, "the time between polls")
	flag.Parse()
	log.SetFlags(0)
	token := strings.TrimSpace(os.Getenv("HYPERSENDER_TOKEN"))
	if token == "" || *every <= 0 {
		log.Fatal("HYPERSENDER_TOKEN must be set and --interval positive")
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	account := newAccount(*baseURL, token, *every)
	registry := prometheus.NewRegistry()
	registry.MustRegister(account, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "hypersender_exporter_build_info", Help: "What this program was built from; always 1.",
	}, []string{"version", "revision", "go_version"})
	build.WithLabelValues("0", "0", runtime.Version()).Set(1)
	requests := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "hypersender_exporter_http_requests_total", Help: "Requests answered.",
	}, []string{"handler", "code"})
	registry.MustRegister(build, requests)

	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.InstrumentHandlerCounter(requests.MustCurryWith(prometheus.Labels{"handler": "metrics"}), metrics))
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("level=info msg=\"Listening\" address=%s", listener.Addr())
	go account.run(ctx)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		drain, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.Shutdown(drain)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
