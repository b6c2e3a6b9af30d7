package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/faultproxy"
)

// TestDamagedBlock: one of three servers has a flipped bit in each block of messages
// when it starts again, while messages wait. Whatever the servers make of that, every
// job of the ledger is done; how many plain saves they lost is told. Short tests only
// flip the bit.
func TestDamagedBlock(t *testing.T) {
	block := filepath.Join(t.TempDir(), "1.blk")
	if err := os.WriteFile(block, []byte("abc"), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := flipBits(filepath.Dir(block))
	if b, rerr := os.ReadFile(block); n != 1 || err != nil || string(b) != "acc" {
		t.Fatalf("%d blocks, %q, %v %v", n, b, err, rerr)
	}
	if !long() {
		return
	}
	for name, leads := range map[string]bool{"a follower": false, "the leader": true} {
		t.Run(name, func(t *testing.T) {
			d := damage{leads: leads}
			c := Config{
				Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: 5 * time.Minute, Dir: runDir(t),
				Server: programs.server, Nodes: 3, LoadEvery: -1, script: d.happen,
			}
			c.Worker = built(t, quick)
			r := run(t, c)
			t.Logf("%d flipped bits in the blocks of %s; %d jobs of the ledger waited, all are done; %d plain saves lost", d.flipped, name, d.waited, r.Forgotten)
			if d.flipped == 0 || d.waited < 10 {
				t.Error("the test shows little")
			}
		})
	}
}

// damage is what was done.
type damage struct {
	leads           bool
	flipped, waited int
}

func (d *damage) happen(ctx context.Context, s *Stand, play *scene) error {
	sleep(ctx, 3*time.Second)
	s.database.proxy.Set(faultproxy.Fault{StallUp: true, StallDown: true})
	defer s.database.proxy.Set(faultproxy.Fault{})
	submitting := &loader{
		commands: s.commands, dir: s.dir, sizes: []int{100}, random: rand.New(rand.NewPCG(s.config.Seed, 1<<34)),
		history: play.history, tracker: play.tracker,
	}
	for n := range 6 {
		submitting.turn(ctx, n+n/3)
	}
	for i := range 10 {
		if err := saveInLedger(ctx, s, play, i); err != nil {
			return err
		}
	}
	sleep(ctx, 2*time.Second)
	x, err := leader(ctx, s)
	if err != nil {
		return err
	}
	for _, other := range s.nodes {
		if !d.leads && other != x {
			x = other
			break
		}
	}
	x.kill()
	if d.flipped, err = flipBits(filepath.Join(x.dir, "store", "jetstream", "$G", "streams", s.queue.StreamName(), "msgs")); err != nil {
		return err
	}
	if err := x.start(); err != nil {
		return err
	}
	sleep(ctx, 3*time.Second)
	before := time.Now()
	d.waited = len(play.tracker.waiting(before, false)) - len(play.tracker.waiting(before, true))
	s.database.proxy.Set(faultproxy.Fault{})
	play.tracker.recovery(ctx, before, 20*time.Second) // what does not end then is lost
	play.history.Add(Event{Kind: Healed, Nemesis: "wipe jetstream", Note: fmt.Sprint("bits flipped on ", x.name)})
	play.tracker.abandon()
	return nil
}

// flipBits flips one bit in the middle of each block of messages.
func flipBits(dir string) (n int, err error) {
	blocks, err := filepath.Glob(filepath.Join(dir, "*.blk"))
	if err != nil {
		return 0, err
	}
	for _, block := range blocks {
		f, err := os.OpenFile(block, os.O_RDWR, 0)
		if err != nil {
			return n, err
		}
		info, err := f.Stat()
		if err == nil && info.Size() > 0 {
			b := make([]byte, 1)
			at := info.Size() / 2
			if _, err = f.ReadAt(b, at); err == nil {
				b[0] ^= 1
				_, err = f.WriteAt(b, at)
				n++
			}
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return n, err
		}
	}
	return n, nil
}
