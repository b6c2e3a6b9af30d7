package peertest

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// TestARunningStoreIsShared has the original do random things to a store, and reads
// them while it is open there; both write to each other's models, garbage is
// collected here, and each loads what the other dumps.
func TestARunningStoreIsShared(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		for _, seed := range seeds(1) {
			s := source{config: pypeer.Config{Models: pypeer.Random, Seed: seed + c.seed, Store: c.place(t, "")}}
			s.app = p.MustNew(t, s.config)
			ran, err := s.app.Run(s.config.Seed*1000, 100)
			if err != nil {
				t.Fatal(err)
			}
			ours := open(t, s.config.Store)
			c.same(t, "what the original wrote", s.app, ours)
			for _, m := range s.app.Models {
				saveSamples(t, s, ours, m)
			}
			c.same(t, "what was saved here", s.app, ours)
			for _, m := range s.app.Models {
				if whole(ran) {
					use(t, s.app, m)
				}
			}
			want := c.same(t, "what the original made of it", s.app, ours)
			c.collectGarbage(t, s.config.Store, ours)
			equal(t, "after garbage collection", want, c.comparable(s.app.MustState(t)))
			c.exchange(t, p, s, ours, want)
			if err := s.app.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// whole reports whether the original has done all that it began: where its JSON
// cannot say an indexed value it has stored the revision and fails at the meta.
func whole(r pypeer.Ran) bool {
	for refusal := range r.Refused {
		if strings.HasSuffix(refusal, "TypeError") {
			return false
		}
	}
	return true
}

// collectGarbage removes whatever nobody refers to, and checks that there is
// something: modifications by the original leave the payloads from before. Files are
// made old first, objects cannot be: of them only old ones are garbage.
func (c composition) collectGarbage(t *testing.T, p pypeer.Store, s store) {
	t.Helper()
	if p.Dir != "" {
		makeOld(t, p.Dir)
	}
	report, err := s.catalog.CollectGarbage(t.Context(), manager.GCOptions{Grace: -1})
	if err != nil {
		t.Fatal(err)
	}
	if c.kind != "postgres+s3" && report.Payloads.Removed == 0 {
		t.Errorf("there was no garbage: %+v", report)
	}
}

// makeOld gives all files of a directory a time two days ago.
func makeOld(t *testing.T, dir string) {
	t.Helper()
	at := time.Now().Add(-48 * time.Hour)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// exchange has each side load the archive that the other dumps of the store.
func (c composition) exchange(t *testing.T, p *pypeer.Peer, s source, ours store, want pypeer.State) {
	t.Helper()
	theirs := filepath.Join(t.TempDir(), "theirs.acbak")
	if err := s.app.Dump(theirs); err != nil {
		t.Fatal(err)
	}
	back := s.loadInPython(t, p, ours.dump(t), c.encoding)
	equal(t, "dumped here, loaded by the original", want, c.comparable(back.MustState(t)))
	again := open(t, c.place(t, ""))
	again.load(t, theirs, manager.LoadOptions{})
	equal(t, "dumped by the original, loaded here", want, c.comparable(again.state(t)))
}
