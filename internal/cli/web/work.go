package web

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// Work measures what a worker does. No label has a value that users choose, as models
// and ids are: what it costs does not grow with them. Its methods are safe for
// concurrent use; of a nil Work they do nothing.
type Work struct {
	verdicts   *prometheus.CounterVec
	reconciled *prometheus.CounterVec
	lost       prometheus.Counter
	attempts   prometheus.Histogram
	batch      prometheus.Histogram
	steps      *prometheus.HistogramVec
	pulls      *prometheus.HistogramVec
	acks       *prometheus.HistogramVec
	busy       *prometheus.CounterVec
	events     *prometheus.CounterVec
	ruled      *prometheus.CounterVec
	unset      prometheus.Counter
}

// The steps of a job that are timed.
const (
	StepWait    = "wait"    // from being published to being begun, the oldest message of a batch
	StepExecute = "execute" // from being begun to the verdict, each batch
	StepCommit  = "commit"  // the unit of work of saves, each with its commit
)

// Who found the queue or the ledger full.
const (
	BySubmitter  = "submit"    // a job that another one causes
	ByReconciler = "reconcile" // a message that is published from its row
)

// Reasons for which something was put right.
const (
	ReasonMessage   = "message_missing"
	ReasonPublished = "letter_missing"
	ReasonDiscarded = "letter_of_no_dead_job"
	ReasonAdopted   = "letter_without_row"
)

// What became of an event, or of a job that a rule wants because of one.
const (
	ResultPublished = "published"
	ResultFailed    = "failed"
	ResultSubmitted = "submitted"
	ResultDebounced = "debounced"
)

// stepBuckets are those of steps in seconds: from a millisecond to some minutes.
var stepBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

// ackBuckets are those of acknowledgements in seconds: a few are sent in microseconds.
var ackBuckets = []float64{.00001, .0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// NewWork returns measures that are all zero.
func NewWork() *Work {
	w := &Work{
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "specstar_job_verdicts_total", Help: "Verdicts on deliveries of jobs: what state the job is in then, and the class of its error.",
		}, []string{"kind", "state", "class"}),
		reconciled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "specstar_reconciled_total", Help: "Messages and dead letters that were put right, by reason; a healthy worker has none.",
		}, []string{"reason"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "specstar_claims_lost_total", Help: "Attempts of long jobs that ended because another worker had the job.",
		}),
		attempts: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "specstar_job_attempts", Help: "Attempts of jobs that ended.", Buckets: prometheus.LinearBuckets(1, 1, 8),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "specstar_batch_size_messages", Help: "Messages of a batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 11),
		}),
		steps: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "specstar_step_duration_seconds", Help: "How long a step took: wait, execute, commit.", Buckets: stepBuckets,
		}, []string{"step"}),
		pulls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "specstar_fetch_duration_seconds", Help: "How long pulls took: full ones brought all that was asked for, the others waited for more.", Buckets: stepBuckets,
		}, []string{"result"}),
		acks: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "specstar_ack_duration_seconds", Help: "How long answering the messages of a batch took, with the server's confirmation for long jobs.", Buckets: ackBuckets,
		}, []string{"confirmed"}),
		busy: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "specstar_busy_total", Help: "Jobs and messages that were not taken since the queue or the ledger was full, by who found it so; they are tried again.",
		}, []string{"by"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "specstar_events_total", Help: "Events that were published, and those that could not be and are told again.",
		}, []string{"result"}),
		ruled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "specstar_rule_jobs_total", Help: "Jobs that rules wanted because of events, by what became of them.",
		}, []string{"result"}),
		unset: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "specstar_sweep_unset_rows_total", Help: "Rows without rev_* fields that passes over the models found, each pass anew.",
		}),
	}
	for _, result := range []string{ResultPublished, ResultFailed} {
		w.events.WithLabelValues(result)
	}
	for _, result := range []string{ResultSubmitted, ResultDebounced, ResultFailed} {
		w.ruled.WithLabelValues(result)
	}
	for _, result := range consumer.PullResults() {
		w.pulls.WithLabelValues(string(result))
	}
	for _, confirmed := range []bool{false, true} {
		w.acks.WithLabelValues(strconv.FormatBool(confirmed))
	}
	for _, by := range []string{BySubmitter, ByReconciler} {
		w.busy.WithLabelValues(by)
	}
	for _, step := range []string{StepWait, StepExecute, StepCommit} {
		w.steps.WithLabelValues(step)
	}
	for _, reason := range []string{ReasonMessage, ReasonPublished, ReasonDiscarded, ReasonAdopted} {
		w.reconciled.WithLabelValues(reason)
	}
	return w
}

// Collectors are what is to be registered.
func (w *Work) Collectors() []prometheus.Collector {
	return []prometheus.Collector{w.verdicts, w.reconciled, w.lost, w.attempts, w.batch, w.steps, w.pulls, w.acks, w.busy, w.events, w.ruled, w.unset}
}

