package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// slowSaver takes a second for a unit of work and notes when each began and ended, by
// the first resource in it.
type slowSaver struct {
	jobs.Saver
	mu    sync.Mutex
	noted []string
	fault func(first string) error
}

func (s *slowSaver) note(what, first string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noted = append(s.noted, what+first)
}

func (s *slowSaver) SaveJobs(ctx context.Context, model string, js []manager.SaveJob) ([]manager.SaveJobOutcome, error) {
	first := string(js[0].Operations[0].ResourceID)
	s.note("+", first)
	defer s.note("-", first)
	time.Sleep(time.Second)
	if s.fault != nil {
		if err := s.fault(first); err != nil {
			return nil, err
		}
	}
	return s.Saver.SaveJobs(ctx, model, js)
}

// bulk returns a delivery of 500 upserts, of which the first is of the given resource.
func bulk(first string) jobs.Delivery {
	ops := []string{fmt.Sprintf(`{"op":"upsert","resource_id":%q,"data":{}}`, first)}
	for i := range 499 {
		ops = append(ops, fmt.Sprintf(`{"op":"upsert","resource_id":"%s-%d","data":{}}`, first, i))
	}
	d := save(first, 1)
	d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"m","args":{"operations":[%s]}}`, strings.Join(ops, ","))
	return d
}

// slowExecutor returns an executor whose saver is slow.
func slowExecutor() (*jobs.Executor, *slowSaver) {
	b := newBench()
	s := &slowSaver{Saver: &jobs.CatalogWork{Catalog: b.catalog}}
	c := b.Config
	c.Saver = s
	return jobs.NewExecutor(c), s
}

func TestLargeBatchesAreWrittenSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		began := time.Now()
		vs := x.Execute(t.Context(), []jobs.Delivery{bulk("a"), bulk("b"), bulk("c"), bulk("d")})
		if !slices.Equal(actions(vs), []string{"ack", "ack", "ack", "ack"}) {
			t.Fatalf("%v: %v", actions(vs), vs[0].Err)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("four units of a second took %v, three at a time: %v", took, s.noted)
		}
	})
}

func TestSavesOfAResourceKeepTheirOrderOverUnits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		again := bulk("a")
		again.MessageID = "job-again"
		vs := x.Execute(t.Context(), []jobs.Delivery{bulk("a"), again, bulk("b")})
		if !slices.Equal(actions(vs), []string{"ack", "ack", "ack"}) {
			t.Fatalf("%v: %v", actions(vs), vs[0].Err)
		}
		ofA := slices.DeleteFunc(slices.Clone(s.noted), func(n string) bool { return n[1:] != "a" })
		if !slices.Equal(ofA, []string{"+a", "-a", "+a", "-a"}) {
			t.Errorf("the second save of a resource began before the first had ended: %v", s.noted)
		}
	})
}

func TestUnitsThatFollowAnOutageAreNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		s.fault = func(string) error { return fmt.Errorf("the server is away: %w", storage.ErrUnavailable) }
		vs := x.Execute(t.Context(), []jobs.Delivery{bulk("a"), bulk("b"), bulk("c"), bulk("d"), bulk("e")})
		if !slices.Equal(actions(vs), []string{"pause", "pause", "pause", "pause", "pause"}) {
			t.Fatalf("%v", actions(vs))
		}
		if len(s.noted) > 2*3 {
			t.Errorf("more than the first three were tried: %v", s.noted)
		}
	})
}

func TestPoisonInOneUnitLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x, s := slowExecutor()
		s.fault = func(first string) error {
			if first == "b" {
				return errors.New("value out of range")
			}
			return nil
		}
		vs := x.Execute(t.Context(), []jobs.Delivery{bulk("a"), bulk("b"), bulk("c")})
		if !slices.Equal(actions(vs), []string{"ack", "retry", "ack"}) {
			t.Fatalf("%v", actions(vs))
		}
	})
}
