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
	// Batches and BatchItems count the batches and the messages in them.
	Batches, BatchItems uint64
}

// NewRegistry returns the metrics of a worker: process, Go runtime, build, jobs
// by state, and the queue's figures.
func NewRegistry(ledger storage.Ledger, queue func(context.Context) Queue) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(),
		buildInfo(),
		&collector{ledger: ledger, queue: queue},
	)
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
	jobsDesc    = prometheus.NewDesc("specstar_jobs", "Jobs in the ledger by state, those left out that are done.", []string{"state"}, nil)
	upDesc      = prometheus.NewDesc("specstar_store_up", "1 when the ledger answered this scrape.", nil, nil)
	depthDesc   = prometheus.NewDesc("specstar_queue_depth", "Messages waiting in the queue.", nil, nil)
	fetchedDesc = prometheus.NewDesc("specstar_queue_fetched_total", "Messages taken from the queue.", nil, nil)
	ackedDesc   = prometheus.NewDesc("specstar_queue_acked_total", "Messages acknowledged.", nil, nil)
	retriedDesc = prometheus.NewDesc("specstar_queue_retried_total", "Messages given back to be tried again.", nil, nil)
	deadDesc    = prometheus.NewDesc("specstar_queue_dead_total", "Messages given up.", nil, nil)
	batchesDesc = prometheus.NewDesc("specstar_batches_total", "Batches handed to the executor.", nil, nil)
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
	q := c.queue(ctx)
	if q.Depth >= 0 {
		ch <- prometheus.MustNewConstMetric(depthDesc, prometheus.GaugeValue, float64(q.Depth))
	}
	for _, m := range []struct {
		desc *prometheus.Desc
		n    uint64
	}{
		{fetchedDesc, q.Fetched},
		{ackedDesc, q.Acked},
		{retriedDesc, q.Retried},
		{deadDesc, q.Dead},
		{batchesDesc, q.Batches},
		{itemsDesc, q.BatchItems},
	} {
		ch <- prometheus.MustNewConstMetric(m.desc, prometheus.CounterValue, float64(m.n))
	}
}
