package chaos

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestRollingUpgrade: workers of the version that knows the ledger's schema before the
// present one run the store; this version opens it and changes the tables under them;
// then they are replaced one by one, and both versions work on one queue meanwhile.
// `make test` leaves it out: it builds another version, from git.
func TestRollingUpgrade(t *testing.T) {
	if !long() {
		t.Log("only in long tests")
		return
	}
	var u upgrade
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: time.Hour, Dir: runDir(t), Server: programs.server,
		Workers: 3, LoadEvery: 2 * time.Second, LoadSizes: []int{50, 300}, AckWait: time.Minute, script: u.happen,
	}
	c.Worker = built(t, asItIs)
	var err error
	if c.Old, err = BuildOld(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	r := run(t, c)
	t.Logf("saves that ended while only the earlier version ran: %d, both: %d, only this one: %d; tried again: %d", u.old, u.both, u.new, r.Retried)
	if u.old == 0 || u.both == 0 || u.new == 0 {
		t.Error("some of it shows nothing")
	}
}

// upgrade counts the saves that ended in each part of it.
type upgrade struct{ old, both, new int }

func (u *upgrade) happen(ctx context.Context, s *Stand, _ *scene) (err error) {
	const each = 5 * time.Second
	began := time.Now()
	sleep(ctx, each)
	first := time.Now()
	for _, x := range s.fleet.slots {
		w := x.current()
		if err := w.stop(stopWithin); err != nil {
			return fmt.Errorf("%w\n%s", err, tail(x.log))
		}
		if !x.ready(ctx, w) {
			return fmt.Errorf("this version does not start\n%s", tail(x.log))
		}
		sleep(ctx, each)
	}
	last := time.Now().Add(-each)
	if u.old, err = endedSaves(ctx, s, began, first); err != nil {
		return err
	}
	if u.both, err = endedSaves(ctx, s, first, last); err != nil {
		return err
	}
	u.new, err = endedSaves(ctx, s, last, time.Now())
	return err
}
