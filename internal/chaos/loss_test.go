package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/faultproxy"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// TestTotalLossOfTheQueue: the only nats-server is killed and loses its whole directory
// in mid run. Workers stay up, make the streams anew and complete every load, backfill
// and save of the ledger that was accepted. Plain saves that only the queue had are
// counted apart, as the manual says.
func TestTotalLossOfTheQueue(t *testing.T) {
	if !long() {
		t.Parallel()
	}
	var l loss
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: 3 * time.Minute, Dir: runDir(t),
		Server: programs.server, LoadEvery: -1, script: l.happen,
	}
	c.Worker = built(t, quick)
	r := run(t, c)
	t.Logf("the queue was empty when its server was back: the streams were there after %s, saves went on after %s; %d jobs of the ledger waited and were done after %s; %d saves that only the queue had",
		l.made.Round(10*time.Millisecond), l.goesOn.Round(10*time.Millisecond), l.waited, l.done.Round(10*time.Millisecond), r.Forgotten)
	if l.waited < 22 {
		t.Errorf("%d jobs of the ledger waited: the test shows little", l.waited)
	}
	if l.goesOn > 5*time.Second+busy {
		t.Errorf("work went on after %s, want 5 s", l.goesOn)
	}
	if r.Starts != r.Workers {
		t.Errorf("%d processes were started for %d workers: one ended", r.Starts, r.Workers)
	}
}

// busy is what a machine that does much else may take longer for what takes some
// seconds on a quiet one.
const busy = 10 * time.Second

// loss is what the loss of the queue did.
type loss struct {
	// made is how long after the return of the server the streams were there, goesOn
	// when the first save ended after that, done when all jobs of the ledger had that
	// waited then.
	made, goesOn, done time.Duration
	waited             int
}

func (l *loss) happen(ctx context.Context, s *Stand, play *scene) error {
	sleep(ctx, 4*time.Second)
	// Nothing of this is done before the loss: the workers cannot reach the store.
	s.database.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	defer s.database.proxy.Set(faultproxy.Fault{})
	submitting := &loader{
		commands: s.commands, dir: s.dir, sizes: []int{300}, random: rand.New(rand.NewPCG(s.config.Seed, 1<<34)),
		history: play.history, tracker: play.tracker,
	}
	for n := range 9 { // six loads, three backfills: more than the workers take at once
		submitting.turn(ctx, n+n/3)
	}
	for i := range 20 {
		if err := saveInLedger(ctx, s, play, i); err != nil {
			return err
		}
	}
	x := s.nodes[0]
	x.kill()
	if err := x.wipe(); err != nil {
		return err
	}
	sleep(ctx, time.Second)
	open := play.tracker.waiting(time.Now(), false)
	if err := x.start(); err != nil {
		return err
	}
	s.database.proxy.Set(faultproxy.Fault{})
	back := time.Now()
	const nemesis = "wipe jetstream"
	play.history.Add(Event{Kind: Healed, Nemesis: nemesis, Note: "and no worker"})
	l.waited = len(open) - play.tracker.abandon()
	for {
		_, err := s.js.Stream(ctx, s.queue.StreamName())
		if err == nil {
			break
		}
		if time.Since(back) > time.Minute || ctx.Err() != nil {
			return fmt.Errorf("no worker made the stream: %w", err)
		}
		sleep(ctx, 20*time.Millisecond)
	}
	made := time.Now()
	l.made = made.Sub(back)
	if left := play.tracker.recovery(ctx, made, time.Minute); len(left) > 0 {
		return fmt.Errorf("no save ended: %d left", len(left))
	}
	l.goesOn = time.Since(made)
	if left := play.tracker.await(ctx, back, 2*time.Minute); len(left) > 0 {
		return fmt.Errorf("%d jobs of the ledger have not ended: %v", len(left), left)
	}
	l.done = time.Since(back)
	return nil
}

// saveInLedger submits a save whose row is its receipt: it has no message yet.
func saveInLedger(ctx context.Context, s *Stand, play *scene, n int) error {
	token := fmt.Sprint("ledger-", n)
	id := resource.ID(fmt.Sprintf("%s:ledger-%03d", savedModel, n))
	data, err := json.Marshal(map[string]any{"token": token, "n": n, "even": n%2 == 0})
	if err != nil {
		return err
	}
	e := jobs.Envelope{
		ID: uuid.NewString(), Model: savedModel, User: "ledger", Time: time.Now().UTC(),
		Args: jobs.Save{Operations: []manager.Operation{{Op: manager.OpUpsert, ResourceID: id, Data: data}}},
	}
	body, err := e.Encode()
	if err != nil {
		return err
	}
	hash := sha256.Sum256(body)
	row := storage.Job{
		ID: jobs.ID(s.store.ID(), e.ID), Text: e.ID, Kind: string(jobs.KindSave), Model: savedModel, Lane: string(jobs.LaneNormal),
		User: e.User, State: storage.JobQueued, Envelope: body, EnvelopeHash: hash[:], Created: e.Time,
		Subject: jobs.Subject(namespace, jobs.LaneNormal, jobs.KindSave),
	}
	told := Event{Kind: Invoked, Job: row.ID.String(), What: "save of the ledger", Ops: []Op{{Op: string(manager.OpUpsert), Resource: id, Token: token}}}
	play.history.Add(told)
	if _, err := s.store.Ledger().Insert(ctx, []storage.Job{row}); err != nil {
		return err
	}
	play.history.Add(Event{Kind: Accepted, Job: told.Job, What: told.What})
	play.tracker.follow(told.Job, false)
	return nil
}
