package manager_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

func TestOnlyOldBlobsAreGarbage(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		doc := s.declare(t, "doc")
		old, again := putBlob(t, s.store, "old"), putBlob(t, s.store, "put again")
		lost := putBlob(t, s.store, "referred to again")
		s.clock.pass(3 * time.Hour)
		young := putBlob(t, s.store, "young")
		putBlob(t, s.store, "put again")
		s.refer(t, doc, "doc:1", lost)
		s.purge(t, "doc", "doc:1") // but it was referred to a moment ago
		for _, tc := range []struct {
			o    manager.GCOptions
			want []string
		}{
			{manager.GCOptions{}, nil}, // a day
			{manager.GCOptions{Grace: 4 * time.Hour}, nil},
			{manager.GCOptions{Grace: 2 * time.Hour}, []string{old}},
			{manager.GCOptions{Grace: -1}, []string{old, again, young, lost}},
		} {
			tc.o.DryRun = true
			if r := s.collect(t, tc.o); !slices.Equal(r.FileIDs, slices.Sorted(slices.Values(tc.want))) {
				t.Errorf("with a grace of %v the garbage is %q, want %q", tc.o.Grace, r.FileIDs, tc.want)
			}
		}
	})
}

func TestBlobsNewerThanAnUnfinishedJobStay(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		older := putBlob(t, s.store, "older")
		s.clock.pass(time.Hour)
		job := s.insertJob(t, storage.JobQueued, `{}`)
		s.clock.pass(time.Hour)
		newer := putBlob(t, s.store, "newer")
		s.clock.pass(72 * time.Hour)
		r := s.collect(t, manager.GCOptions{})
		if !slices.Equal(r.FileIDs, []string{older}) || r.HeldBy != job.String() {
			t.Errorf("the collection reports %+v", r)
		}
		s.wantBlobs(t, newer)
		if _, err := s.factory.Ledger().Cancel(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		if r = s.collect(t, manager.GCOptions{}); !slices.Equal(r.FileIDs, []string{newer}) || r.HeldBy != "" {
			t.Errorf("the collection reports %+v", r)
		}
	})
}

func TestPayloadThatCannotBeDecodedStopsTheRemoval(t *testing.T) {
	eachGCStore(t, func(t *testing.T, open func() *gcStore) {
		s := open()
		doc := s.declare(t, "doc")
		orphan := putBlob(t, s.store, "orphan")
		_, bad := simple("doc:bad", "PK\x03\x04 something packed")
		_, empty := simple("doc:empty", "")
		s.saveRevision(t, "doc", bad)
		s.saveRevision(t, "doc", empty) // holds no reference for sure
		s.clock.pass(48 * time.Hour)
		for _, dry := range []bool{true, false} {
			r := s.collect(t, manager.GCOptions{DryRun: dry})
			if !r.Stopped || r.Blobs != (manager.GCCount{}) || r.Count == 0 {
				t.Errorf("the collection reports %+v", r)
			}
			p := r.Problems[0]
			if p.Code != manager.CodeUnreadable || p.Model != "doc" || p.ResourceID != "doc:bad" || !strings.Contains(p.Message, "doc:bad:1") {
				t.Errorf("the problem is %+v", p)
			}
		}
		s.wantBlobs(t, orphan)
		s.refer(t, doc, "doc:bad")
		s.purge(t, "doc", "doc:bad")
		s.purge(t, "doc", "doc:empty")
		if r := s.collect(t, manager.GCOptions{}); r.Stopped || r.Removed != 1 {
			t.Errorf("the collection reports %+v", r)
		}
		s.wantBlobs(t)
	})
}
