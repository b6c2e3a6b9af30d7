package chaos

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/storage"
)

// trackEvery is how often the ledger is asked which jobs have ended.
const trackEvery = 100 * time.Millisecond

// tracker asks the ledger for the end of jobs that were accepted.
type tracker struct {
	pool    *pgxpool.Pool
	history *Recorder

	mu   sync.Mutex
	open map[uuid.UUID]followed
	took []time.Duration // from acceptance to the end, of each that ended
	last time.Time       // the latest acceptance of a save that has ended
}

// followed is a job whose end is waited for.
type followed struct {
	accepted time.Time
	// queued: nothing but the queue has it before it is done.
	queued bool
}

func newTracker(pool *pgxpool.Pool, history *Recorder) *tracker {
	return &tracker{pool: pool, history: history, open: map[uuid.UUID]followed{}}
}

// follow begins to wait for the end of a job. queued says that nothing but the queue
// has it before it is done.
func (t *tracker) follow(job string, queued bool) {
	id, err := uuid.Parse(job)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open[id] = followed{time.Now(), queued}
}

// follows reports whether the end of a job is still waited for.
func (t *tracker) follows(job string) bool {
	id, err := uuid.Parse(job)
	t.mu.Lock()
	defer t.mu.Unlock()
	_, open := t.open[id]
	return err == nil && open
}

// run asks again and again until ctx ends.
func (t *tracker) run(ctx context.Context) {
	tick := time.NewTicker(trackEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		once, cancel := context.WithTimeout(ctx, 5*time.Second)
		_ = t.look(once) // one that fails is repeated
		cancel()
	}
}

// waiting returns the jobs that were accepted before a moment and have not ended; of
// saves alone when it is said so.
func (t *tracker) waiting(before time.Time, saves bool) []uuid.UUID {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []uuid.UUID
	for id, f := range t.open {
		if f.accepted.Before(before) && (f.queued || !saves) {
			ids = append(ids, id)
		}
	}
	return ids
}

// look asks once.
func (t *tracker) look(ctx context.Context) error {
	ids := t.waiting(time.Now(), false)
	if len(ids) == 0 {
		return nil
	}
	rows, err := t.pool.Query(ctx, `SELECT id, state, finished, outcome FROM specstar_jobs WHERE id = ANY($1) AND state NOT IN ('queued', 'running')`, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id uuid.UUID
		var state string
		var finished *time.Time
		var outcome []byte
		if err := rows.Scan(&id, &state, &finished, &outcome); err != nil {
			return err
		}
		e := Event{Kind: Ended, Job: id.String(), State: storage.JobState(state), Outcomes: outcomesOf(outcome)}
		if finished != nil {
			e.Finished = finished.UTC()
		}
		t.history.Add(e)
		t.ended(id)
	}
	return rows.Err()
}

func (t *tracker) ended(id uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, open := t.open[id]
	if !open { // given up meanwhile
		return
	}
	t.took = append(t.took, time.Since(f.accepted))
	if f.queued && f.accepted.After(t.last) {
		t.last = f.accepted
	}
	delete(t.open, id)
}

// abandon gives up jobs that only the queue had, and which it lost; it returns how
// many there were.
func (t *tracker) abandon() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := len(t.open)
	maps.DeleteFunc(t.open, func(_ uuid.UUID, f followed) bool { return f.queued })
	return before - len(t.open)
}

// times returns how long the jobs took that have ended.
func (t *tracker) times() []time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.took
}

// await waits until all jobs that were accepted before a moment have ended, and
// returns those that have not in time.
func (t *tracker) await(ctx context.Context, before time.Time, most time.Duration) []uuid.UUID {
	return t.until(ctx, most, func() []uuid.UUID { return t.waiting(before, false) })
}

// recovery waits until all saves have ended that were accepted before a moment, and
// one that was accepted later, and returns those that have not in time. Loads may take
// longer than any recovery.
func (t *tracker) recovery(ctx context.Context, from time.Time, most time.Duration) []uuid.UUID {
	return t.until(ctx, most, func() []uuid.UUID {
		left := t.waiting(from, true)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last.Before(from) {
			left = append(left, uuid.Nil)
		}
		return left
	})
}

func (t *tracker) until(ctx context.Context, most time.Duration, left func() []uuid.UUID) []uuid.UUID {
	for deadline := time.Now().Add(most); ; sleep(ctx, 20*time.Millisecond) {
		ids := left()
		if len(ids) == 0 || ctx.Err() != nil || time.Now().After(deadline) {
			return ids
		}
	}
}

// outcomesOf reads those of a save from its row.
func outcomesOf(b []byte) []Outcome {
	var o struct{ Outcomes []Outcome }
	if json.Unmarshal(b, &o) != nil {
		return nil // a load or a backfill
	}
	return o.Outcomes
}