// Executed notes a batch that was begun at a time and has its verdicts.
func (w *Work) Executed(begun time.Time, deliveries []jobs.Delivery, verdicts []jobs.Verdict) {
	if w == nil {
		return
	}
	w.Step(StepExecute, time.Since(begun))
	w.batch.Observe(float64(len(deliveries)))
	if oldest := oldestOf(deliveries); !oldest.IsZero() {
		w.Step(StepWait, max(begun.Sub(oldest), 0))
	}
	w.count(verdicts)
}

// oldestOf returns when the first of those deliveries was published that are first ones,
// the zero time when there is none.
func oldestOf(deliveries []jobs.Delivery) (at time.Time) {
	for _, d := range deliveries {
		if d.Number <= 1 && !d.Published.IsZero() && (at.IsZero() || d.Published.Before(at)) {
			at = d.Published
		}
	}
	return at
}

// count counts verdicts, of which most of a batch are the same: each run of equal ones
// at once.
func (w *Work) count(verdicts []jobs.Verdict) {
	var last [3]string
	run := 0.0
	flush := func() {
		if run > 0 {
			w.verdicts.WithLabelValues(last[:]...).Add(run)
		}
	}
	for i := range verdicts {
		v := &verdicts[i]
		if v.Repeated {
			continue
		}
		if labels := [3]string{kindLabel(v.Kind), string(v.State), classLabel(v)}; labels != last || run == 0 {
			flush()
			last, run = labels, 0
		}
		run++
		if v.State.Final() {
			w.attempts.Observe(float64(max(v.Attempt, 1)))
		}
		if v.Err != nil && errors.Is(v.Err, storage.ErrFenced) {
			w.lost.Inc()
		}
	}
	flush()
}

// Step notes how long a step took.
func (w *Work) Step(step string, took time.Duration) {
	if w != nil {
		w.steps.WithLabelValues(step).Observe(took.Seconds())
	}
}

// Pulled implements [consumer.Observer].
func (w *Work) Pulled(result consumer.PullResult, took time.Duration) {
	if w != nil {
		w.pulls.WithLabelValues(string(result)).Observe(took.Seconds())
	}
}

// Answered implements [consumer.Observer].
func (w *Work) Answered(confirmed bool, took time.Duration) {
	if w != nil {
		w.acks.WithLabelValues(strconv.FormatBool(confirmed)).Observe(took.Seconds())
	}
}

// Told implements [consumer.Observer].
func (w *Work) Told(published bool) {
	if w == nil {
		return
	}
	result := ResultFailed
	if published {
		result = ResultPublished
	}
	w.events.WithLabelValues(result).Inc()
}

// RuleActed notes what became of a job that a rule wanted: nil when it was submitted.
func (w *Work) RuleActed(err error) {
	if w == nil {
		return
	}
	result := ResultSubmitted
	switch {
	case errors.Is(err, jobs.ErrDebounced):
		result = ResultDebounced
	case err != nil:
		result = ResultFailed
	}
	w.ruled.WithLabelValues(result).Inc()
}

// Swept notes how many rows without rev_* fields a pass found.
func (w *Work) Swept(rows int64) {
	if w != nil {
		w.unset.Add(float64(rows))
	}
}

// Busy notes those of the errors that say that the queue or the ledger is full.
func (w *Work) Busy(by string, errs ...error) {
	if w == nil {
		return
	}
	for _, err := range errs {
		if _, busy := errors.AsType[*jobs.BusyError](err); busy {
			w.busy.WithLabelValues(by).Inc()
		}
	}
}

// Reconciled notes that something was put right n times.
func (w *Work) Reconciled(reason string, n int) {
	if w != nil && n > 0 {
		w.reconciled.WithLabelValues(reason).Add(float64(n))
	}
}

func kindLabel(k jobs.Kind) string {
	if slices.Contains(jobs.Kinds(), k) {
		return string(k)
	}
	return "other"
}

// classes are the classes of codes that say what went wrong; other codes of refused jobs
// are those of rules.
var classes = map[string]string{
	"": "none", jobs.CodeEnvelope: jobs.DiedUndecodable, jobs.CodeSchema: jobs.DiedUndecodable, jobs.CodeDiffers: jobs.DiedConflict,
	jobs.CodeAttempts: jobs.DiedCrashed, jobs.CodeExpired: jobs.DiedExpired, jobs.CodeUnreadable: jobs.DiedPoison,
	jobs.CodePanic: "panic", jobs.CodeTimeout: "timeout", jobs.CodeShutdown: "shutdown", jobs.CodeUnavailable: "unavailable",
	jobs.CodeSetup: "setup", jobs.CodeOrder: "order", jobs.CodeCancelled: "cancelled", jobs.CodeFailed: jobs.DiedTransient,
}

func classLabel(v *jobs.Verdict) string {
	class, known := classes[v.Code]
	switch {
	case known:
		return class
	case strings.HasPrefix(v.Code, "sqlstate_"):
		return jobs.DiedPoison
	case v.State == storage.JobRefused, v.State == storage.JobDone:
		return "rules"
	}
	return "other"
}
