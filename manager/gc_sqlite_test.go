package manager_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// damage changes a SQLite store behind its back.
func (s *gcStore) damage(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "specstar.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStoresOfOneFileShareTheirBlobs(t *testing.T) {
	dir, c := t.TempDir(), &clock{at: epoch}
	a, b := openGCSQLite(t, dir, c, ""), openGCSQLite(t, dir, c, "b_")
	one, two := a.declare(t, "doc"), b.declare(t, "doc")
	shared, mine, theirs, orphan := putBlob(t, a.store, "shared"), putBlob(t, a.store, "mine"), putBlob(t, b.store, "theirs"), putBlob(t, a.store, "orphan")
	a.refer(t, one, "doc:1", mine)
	b.refer(t, two, "doc:1", theirs)
	a.refer(t, one, "doc:2", shared)
	b.refer(t, two, "doc:2", shared)
	a.purge(t, "doc", "doc:2")
	c.pass(48 * time.Hour)
	job := b.insertJob(t, storage.JobQueued, string(reference(orphan)))
	if r := a.collect(t, manager.GCOptions{}); r.Candidates != 0 {
		t.Errorf("the collection reports %+v", r)
	}
	if _, err := b.factory.Ledger().Cancel(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if err := b.factory.Ledger().Drop(t.Context(), job); err != nil {
		t.Fatal(err)
	}
	if r := a.collect(t, manager.GCOptions{}); !slices.Equal(r.FileIDs, []string{orphan}) || r.Removed != 1 {
		t.Errorf("the collection reports %+v", r)
	}
	b.purge(t, "doc", "doc:2")
	if r := a.collect(t, manager.GCOptions{}); !slices.Equal(r.FileIDs, []string{shared}) {
		t.Errorf("the collection reports %+v", r)
	}
	if got := b.remembered(t, "doc"); !slices.Equal(got, []string{theirs}) {
		t.Errorf("the other store's model remembers %q", got)
	}
	a.wantBlobs(t, mine, theirs)
	a.sound(t)
	b.sound(t)
}

// TestRowsThatServeNobody damages a file, and leaves what a crash of the
// original's kind leaves: revisions without a meta.
func TestRowsThatServeNobody(t *testing.T) {
	s := openGCSQLite(t, t.TempDir(), &clock{at: epoch}, "")
	doc := s.declare(t, "doc")
	for n := range 5 {
		for text := range 2 {
			op := manager.Operation{ResourceID: numbered(n), User: "ann", Data: fmt.Appendf(nil, `{"n":%d}`, text)}
			if _, err := doc.Upsert(t.Context(), op); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := s.dumpAll(t)
	_, orphan := simple("doc:orphan", `{"n":1}`)
	s.saveRevision(t, "doc", orphan)
	s.damage(t, `INSERT INTO doc_resource_data (id, info, data) SELECT id + 1000, info, data FROM doc_resource_data LIMIT 3`)
	dry := s.collect(t, manager.GCOptions{DryRun: true})
	if dry.Payloads.Candidates != 3 || dry.Payloads.Bytes == 0 || dry.Candidates != 3 || dry.Removed != 0 || dry.Bytes != dry.Payloads.Bytes {
		t.Errorf("the dry run reports %+v", dry)
	}
	r := s.collect(t, manager.GCOptions{})
	if r.Payloads.Removed != 3 || r.Orphans != (manager.GCCount{}) || r.Bytes != dry.Bytes {
		t.Errorf("the collection reports %+v", r)
	}
	if r.Count != 1 || r.Problems[0].Code != manager.CodeOrphan || r.Problems[0].ResourceID != "doc:orphan" {
		t.Errorf("the problems are %+v", r.Problems)
	}
	r = s.collect(t, manager.GCOptions{Orphans: true})
	if r.Orphans.Removed != 1 || r.Orphans.Bytes == 0 || r.Removed != 1 || r.Count != 0 {
		t.Errorf("the collection of orphans reports %+v", r)
	}
	if r = s.collect(t, manager.GCOptions{Orphans: true}); r.Candidates != 0 || r.Count != 0 {
		t.Errorf("a second collection reports %+v", r)
	}
	if string(s.dumpAll(t)) != string(before) {
		t.Error("the dump changed")
	}
	s.sound(t)
}

// TestCollectingWhileOthersWrite runs collections, some of them at the same time,
// against writers that put blobs which are garbage to begin with and refer to
// them at once.
func TestCollectingWhileOthersWrite(t *testing.T) {
	s := openGCSQLite(t, t.TempDir(), &clock{at: epoch}, "")
	doc := s.declare(t, "doc")
	const writers, rounds = 4, 12
	text := func(w, n int) string { return fmt.Sprintf("blob %d of writer %d", n, w) }
	for w := range writers {
		for n := range rounds {
			putBlob(t, s.store, text(w, n))
		}
	}
	putBlob(t, s.store, "garbage")
	s.clock.pass(48 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var collecting, writing sync.WaitGroup
	for range 2 {
		collecting.Go(func() {
			for ctx.Err() == nil {
				if _, err := s.CollectGarbage(t.Context(), manager.GCOptions{}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for w := range writers {
		writing.Go(func() {
			for n := range rounds {
				id := putBlob(t, s.store, text(w, n))
				if err := refer(t.Context(), doc, fmt.Sprintf("doc:%d-%d", w, n), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	stop()
	collecting.Wait()
	s.collect(t, manager.GCOptions{})
	if got := len(s.remembered(t, "doc")); got != writers*rounds {
		t.Errorf("doc remembers %d blobs, want %d", got, writers*rounds)
	}
	s.wantBlobs(t, s.remembered(t, "doc")...)
	s.sound(t)
}
