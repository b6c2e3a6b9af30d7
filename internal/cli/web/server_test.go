package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// newHandler returns the routes over a ledger with one refused job.
func newHandler(t *testing.T, ready func(context.Context) error) (http.Handler, storage.Job) {
	t.Helper()
	f := memory.New()
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	row := storage.Job{
		ID: uuid.New(), Text: "nightly", Kind: "load", State: storage.JobRefused,
		ErrorCode: "archive_corrupt", ErrorMessage: "bad", Created: time.Now(),
	}
	if err := f.Ledger().Settle(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	waits := storage.Job{ID: uuid.New(), Text: "tomorrow", Kind: "load", State: storage.JobQueued, NotBefore: time.Now().Add(24 * time.Hour)}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{waits}); err != nil {
		t.Fatal(err)
	}
	figures := func(context.Context) web.Queue { return web.Queue{Fetched: 7, Depth: 3, AckFailures: 2} }
	return web.Handler(web.Config{
		Ledger: f.Ledger(), Ready: ready, Metrics: web.NewRegistry(f.Ledger(), figures), Log: zap.NewNop(),
	}), row
}

func request(h http.Handler, method, target string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w.Code, w.Body.String()
}

func TestRoutes(t *testing.T) {
	h, row := newHandler(t, func(context.Context) error { return nil })
	for _, tc := range []struct {
		method, target string
		code           int
		want           string
	}{
		{"GET", "/livez", 200, `"ok"`},
		{"GET", "/readyz", 200, `"ready"`},
		{"GET", "/jobs", 200, `"job_id":"nightly"`},
		{"GET", "/jobs?state=refused&kind=load&limit=1", 200, `"nightly"`},
		{"GET", "/jobs?state=done", 200, "[]"},
		{"GET", "/jobs?state=done,refused", 200, `"nightly"`},
		{"GET", "/jobs?state=done&state=refused", 200, `"nightly"`},
		{"GET", "/jobs?code=archive_corrupt&since=1h", 200, `"nightly"`},
		{"GET", "/jobs?code=other", 200, "[]"},
		{"GET", "/jobs?until=1h", 200, "[]"},
		{"GET", "/jobs?parent=" + uuid.NewString(), 200, "[]"},
		{"GET", "/jobs?model=m", 200, "[]"},
		{"GET", "/jobs?limit=0", 400, `limit \"0\"`},
		{"GET", "/jobs?limit=9999", 400, `limit \"9999\"`},
		{"GET", "/jobs?limit=x", 400, `limit \"x\"`},
		{"GET", "/jobs?state=alive", 400, `state \"alive\"`},
		{"GET", "/jobs?kind=dance", 400, `kind \"dance\"`},
		{"GET", "/jobs?parent=x", 400, `parent \"x\"`},
		{"GET", "/jobs?since=yesterday", 400, `since \"yesterday\"`},
		{"GET", "/jobs?until=-1h", 400, `until \"-1h\"`},
		{"GET", "/jobs?after=nobody", 400, `after \"nobody\"`},
		{"GET", "/jobs?stat=dead", 400, `parameter \"stat\"`},
		{"GET", "/jobs?kind=load&kind=save", 400, `kind \"save\"`},
		{"GET", "/jobs?kind=%zz", 400, `query \"kind=%zz\"`},
		{"GET", "/jobs/nightly", 200, `"code":"archive_corrupt"`},
		{"GET", "/jobs/" + row.ID.String(), 200, `"nightly"`},
		{"GET", "/jobs/" + uuid.NewString(), 404, "not_found"},
		{"GET", "/metrics", 200, "specstar_queue_fetched_total 7"},
		{"GET", "/metrics", 200, `specstar_jobs{state="refused"} 1`},
		{"GET", "/metrics", 200, "specstar_jobs_parked 1"},
		{"GET", "/metrics", 200, "specstar_queue_depth 3"},
		{"GET", "/metrics", 200, "specstar_queue_ack_failures_total 2"},
		{"GET", "/metrics", 200, "specstar_build_info"},
		{"GET", "/metrics", 200, "go_goroutines"},
		{"GET", "/", 404, ""},
		{"POST", "/jobs", 405, ""},
		{"DELETE", "/jobs/nightly", 405, ""},
	} {
		if code, body := request(h, tc.method, tc.target); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s %s = %d %s; want %d with %s", tc.method, tc.target, code, body, tc.code, tc.want)
		}
	}
}

