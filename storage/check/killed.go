package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func crashChecks() []check {
	return []check{{"G1/killed_writer_leaves_whole_units", killedWriter}}
}

// killedWriter lets another process write, kills it in the middle, and looks at
// what it left: everything that was acknowledged, and of the rest nothing in
// part, but for revisions that no meta counts where G3 allows them. The next process
// goes on where that one ended.
func killedWriter(t T, s *subject) {
	ok(t, "close the store", s.Close())
	for _, kill := range []struct {
		unit  int
		after time.Duration
	}{{0, 0}, {8, time.Millisecond}, {20, 3 * time.Millisecond}, {33, 500 * time.Microsecond}} {
		last := s.killWriter(t, kill.unit, kill.after)
		f, err := s.open(t.Context(), s.place)
		ok(t, "open the store after its writer was killed", err)
		s.Factory = f
		whole, uncounted := 0, 0
		for n := range crashingUnit(last + 3) { // one may have been written and not reported any more
			done, left := s.holds(t, n)
			uncounted += left
			if done {
				whole++
			} else if int(n) <= last {
				t.Fatalf("unit %d of %d was acknowledged and is not there", n, last)
			}
		}
		metas, revisions := s.count(t)
		equal(t, "number of metas", metas, int64(whole*crashUnit))
		equal(t, "number of revisions", revisions, int64(whole*crashUnit+uncounted))
		ok(t, "close the store", s.Close())
	}
}

// count returns how many metas and revisions the model has.
func (s *subject) count(t T) (metas, revisions int64) {
	t.Helper()
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	stats, err := stores.Metas.Stats(t.Context())
	ok(t, "stats", err)
	return stats.Metas, countOf(t, stores)
}

// countOf returns how many revisions are stored.
func countOf(t T, stores storage.Stores) int64 {
	t.Helper()
	n, err := stores.Revisions.Count(t.Context())
	ok(t, "count revisions", err)
	return n
}

// holds reports whether a unit is there. A part of it must not be; uncounted is how many
// revisions of it are there that no meta counts, each of them whole.
func (s *subject) holds(t T, n crashingUnit) (done bool, uncounted int) {
	t.Helper()
	row, err := s.Ledger().Get(t.Context(), n.job().ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		ok(t, "get job", err)
	}
	done = row.State == storage.JobDone
	var want []resource.ID
	if done {
		want = n.ids()
		s.wantBlob(t, n)
	}
	stores, err := s.Build(t.Context(), model)
	ok(t, "build", err)
	metas, err := stores.Metas.GetMany(t.Context(), n.ids())
	ok(t, "get many", err)
	revisions := collect(t, "dump", stores.Revisions.DumpAll(t.Context(), slices.Values(n.ids())))
	if uncounted = len(revisions) - len(want); uncounted != 0 && (done || !s.Traits().Uncounted) || len(metas) != len(want) {
		t.Fatalf("of unit %d, whose job is %q, %d metas and %d revisions are there", n, row.State, len(metas), len(revisions))
	}
	for i, id := range want {
		sameMeta(t, "the meta of "+string(id), metas[i], newMeta(id, 1))
	}
	for _, r := range revisions {
		sameRevision(t, "the revision of "+string(r.Info.ResourceID), r, newRevision(r.Info.ResourceID, 1))
	}
	return done, uncounted
}

// wantBlob fails t unless the blob of a unit is there.
func (s *subject) wantBlob(t T, n crashingUnit) {
	t.Helper()
	s.withBlobs(t, func(b storage.BlobStore) {
		id := resource.ContentHash([]byte(n.blob()))
		equal(t, fmt.Sprintf("the blob of unit %d", n), string(readBlob(t, b, id)), n.blob())
	})
}

// killWriter starts a writer and kills it a moment after it has reported the
// given unit; it returns the last unit that was reported.
func (s *subject) killWriter(t T, unit int, after time.Duration) int {
	t.Helper()
	cmd := s.writer(s.place)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	ok(t, "make a pipe to the writer", err)
	ok(t, "start the writer", cmd.Start())
	stop := context.AfterFunc(t.Context(), func() { kill(cmd) })
	defer stop()
	last := -1
	for lines := bufio.NewScanner(out); lines.Scan(); {
		text, is := strings.CutPrefix(lines.Text(), acknowledged)
		if !is {
			continue
		}
		if _, err := fmt.Sscan(text, &last); err != nil {
			kill(cmd)
		}
		if last == unit {
			time.Sleep(after)
			kill(cmd)
		}
	}
	if err := cmd.Wait(); err == nil || last < unit {
		t.Fatalf("the writer ended by itself after unit %d: %v %s", last, err, said.String())
	}
	return last
}

// kill ends a process at once. One that has ended already is no error.
func kill(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
