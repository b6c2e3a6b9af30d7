package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
)

// TestALoadOutlivesItsWorkers: while an archive is loaded, a worker is killed every
// second, also who plans and who ends it. What is loaded is what the archive has, and
// no chunk was done again but those that the dead had begun. Long tests load a million
// resources.
func TestALoadOutlivesItsWorkers(t *testing.T) {
	x := fleetLoad{on: manager.RaiseError, size: 12_000, kills: 400 * time.Millisecond, least: 1}
	c := Config{
		Seed: number(t, "CHAOS_SEED", uint64(time.Now().UnixNano())), Duration: time.Hour, Dir: runDir(t), Server: programs.server,
		Workers: 3, Rate: 10, LoadEvery: -1, DoomEvery: -1, AckWait: 3 * time.Second, Lease: 3 * time.Second, Chunk: 50,
	}
	if long() {
		// A million resources are not published within the life of a worker that is one of
		// four: the other ways end with a short transaction.
		x.on = manager.Overwrite
		x.size, x.kills, x.least, c.Chunk, c.Workers = 1_000_000, time.Second, 20, 1000, 4
	} else {
		t.Parallel()
	}
	c.script = x.happen
	x.random = rand.New(rand.NewPCG(c.Seed, 7))
	c.Worker = built(t, asItIs)
	run(t, c)
	done, err := x.read(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	chunks, again := (x.size+c.Chunk-1)/c.Chunk, 0
	for _, n := range done {
		again += n - 1
	}
	t.Logf("%d resources in %d chunks, loaded in %s while workers were killed %d times; %d chunks ended more than once; digest %s",
		x.size, chunks, x.took.Round(time.Millisecond), x.killed, again, x.digest)
	if x.chunks != chunks {
		t.Errorf("%d chunks were done, the load has %d", x.chunks, chunks)
	}
	// Who is killed had two chunks in hand that may have been done and not acknowledged.
	if again > 2*x.killed {
		t.Errorf("%d chunks were done again after %d kills", again, x.killed)
	}
	if x.killed < x.least {
		t.Errorf("workers were killed %d times: the test shows little", x.killed)
	}
}

// fleetLoad is a load under kills.
type fleetLoad struct {
	on          manager.OnDuplicate
	size, least int
	kills       time.Duration
	random      *rand.Rand

	job    string
	killed int
	chunks int // that the ledger has as done
	took   time.Duration
	digest manager.Digest
}

func (x *fleetLoad) happen(ctx context.Context, s *Stand, play *scene) error {
	l := &loader{commands: s.commands, dir: s.dir, pool: s.pool, history: play.history, tracker: play.tracker}
	file := filepath.Join(s.dir, "fleet.acbak")
	if err := writeArchive(file, "F", x.size, true); err != nil {
		return err
	}
	s.fleet.allReady(ctx)
	begin := time.Now()
	x.job = l.submit(ctx, Event{What: "load", Archive: "F", Size: x.size}, "load", "file:"+file, "--on-duplicate", string(x.on))
	if x.job == "" {
		return errors.New("the load was not taken")
	}
	row, err := x.killUntilDone(ctx, s)
	if err != nil {
		return err
	}
	if x.took = time.Since(begin); row.State != storage.JobDone {
		return fmt.Errorf("the load is %s: %s: %s", row.State, row.ErrorCode, row.ErrorMessage)
	}
	if x.chunks, err = s.store.Ledger().CountChunks(ctx, row.ID); err != nil {
		return err
	}
	return x.compare(ctx, s, file)
}

// killUntilDone kills one worker after another until the load has ended.
func (x *fleetLoad) killUntilDone(ctx context.Context, s *Stand) (storage.Job, error) {
	tick := time.NewTicker(x.kills)
	defer tick.Stop()
	for {
		row, err := s.store.Ledger().Find(ctx, x.job)
		if err != nil || row.State.Final() {
			return row, err
		}
		select {
		case <-tick.C:
			s.fleet.slots[x.random.IntN(len(s.fleet.slots))].kill()
			x.killed++
		case <-ctx.Done():
			return row, ctx.Err()
		}
	}
}

// compare compares what is in the store with the archive.
func (x *fleetLoad) compare(ctx context.Context, s *Stand, file string) error {
	dumped := filepath.Join(s.dir, "dumped.acbak")
	if _, err := s.commands.run(ctx, "dump", "--model", loadedModel, "--out", dumped); err != nil {
		return err
	}
	want, err := digestOf(ctx, file)
	if err == nil {
		x.digest, err = digestOf(ctx, dumped)
	}
	if err == nil && x.digest != want {
		err = fmt.Errorf("the store has digest %s, the archive %s", x.digest, want)
	}
	return err
}

// digestOf returns the digest of an archive's metas and revisions.
func digestOf(ctx context.Context, file string) (manager.Digest, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return manager.Digest{}, err
	}
	p, err := manager.NewCatalog(memory.New(), nil, manager.Options{}).Check(ctx, bytes.NewReader(b), manager.LoadOptions{})
	if err != nil {
		return manager.Digest{}, err
	}
	if len(p.Models) != 1 {
		return manager.Digest{}, fmt.Errorf("%s has %d models", file, len(p.Models))
	}
	return p.Models[0].Digest, nil
}

// read reads how often workers told of the end of each chunk. One that was killed between
// the two has done a chunk and not told.
func (x *fleetLoad) read(dir string) (map[string]int, error) {
	logs, err := filepath.Glob(filepath.Join(dir, "worker-*.log"))
	if err != nil {
		return nil, err
	}
	done := map[string]int{}
	for _, log := range logs {
		for line := range strings.Lines(readLog(log)) {
			var l struct {
				Msg, Kind, State string
				JobID            string `json:"job_id"`
			}
			if json.Unmarshal([]byte(line), &l) == nil && l.Msg == "job ended" && l.Kind == "chunk" && l.State == "done" {
				done[l.JobID]++
			}
		}
	}
	return done, nil
}
