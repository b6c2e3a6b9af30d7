package web_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// busy is a queue with some of everything.
func busy(context.Context) web.Queue {
	return web.Queue{
		Depth: 3, Backlog: []web.Backlog{{Lane: "high", Kind: "save", Pending: 2, Unacked: 1}}, Oldest: time.Now().Add(-time.Minute),
		Letters: 1, Paused: "setup", Unreachable: 1, Rebinds: 2, Silent: 3,
	}
}

// TestMetricsKeepTheConventions: names, units and help as promtool wants them.
func TestMetricsKeepTheConventions(t *testing.T) {
	work := web.NewWork()
	work.Executed(time.Now(), []jobs.Delivery{{Published: time.Now()}}, []jobs.Verdict{{Kind: jobs.KindSave, State: storage.JobDone}})
	families, err := web.NewRegistry(memory.New().Ledger(), busy, work.Collectors()...).Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// TestLabelsAreBounded: whatever jobs are called and whatever goes wrong, the series
// are few.
func TestLabelsAreBounded(t *testing.T) {
	work := web.NewWork()
	r := web.NewRegistry(memory.New().Ledger(), busy, work.Collectors()...)
	states := []storage.JobState{storage.JobQueued, storage.JobDone, storage.JobRefused, storage.JobDead, storage.JobCancelled}
	for i := range 100_000 {
		name := fmt.Sprint("x", i)
		work.Executed(time.Now(), []jobs.Delivery{{}}, []jobs.Verdict{{
			Kind: jobs.Kind(name), Model: name, Text: name, Code: "sqlstate_" + name, State: states[i%len(states)], Attempt: i,
		}})
		work.Executed(time.Now(), nil, []jobs.Verdict{{Kind: jobs.KindSave, Code: name, State: states[i%len(states)]}})
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		if f.GetName() == "specstar_job_verdicts_total" {
			n += len(f.GetMetric())
		}
	}
	if n > 2*len(states) {
		t.Errorf("%d series of verdicts", n)
	}
}

// TestWhatTheQueueTookIsMeasured: pulls, acknowledgements and what was full.
func TestWhatTheQueueTookIsMeasured(t *testing.T) {
	work := web.NewWork()
	work.Pulled(consumer.PullFull, time.Millisecond)
	work.Answered(true, time.Millisecond)
	full := fmt.Errorf("publish: %w", &jobs.BusyError{Err: errors.New("full")})
	work.Busy(web.BySubmitter, nil, full, errors.New("no"), full)
	work.Told(true)
	work.Told(false)
	work.RuleActed(nil)
	work.RuleActed(jobs.ErrDebounced)
	work.RuleActed(errors.New("no"))
	work.Swept(7)
	h := web.Handler(web.Config{Ready: nil, Metrics: web.NewRegistry(memory.New().Ledger(), busy, work.Collectors()...), Log: zap.NewNop()})
	_, body := request(h, "GET", "/metrics")
	for _, want := range []string{
		`specstar_fetch_duration_seconds_count{result="full"} 1`, `specstar_fetch_duration_seconds_count{result="empty"} 0`,
		`specstar_ack_duration_seconds_count{confirmed="true"} 1`, `specstar_ack_duration_seconds_count{confirmed="false"} 0`,
		`specstar_events_total{result="published"} 1`, `specstar_events_total{result="failed"} 1`, `specstar_sweep_unset_rows_total 7`,
		`specstar_rule_jobs_total{result="submitted"} 1`, `specstar_rule_jobs_total{result="debounced"} 1`, `specstar_rule_jobs_total{result="failed"} 1`,
		`specstar_busy_total{by="submit"} 2`, `specstar_busy_total{by="reconcile"} 0`,
	} {
		if !strings.Contains(body, want+"\n") {
			t.Errorf("no %s", want)
		}
	}
	var none *web.Work
	none.Pulled(consumer.PullFull, time.Second)
	none.Answered(true, time.Second)
	none.Busy(web.BySubmitter, full)
	none.Told(true)
	none.RuleActed(nil)
	none.Swept(1)
}

func BenchmarkExecuted(b *testing.B) {
	work := web.NewWork()
	deliveries, verdicts := make([]jobs.Delivery, 500), make([]jobs.Verdict, 500)
	for i := range deliveries {
		deliveries[i] = jobs.Delivery{Number: 1, Published: time.Now()}
		verdicts[i] = jobs.Verdict{Kind: jobs.KindSave, State: storage.JobDone, Attempt: 1}
	}
	for b.Loop() {
		work.Executed(time.Now(), deliveries, verdicts)
	}
}
