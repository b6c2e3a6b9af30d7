package consumer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// roughSaver takes some time for each unit of work, and some fail: every tenth because the
// store is down, as long as outages are to come.
type roughSaver struct {
	jobs.Saver
	mu       sync.Mutex
	r        *rand.Rand
	outages  int // that are to come
	units    int // that have begun
	failed   int
	at, most int // units at the same time
}

// begin returns how long a unit takes and how it fails.
func (s *roughSaver) begin() (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at++
	s.most = max(s.most, s.at)
	s.units++
	took := time.Duration(1+s.r.IntN(4)) * time.Millisecond
	switch n := s.r.IntN(20); {
	case s.units%10 == 0 && s.outages > 0:
		s.outages--
		return took, storage.ErrUnavailable
	case n < 3:
		s.failed++
		return took, errTest
	}
	return took, nil
}

func (s *roughSaver) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at--
}

// SaveJobs implements [jobs.Saver].
func (s *roughSaver) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	took, err := s.begin()
	defer s.end()
	time.Sleep(took)
	if err != nil {
		return nil, err
	}
	return s.Saver.SaveJobs(ctx, model, js)
}

// TestOverlappingBatchesKeepTheOrderOfSaves: of a worker that has two batches at once, of
// which units fail and meet outages, while some messages come twice. No mark helps: the
// saves have no order among workers.
func TestOverlappingBatchesKeepTheOrderOfSaves(t *testing.T) {
	const resources, saves = 6, 30
	w := newWorld(t, memory.New())
	w.batch = 5
	saver := &roughSaver{Saver: &jobs.CatalogWork{Catalog: w.catalog}, r: rand.New(rand.NewPCG(22, 1)), outages: 3}
	var messages []jobs.Message
	var receipts []jobs.Receipt
	for i := range resources * saves {
		e := jobs.NewSave("person", "tester", manager.Operation{
			Op: manager.OpUpsert, ResourceID: resource.ID(fmt.Sprintf("p%d", i%resources)),
			Data: fmt.Appendf(nil, `{"n":%d}`, i/resources), Order: manager.Unordered,
		})
		body, err := e.Encode()
		if err != nil {
			t.Fatal(err)
		}
		m := jobs.Message{Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), ID: e.ID, Body: body}
		if messages = append(messages, m); i%9 == 0 {
			m.Job, m.ID = m.ID, "again-"+m.ID
			messages = append(messages, m)
		}
		receipts = append(receipts, jobs.Receipt{ID: jobs.ID(w.factory.ID(), e.ID), Text: e.ID})
	}
	for _, ack := range w.sender.Publish(t.Context(), messages) {
		if ack.Err != nil {
			t.Fatal(ack.Err)
		}
	}
	w.start(func(c *consumer.Config) {
		c.Beside = 1
		c.Executor = jobs.NewExecutor(jobs.Config{
			Store: w.factory.ID(), Ledger: w.factory.Ledger(), Queue: w.sender.Queue(), Saver: saver, Submitter: w.submit,
			RetryMin: 10 * time.Millisecond, RetryMax: 20 * time.Millisecond, MaxAttempts: 1000,
		})
	})
	w.wait(storage.JobDone, receipts...)
	w.drained(jobs.LaneNormal, jobs.KindSave)
	if saver.most < 2 || saver.failed == 0 || saver.outages > 0 {
		t.Errorf("%d units at once, %d failed, %d outages were left: the batches did not overlap in trouble", saver.most, saver.failed, saver.outages)
	}
	for i := range resources {
		if came := w.valuesOf(fmt.Sprintf("p%d", i)); len(came) != saves || !slices.IsSorted(came) {
			t.Errorf("the values of p%d came into force as %v", i, came)
		}
	}
}

// valuesOf returns the values of a resource's revisions, in their order.
func (w *world) valuesOf(id string) (values []int) {
	w.t.Helper()
	m, err := w.catalog.Open(w.t.Context(), "person")
	if err != nil {
		w.t.Fatal(err)
	}
	for info, err := range m.Revisions(w.t.Context(), resource.ID(id)) {
		if err != nil {
			w.t.Fatal(err)
		}
		got, err := m.Get(w.t.Context(), resource.ID(id), manager.GetOptions{Revision: info.RevisionID})
		if err != nil {
			w.t.Fatal(err)
		}
		var v struct{ N int }
		if err := json.Unmarshal(got.Data, &v); err != nil {
			w.t.Fatal(err)
		}
		values = append(values, v.N)
	}
	return values
}
