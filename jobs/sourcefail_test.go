package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// breaking is a place of an archive that fails in the middle of reading.
type breaking struct {
	shelf
	fault error
}

func (b *breaking) Find(context.Context, jobs.Load) (io.ReadCloser, error) {
	return &brokenSource{bytes.NewReader(b.content), b}, nil
}

// brokenSource can be read at any place but the second half.
type brokenSource struct {
	*bytes.Reader
	of *breaking
}

func (s *brokenSource) ReadAt(p []byte, at int64) (int, error) {
	half := s.Size() / 2
	if s.of.fault == nil || at+int64(len(p)) <= half {
		return s.Reader.ReadAt(p, at)
	}
	n, _ := s.Reader.ReadAt(p[:max(half-at, 0)], at)
	return n, s.of.fault
}

func (s *brokenSource) Close() error { return nil }

// TestASourceThatFailsWhileItIsLoaded: an outage is waited for, and costs no attempt;
// what is gone or another one ends the load.
func TestASourceThatFailsWhileItIsLoaded(t *testing.T) {
	changed := jobs.RefuseSource(jobs.CodeSourceChanged, "upload:a", "it has changed")
	for _, tc := range []struct {
		fault   error
		action  string
		state   storage.JobState
		code    string
		attempt int
	}{
		{fmt.Errorf("the bucket: %w", storage.ErrUnavailable), "pause", storage.JobRunning, jobs.CodeUnavailable, 0},
		{changed, "ack", storage.JobRefused, jobs.CodeSourceChanged, 1},
		{errors.New("a bad sector"), "retry", storage.JobRunning, jobs.CodeFailed, 1},
	} {
		b := newBench()
		place := &breaking{shelf: shelf{content: oneDocument(t, []byte(`{}`)), etag: "1"}, fault: tc.fault}
		all := jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceUpload: place}})
		defer all.Close()
		c := b.Config
		c.Loader = &jobs.CatalogWork{Catalog: b.catalog, Sources: all}
		b.Executor = jobs.NewExecutor(c)
		v := b.expect(t, []string{tc.action}, loadDelivery("load-1"))[0]
		row := b.row(t, "load-1")
		if v.Code != tc.code || row.Attempt != tc.attempt || tc.state.Final() && row.State != tc.state {
			t.Errorf("%v: verdict %+v, row %s after %d attempts", tc.fault, v, row.State, row.Attempt)
		}
		if tc.state.Final() {
			continue
		}
		place.fault = nil
		again := loadDelivery("load-1")
		again.Number = 2
		if v := b.expect(t, []string{"ack"}, again)[0]; v.State != storage.JobDone {
			t.Errorf("%v: when it is over: %+v", tc.fault, v)
		}
	}
}
