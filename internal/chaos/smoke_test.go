package chaos

import (
	"testing"
	"time"
)

// TestSmoke is a minute of chaos: three nemeses on one server and one database.
func TestSmoke(t *testing.T) {
	dir := t.TempDir()
	worker, err := Build(t.Context(), dir, ShortLease...)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: 40 * time.Second,
		Nemeses: []string{"kill a worker", "kill nats", "kill postgres"},
		Worker:  worker, Server: programs.server, Dir: dir,
	}
	r, err := Run(t.Context(), t, c)
	if r != nil {
		t.Log(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Violations) > 0 {
		t.Errorf("%d violations; CHAOS_SEED=%d", len(r.Violations), r.Seed)
	}
	if len(r.Strikes) < 3 || r.Accepted < 100 {
		t.Errorf("%d strikes and %d jobs: the test shows little", len(r.Strikes), r.Accepted)
	}
}
