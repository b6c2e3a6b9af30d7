package faulttest

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// TestObjectStoreRefuses has the object store refuse a fifth of all requests for a
// while, then all, then none: nothing is lost, a pause is asked for while it is
// down, and it is not flooded with repeats.
func TestObjectStoreRefuses(t *testing.T) {
	t.Parallel()
	for _, lacks := range either([]s3test.Lacks{{}}, []s3test.Lacks{{}, {Conditions: true}}) {
		server := s3test.Start(t)
		server.Lack(lacks)
		server.Bucket(bucket)
		c := bucketOf(server.Endpoint)
		c.RetryFor = time.Second
		dsn := pgtest.Database(t)
		f, store := openBucket(t, dsn, server, c)
		x := newExecutor(f, nil)
		phase := either(time.Second, time.Minute)
		all := map[uuid.UUID]bool{}
		verdicts := map[jobs.Action]int{}
		n := 0
		// deliver delivers batches until the time is over, those that are not done again.
		var left []jobs.Delivery
		deliver := func(span time.Duration) {
			for began := time.Now(); time.Since(began) < span; {
				for len(left) < 20 {
					m := message{n, 1}
					left = append(left, m.delivery(50))
					all[m.jobID()] = true
					n++
				}
				var again []jobs.Delivery
				for i, v := range x.Execute(t.Context(), left) {
					verdicts[v.Action]++
					if v.Action == jobs.ActionBury || v.Action == jobs.ActionAck && v.State != storage.JobDone {
						t.Fatalf("job %s is %s: %v", v.Text, v.State, v.Err)
					}
					if v.Action != jobs.ActionAck {
						left[i].Number++
						again = append(again, left[i])
					}
				}
				if left = again; len(left) > 0 {
					time.Sleep(50 * time.Millisecond)
				}
			}
		}
		requests := func() int {
			sum := 0
			for _, n := range server.Counts() {
				sum += n
			}
			server.ResetCounts()
			return sum
		}
		requests()
		deliver(phase / 2)
		calm, done := requests(), n

		server.Fail(s3test.Fault{Fraction: 0.2})
		deliver(phase)
		rough, doneRough := requests(), n-done
		if doneRough < 20 || verdicts[jobs.ActionBury] > 0 {
			t.Errorf("%d jobs while a fifth was refused: %v", doneRough, verdicts)
		}

		server.Fail(s3test.Fault{})
		clear(verdicts)
		before := store.Stats()
		deliver(phase)
		down := requests()
		perSecond := float64(down) / phase.Seconds()
		if verdicts[jobs.ActionPause] == 0 || verdicts[jobs.ActionAck] > 0 || verdicts[jobs.ActionRetry] > 0 {
			t.Errorf("while everything was refused: %v; want pauses", maps.Collect(maps.All(verdicts)))
		}
		if most := 3 * float64(calm) / (phase / 2).Seconds(); perSecond > max(most, 400) {
			t.Errorf("%.0f requests a second while the service is down", perSecond)
		}

		server.Fail()
		recovering := time.Now()
		again, err := until(t.Context(), x, slices.Clone(left))
		left = nil
		recovered := time.Since(recovering)
		if err != nil || recovered > 20*time.Second {
			t.Errorf("recovered after %s: %v", recovered, err)
		}
		deliver(phase / 2)
		if _, err := until(t.Context(), x, left); err != nil {
			t.Error(err)
		}
		if nowhere, err := leadNowhere(t.Context(), store.Revisions(s3.LayoutPostgresS3).Model(model)); err != nil || len(nowhere) > 0 {
			t.Errorf("these lead to nothing: %v (%v)", nowhere, err)
		}
		effectsOnce(t, f, all)
		t.Logf("%d jobs; %d requests in calm %s, %d for %d jobs with 20%% refused, %d in %s while down (%.0f/s, %d given up), recovered in %s with %d deliveries more",
			n, calm, phase/2, rough, doneRough, down, phase, perSecond, store.Stats().GivenUp-before.GivenUp, recovered.Round(time.Millisecond), again)
	}
}

// effectsOnce checks by way of the parents, from the current revisions on, that each
// job has its effect once: a number may be burned by a unit that was given up.
func effectsOnce(t *testing.T, f storage.Factory, all map[uuid.UUID]bool) {
	t.Helper()
	effects, err := chains(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for id := range all {
		if effects[id] != 1 {
			t.Errorf("job %s has %d effects", id, effects[id])
		}
	}
	if len(effects) != len(all) {
		t.Errorf("%d jobs, %d have effects", len(all), len(effects))
	}
}
