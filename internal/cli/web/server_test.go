package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/zap"

	"github.com/specstar-worker/worker/internal/cli/web"
	"github.com/specstar-worker/worker/jobs"
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
		{"GET", "/jobs?limit=0", 400, "limit"},
		{"GET", "/jobs?limit=9999", 400, "limit"},
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

func TestFindJob(t *testing.T) {
	f := memory.New()
	defer f.Close()
	text := uuid.NewString() // a job whose text is a UUID other than its key
	row := storage.Job{ID: jobs.ID(f.ID(), "other"), Text: text, Kind: "save", State: storage.JobDone, Created: time.Now()}
	if err := f.Ledger().Settle(t.Context(), []storage.Job{row}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{text, row.ID.String()} {
		if j, err := web.FindJob(t.Context(), f.Ledger(), id); err != nil || j.ID != row.ID {
			t.Errorf("FindJob(%s) = %v, %v", id, j.ID, err)
		}
	}
	if _, err := web.FindJob(t.Context(), f.Ledger(), "none"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("FindJob(none) = %v", err)
	}
}
