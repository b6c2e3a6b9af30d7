package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pgtest"
)

// outage is what the loss of the database for a while did to the rate at which saves
// end.
type outage struct {
	down, up time.Time
	// before is the rate before the outage, each second; after holds the saves that
	// ended in each second since the database was back.
	before float64
	after  []int
	// drained is how long it took until all had ended that were accepted before.
	drained time.Duration
}

// fullSpeed returns after how many seconds saves end at the rate from before.
func (o *outage) fullSpeed() int {
	for second, n := range o.after {
		if float64(n) >= o.before {
			return second + 1
		}
	}
	return -1
}

// TestDatabaseDownUnderLoad: jobs are submitted all the time while PostgreSQL is down.
// None dies, no attempt is counted, and soon after its return all goes on as before.
func TestDatabaseDownUnderLoad(t *testing.T) {
	hold := 20 * time.Second
	if long() {
		hold = 5 * time.Minute
	}
	var o outage
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: hold + 5*time.Minute, Dir: runDir(t),
		Server: programs.server, LoadEvery: 5 * time.Second, LoadSizes: []int{50, 300}, AckWait: 20 * time.Second,
		script: func(ctx context.Context, s *Stand, play *scene) error { return o.happen(ctx, s, play, hold) },
	}
	if !long() {
		t.Parallel()
	}
	c.Worker = built(t, asItIs)
	r := run(t, c)
	t.Logf("PostgreSQL down for %s: before %.0f saves/s; full speed after %d s; %d s: %v; all that waited done after %s; tried again %d",
		o.up.Sub(o.down).Round(time.Second), o.before, o.fullSpeed(), len(o.after), o.after, o.drained.Round(100*time.Millisecond), r.Retried)
	if r.Retried > 0 { // that none is dead but the doomed is I1
		t.Errorf("%d jobs were tried more than once", r.Retried)
	}
	if n := o.fullSpeed(); n < 0 {
		t.Errorf("not at full speed after %s", fullSpeedWithin())
	}
}

// fullSpeedWithin is how soon all goes on as before.
func fullSpeedWithin() time.Duration {
	if long() {
		return 15 * time.Second
	}
	return 15*time.Second + 3*busy
}

// happen takes the database away and gives it back.
func (o *outage) happen(ctx context.Context, s *Stand, play *scene, hold time.Duration) error {
	const calm = 10 * time.Second
	sleep(ctx, calm)
	o.down = time.Now()
	if err := s.database.server.Halt(pgtest.Immediate); err != nil {
		return err
	}
	sleep(ctx, hold)
	if err := s.database.server.Resume(ctx); err != nil {
		return err
	}
	o.up = time.Now()
	if left := play.tracker.recovery(ctx, o.up, time.Minute); len(left) > 0 {
		return fmt.Errorf("%d saves have not ended a minute after the database was back", len(left))
	}
	o.drained = time.Since(o.up)
	const early = 5 * time.Second
	n, err := endedSaves(ctx, s, o.down.Add(-early), o.down)
	if err != nil {
		return err
	}
	o.before = float64(n) / early.Seconds()
	for second := 0; o.fullSpeed() < 0 && second <= int(fullSpeedWithin()/time.Second); second++ {
		from := o.up.Add(time.Duration(second) * time.Second)
		sleep(ctx, time.Until(from.Add(1500*time.Millisecond))) // what ends in it is seen then
		n, err := endedSaves(ctx, s, from, from.Add(time.Second))
		if err != nil {
			return err
		}
		o.after = append(o.after, n)
	}
	return nil
}

// endedSaves counts the saves that ended in a span of time.
func endedSaves(ctx context.Context, s *Stand, from, to time.Time) (n int, err error) {
	err = s.database.ask(ctx, `SELECT count(*) FROM specstar_jobs WHERE kind = 'save' AND finished >= $1 AND finished < $2`, &n, from, to)
	return n, err
}
