package manager_test

import (
	"bytes"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// longHistory is an archive of one resource with n revisions, the middle one
// twice.
func longHistory(t *testing.T, n int) []byte {
	t.Helper()
	meta, _ := simple("doc:a", `{}`)
	meta.TotalRevisionCount, meta.CurrentRevisionID = n, meta.ResourceID.Revision(n)
	recs := []archive.Record{archive.Header{Version: 2}, archive.ModelStart{Model: "doc"}, archive.Meta{Meta: meta}}
	for i := 1; i <= n; i++ {
		_, rev := simple("doc:a", fmt.Sprintf(`{"n":%d}`, i))
		rev.Info.RevisionID = meta.ResourceID.Revision(i)
		if recs = append(recs, archive.Revision{Revision: rev}); i == n/2 {
			recs = append(recs, archive.Revision{Revision: rev})
		}
	}
	return encodeArchive(t, append(recs, archive.ModelEnd{Model: "doc"}, archive.EOF{}))
}

func TestAResourceWithALongHistory(t *testing.T) {
	const n = 20_000
	b := longHistory(t, n)
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stats := s.load(t, b, manager.LoadOptions{})
		if stats["doc"].Revisions != n {
			t.Errorf("loaded %+v", stats["doc"])
		}
		stats = s.load(t, b, manager.LoadOptions{OnDuplicate: manager.Overwrite})
		if stats["doc"].Unchanged != 1 {
			t.Errorf("loaded again %+v", stats["doc"])
		}
		_, dumped := s.dump(t, manager.DumpOptions{})
		if dumped.Models["doc"].Revisions != n {
			t.Errorf("dumped %+v", dumped.Models["doc"])
		}
	})
}

func TestRevisionNumbersEnd(t *testing.T) {
	for _, count := range []int{resource.MaxRevisionNumber - 1, resource.MaxRevisionNumber, math.MaxInt} {
		eachStore(t, func(t *testing.T, open opener) {
			s := open(t)
			meta, rev := simple("doc:a", `{"n":1}`)
			meta.TotalRevisionCount = count
			records := manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
			if _, err := s.LoadRecordsBulk(t.Context(), records, manager.RaiseError); err != nil {
				t.Fatal(err)
			}
			for n := count; n <= resource.MaxRevisionNumber && n > 0; n++ {
				out, err := s.open(t, "doc").Update(t.Context(), op(manager.OpUpdate, "doc:a", fmt.Sprintf(`{"n":%d}`, n), "ann", 1))
				if last := n == resource.MaxRevisionNumber; last != (err != nil) || last && out.Code != manager.CodeInvalid {
					t.Errorf("update behind revision %d: %+v, %v", n, out, err)
				}
			}
			open(t).load(t, s.dumpAll(t), manager.LoadOptions{})
		})
	}
}

func TestWhatCouldNotBeReadAgainIsRefusedAlone(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declare(t, s, storage.ModelInfo{Name: "doc", IndexedPaths: []string{"n"}})
		late := op(manager.OpCreate, "doc:b", `{}`, "ann", 0)
		late.Time = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
		raw := op(manager.OpCreate, "doc:c", ``, "ann", 0)
		raw.Payload = []byte("{\"n\":\"\xff\"}")
		out, err := m.SaveMany(t.Context(), []manager.Operation{
			op(manager.OpCreate, "doc:a", `{}`, "a\xff", 0), late, raw,
			op(manager.OpUpsert, "doc:\xff", `{}`, "ann", 0), op(manager.OpCreate, "doc:d", `{}`, "ann", 0),
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range out {
			if good := i == 4; good != (o.Effect == manager.EffectCreated) || !good && o.Code != manager.CodeInvalid {
				t.Errorf("operation %d: %+v", i, o)
			}
		}
		if got := ids(t, s, "doc"); len(got) != 1 {
			t.Errorf("the store has %q", got)
		}
		meta, rev := simple("doc:e", `{}`)
		meta.UpdatedBy = "\xff"
		records := manager.Records{Model: "doc", Metas: []resource.Meta{meta}, Revisions: []resource.Revision{rev}}
		for range 2 {
			_, err := s.LoadRecordsBulk(t.Context(), records, manager.RaiseError)
			if code, _ := manager.CodeOf(err); code != manager.CodeInvalid {
				t.Errorf("records that cannot be read again: %v", err)
			}
			records.Metas[0].UpdatedBy, records.Revisions[0].Info.UpdatedBy = "ann", "\xff"
		}
		if _, err := openMemory(t).LoadArchive(t.Context(), bytes.NewReader(s.dumpAll(t)), manager.LoadOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// TestAnOddOffsetKeepsTheInstant: JSON has no place for the seconds of an offset.
func TestAnOddOffsetKeepsTheInstant(t *testing.T) {
	f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Encoding: resource.JSON})
	if err != nil {
		t.Fatal(err)
	}
	s := catalogOf(t, f)
	m := declare(t, s, storage.ModelInfo{Name: "doc"})
	o := op(manager.OpCreate, "doc:a", `{}`, "ann", 0)
	o.Time = epoch.In(time.FixedZone("LMT", 8*3600+5*60+43))
	if _, err := m.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	meta, err := m.GetMeta(t.Context(), "doc:a")
	if err != nil || !meta.CreatedTime.Equal(epoch) {
		t.Errorf("created at %v (%v), want %v", meta.CreatedTime, err, epoch)
	}
}
