package web

import (
	"context"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/specstar-worker/worker/storage"
)

// scrapeTimeout bounds what a scrape asks of the store and the queue.
const scrapeTimeout = 5 * time.Second

// Queue are figures of the queue since the worker started.
type Queue struct {
	Fetched, Acked, Retried, Dead uint64
	// Depth is how many messages wait; negative when it is not known.
	Depth int64
	// Backlog is the same for each lane and kind.
	Backlog []Backlog
	// Oldest is when the oldest message was published; zero when there is none, or it is
	// not known.
	Oldest time.Time
	// Letters is how many dead letters there are; negative when it is not known.
	Letters int64
	// Paused says why nothing is taken, one of PausedReasons; empty when something is.
	Paused string
	// Unreachable is how many loops do not reach their consumer.
	Unreachable int
	// Rebinds are failed tries to reach a consumer, Silent pulls that were lost.
	Rebinds, Silent uint64
	// AckFailures are acknowledgements that were not sent or not confirmed.
	AckFailures uint64
	// Batches and BatchItems count the batches and the messages in them.
	Batches, BatchItems uint64
}

// Backlog is how much of a lane and kind waits: what was not handed out yet, and what was
// and is not acknowledged.
type Backlog struct {
	Lane, Kind       string
	Pending, Unacked int64
}

// PausedReasons are why nothing is taken: the store does not answer, an operator has to
// set it up, or something else.
var PausedReasons = []string{"unavailable", "setup", "other"}

// NewRegistry returns the metrics of a worker: process, Go runtime, build, jobs
// by state, the queue's figures, and others.
func NewRegistry(ledger storage.Ledger, queue func(context.Context) Queue, others ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
		buildInfo(),
		&collector{ledger: ledger, queue: queue},
	)
	r.MustRegister(others...)
	return r
}

func buildInfo() prometheus.Collector {
	version, goVersion := "unknown", "unknown"
	if b, ok := debug.ReadBuildInfo(); ok {
		version, goVersion = b.Main.Version, b.GoVersion
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "specstar_build_info", Help: "Always 1; the labels tell which build this is.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": goVersion},
	})
	g.Set(1)
	return g
}

// collector asks for figures when it is scraped, so that they are never stale
// and cost nothing otherwise.
type collector struct {
	ledger storage.Ledger
	queue  func(context.Context) Queue
}

// states are those of jobs that are not done, so that every series exists from the start.
var states = []storage.JobState{
	storage.JobQueued, storage.JobRunning, storage.JobRefused, storage.JobDead, storage.JobCancelled,
}

var (
	parkedDesc  = prometheus.NewDesc("specstar_jobs_parked", "Queued jobs that wait in the ledger, for their time or their next attempt.", nil, nil)
	jobsDesc    = prometheus.NewDesc("specstar_jobs", "Jobs in the ledger by state, those left out that are done.", []string{"state"}, nil)
	upDesc      = prometheus.NewDesc("specstar_store_up", "1 when the ledger answered this scrape.", nil, nil)
	depthDesc   = prometheus.NewDesc("specstar_queue_depth", "Messages waiting in the queue.", nil, nil)
	fetchedDesc = prometheus.NewDesc("specstar_queue_fetched_total", "Messages taken from the queue.", nil, nil)
	ackedDesc   = prometheus.NewDesc("specstar_queue_acked_total", "Messages acknowledged.", nil, nil)
	unackedDesc = prometheus.NewDesc("specstar_queue_ack_failures_total", "Acknowledgements that could not be sent or were not confirmed; the message comes again.", nil, nil)
	retriedDesc = prometheus.NewDesc("specstar_queue_retried_total", "Messages given back to be tried again.", nil, nil)
	deadDesc    = prometheus.NewDesc("specstar_queue_dead_total", "Messages given up.", nil, nil)
	batchesDesc = prometheus.NewDesc("specstar_batches_total", "Batches handed to the executor.", nil, nil)
	backlogDesc = prometheus.NewDesc("specstar_queue_messages", "Messages in the queue: pending were not handed out yet, unacked are being worked on or wait for their next attempt.", []string{"lane", "kind", "state"}, nil)
	oldestDesc  = prometheus.NewDesc("specstar_queue_oldest_age_seconds", "Age of the oldest message in the queue, 0 when there is none.", nil, nil)
	lettersDesc = prometheus.NewDesc("specstar_dead_letters", "Dead letters in the queue's stream of them.", nil, nil)
	pausedDesc  = prometheus.NewDesc("specstar_paused", "1 when no jobs are taken for this reason.", []string{"reason"}, nil)
	loopsDesc   = prometheus.NewDesc("specstar_loops_unreachable", "Loops that do not reach their consumer.", nil, nil)
	pumpDesc    = prometheus.NewDesc("specstar_pump_recoveries_total", "What pulling recovered from: rebind, a consumer that could not be reached; silent, a lost pull.", []string{"cause"}, nil)
	itemsDesc   = prometheus.NewDesc("specstar_batch_messages_total", "Messages in those batches.", nil, nil)
)

// Describe implements [prometheus.Collector].
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements [prometheus.Collector].
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	counts, err := c.ledger.Count(ctx, states...)
	up := 1.0
	if err != nil {
		up = 0
	}
	ch <- prometheus.MustNewConstMetric(upDesc, prometheus.GaugeValue, up)
	for _, s := range states {
		if err == nil {
			ch <- prometheus.MustNewConstMetric(jobsDesc, prometheus.GaugeValue, float64(counts[s]), string(s))
		}
	}
	if err == nil {
		c.parked(ctx, ch)
	}
	q := c.queue(ctx)
	if q.Depth >= 0 {
		ch <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(q.Depth))
	}
	q.collect(ch)
	for _, m := range []struct {
		desc *prometheus.Desc
		n    uint64
	}{
		{fetchedDesc, q.Fetched},
		{ackedDesc, q.Acked},
		{unackedDesc, q.AckFailures},
		{retriedDesc, q.Retried},
		{deadDesc, q.Dead},
		{batchesDesc, q.Batches},
		{itemsDesc, q.BatchItems},
	} {
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(m.n))
	}
}

// parked sends how many jobs wait in the ledger, unless that is not known.
func (c *collector) parked(ctx context.Context, ch chan<- prometheus.Metric) {
	if n, err := c.ledger.Waiting(ctx); err == nil {
		ch <- prometheus.MustNewConstMetric(parkedDesc, prometheus.GaugeValue, float64(n))
	}
}

// collect sends what has labels, and what is not always known.
func (q Queue) collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	for _, b := range q.Backlog {
		gauge(backlogDesc, float64(b.Pending), b.Lane, b.Kind, "pending")
		gauge(backlogDesc, float64(b.Unacked), b.Lane, b.Kind, "unacked")
	}
	if q.Depth >= 0 {
		age := 0.0
		if !q.Oldest.IsZero() {
			age = max(time.Since(q.Oldest), 0).Seconds()
		}
		gauge(oldestDesc, age)
	}
	if q.Letters >= 0 {
		gauge(lettersDesc, float64(q.Letters))
	}
	for _, reason := range PausedReasons {
		v := 0.0
		if reason == q.Paused {
			v = 1
		}
		gauge(pausedDesc, v, reason)
	}
	gauge(loopsDesc, float64(q.Unreachable))
	ch <- prometheus.MustNewConstMetric(pumpDesc, prometheus.CounterValue, float64(q.Rebinds), "rebind")
	ch <- prometheus.MustNewConstMetric(pumpDesc, prometheus.CounterValue, float64(q.Silent), "silent")
}