// TestPagesOfJobs: each full page names the next one, until all jobs were there once.
func TestPagesOfJobs(t *testing.T) {
	f := memory.New()
	defer f.Close()
	var rows []storage.Job
	for i := range 5 {
		id := uuid.New()
		rows = append(rows, storage.Job{ID: id, Text: fmt.Sprint("job-", i), Kind: "save", State: storage.JobDone, Created: time.Unix(int64(i/2), 0)})
	}
	if err := f.Ledger().Settle(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	h := web.Handler(web.Config{Ledger: f.Ledger(), Metrics: prometheus.NewRegistry(), Log: zap.NewNop()})
	seen, pages := map[string]int{}, 0
	for target := "/jobs?limit=2&state=done"; target != ""; pages++ {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		var page []struct {
			JobID string `json:"job_id"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", target, w.Code, w.Body)
		}
		for _, j := range page {
			seen[j.JobID]++
		}
		next, more := strings.CutSuffix(strings.TrimPrefix(w.Header().Get("Link"), "<"), `>; rel="next"`)
		if target = next; more != (len(page) == 2) {
			t.Fatalf("a page of %d jobs has the link %q", len(page), next)
		}
	}
	if len(seen) != 5 || pages != 3 {
		t.Fatalf("%v on %d pages", seen, pages)
	}
}

func TestNotReady(t *testing.T) {
	h, _ := newHandler(t, func(context.Context) error { return errors.New("draining") })
	code, body := request(h, "GET", "/readyz")
	var s struct{ Status, Reason string }
	if err := json.Unmarshal([]byte(body), &s); err != nil || code != 503 || s.Reason != "draining" {
		t.Fatalf("/readyz = %d %s, %v", code, body, err)
	}
	if code, _ := request(h, "GET", "/livez"); code != 200 {
		t.Fatalf("/livez = %d while draining", code)
	}
}

// brokenLedger is a ledger whose store is down.
type brokenLedger struct{ storage.Ledger }

func (brokenLedger) Count(context.Context, ...storage.JobState) (map[storage.JobState]int64, error) {
	return nil, storage.ErrUnavailable
}

func (brokenLedger) Find(context.Context, string) (storage.Job, error) {
	return storage.Job{}, errors.New("open /secret/path: " + storage.ErrUnavailable.Error())
}

func TestAStoreThatIsDownIsSaidWithoutInternals(t *testing.T) {
	h := web.Handler(web.Config{
		Ledger:  brokenLedger{},
		Ready:   func(context.Context) error { return nil },
		Metrics: web.NewRegistry(brokenLedger{}, func(context.Context) web.Queue { return web.Queue{Depth: -1} }),
		Log:     zap.NewNop(),
	})
	if code, body := request(h, "GET", "/jobs/x"); code != 503 || strings.Contains(body, "secret") {
		t.Errorf("/jobs/x = %d %s", code, body)
	}
	code, body := request(h, "GET", "/metrics")
	if code != 200 || !strings.Contains(body, "specstar_store_up 0") || strings.Contains(body, "specstar_queue_depth") {
		t.Errorf("/metrics = %d %s", code, body)
	}
}

func TestStartAndClose(t *testing.T) {
	h := web.Config{
		Ledger: brokenLedger{}, Ready: func(context.Context) error { return nil },
		Metrics: web.NewRegistry(brokenLedger{}, func(context.Context) web.Queue { return web.Queue{} }), Log: zap.NewNop(),
	}
	s, err := web.Start(t.Context(), "127.0.0.1:0", h)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + s.Addr() + "/livez")
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Fatalf("GET /livez = %v, %v", resp, err)
	}
	resp.Body.Close()
	_, err = web.Start(t.Context(), s.Addr(), h)
	if taken, ok := errors.AsType[*web.ListenError](err); !ok || !strings.Contains(taken.Error(), s.Addr()) || !strings.Contains(taken.Error(), "--listen off") {
		t.Fatalf("a port in use: %v", err)
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// TestJobsShowTheirProgress: of a job that workers do in chunks.
func TestJobsShowTheirProgress(t *testing.T) {
	f := memory.New()
	defer f.Close()
	_, c, err := f.Ledger().Claim(t.Context(), storage.Job{ID: uuid.New(), Text: "nightly", Kind: "load"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p := storage.Plan{Digest: make([]byte, storage.PlanDigestBytes), Chunks: 3, Total: 30}
	if err := f.Ledger().Suspend(t.Context(), c, time.Now().Add(time.Hour), &p, storage.Progress{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Ledger().Insert(t.Context(), []storage.Job{{ID: uuid.New(), Text: "fill", Kind: "backfill", Parent: c.Job}}); err != nil {
		t.Fatal(err)
	}
	h := web.Handler(web.Config{Ledger: f.Ledger(), Metrics: prometheus.NewRegistry(), Log: zap.NewNop()})
	progress := `"progress":{"done":0,"total":30,"stage":"chunks","chunks":{"done":0,"total":3}}`
	for target, want := range map[string][]string{
		"/jobs":         {progress},
		"/jobs/nightly": {progress, `"together":{"jobs":2,"ended":0,"done":0,"total":0}`, `"caused":[{"job_id":"fill"`},
	} {
		code, body := request(h, "GET", target)
		for _, part := range want {
			if code != 200 || !strings.Contains(body, part) {
				t.Errorf("GET %s = %d %s; want %s", target, code, body, part)
			}
		}
	}
}
