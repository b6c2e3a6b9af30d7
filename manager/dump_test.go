package manager_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestDumpOptions(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		if b := s.dumpAll(t); !bytes.Equal(b, testdata(t, "variants/header_eof.acbak")) {
			t.Errorf("the dump of an empty store has %d bytes", len(b))
		}
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})

		b, stats := s.dump(t, manager.DumpOptions{Models: []string{"document"}})
		if want := (manager.ModelDump{Metas: 3, Revisions: 4, Blobs: 3}); stats.Models["document"] != want || len(stats.Models) != 1 {
			t.Errorf("%+v", stats)
		}
		open(t).load(t, b, manager.LoadOptions{})

		b, _ = s.dump(t, manager.DumpOptions{
			Models: []string{"person"},
			Query:  opt.Of(qb.Where(qb.Data("age").Gt(30)).Page(1, 1)),
		})
		want := encodeArchive(t, reorder(t, records(t, testdata(t, "person_age_gt_30.acbak"))))
		if !bytes.Equal(b, want) {
			t.Error("the dump with a query differs from that of the original")
		}

		for _, o := range []manager.DumpOptions{
			{Models: []string{"absent"}},
			{Query: opt.Of(qb.Query{})},
		} {
			_, err := s.DumpTo(t.Context(), &bytes.Buffer{}, o)
			if _, ok := manager.CodeOf(err); !ok {
				t.Errorf("%+v: %v", o, err)
			}
		}
	})
}

func TestADumpCanBeLeftEarly(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		all := records(t, s.dumpAll(t))
		for n := range all {
			var got []archive.Record
			for rec, err := range s.Dump(t.Context(), manager.DumpOptions{}) {
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, rec); len(got) > n {
					break
				}
			}
			if len(got) != n+1 {
				t.Fatalf("%d records, want %d", len(got), n+1)
			}
		}
		if err := s.factory.Unit().Unstage(t.Context(), s.claim(t)); err != nil {
			t.Errorf("the store is held: %v", err)
		}
	})
}

// full is a writer that takes some bytes and then no more.
type full struct{ left int }

var errFull = errors.New("no space left")

func (w *full) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestADumpThatCannotBeWrittenFails(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "big_2000.acbak.gz"), manager.LoadOptions{})
		if _, err := s.DumpTo(t.Context(), &full{left: 1 << 20}, manager.DumpOptions{}); !errors.Is(err, errFull) {
			t.Errorf("got %v", err)
		}
	})
}

func TestADumpShowsNoLaterWrite(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		want := s.dumpAll(t)
		m := s.open(t, "person")
		var got []archive.Record
		for rec, err := range s.Dump(t.Context(), manager.DumpOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if len(got) == 0 {
				if _, err := m.Delete(t.Context(), op("", "person:p1", "", "ann", 1)); err != nil {
					t.Fatal(err)
				}
			}
			got = append(got, rec)
		}
		if !bytes.Equal(encodeArchive(t, got), want) {
			t.Error("the dump shows a write that came later")
		}
	})
}

func TestLoadRecordsBulk(t *testing.T) {
	metaA, revA := simple("doc:a", `{"n":1}`)
	metaB, revB := simple("doc:b", `{"n":2}`)
	both := manager.Records{
		Model: "doc", Metas: []resource.Meta{metaA, metaB}, Revisions: []resource.Revision{revB, revA},
		Blobs: []archive.Blob{blobOf([]byte("x"))},
	}
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stats, err := s.LoadRecordsBulk(t.Context(), both, manager.RaiseError)
		if want := (manager.LoadStats{Loaded: 2, Total: 2, Revisions: 2, Blobs: 1, Bytes: 15}); err != nil || stats != want {
			t.Fatalf("%+v, %v", stats, err)
		}
		_, err = s.LoadRecordsBulk(t.Context(), both, manager.RaiseError)
		if dup, ok := errors.AsType[*storage.DuplicateError](err); !ok || dup.Count != 2 {
			t.Errorf("got %v", err)
		}
		stats, err = s.LoadRecordsBulk(t.Context(), both, manager.Skip)
		if err != nil || stats.Skipped != 2 || stats.Loaded != 0 {
			t.Errorf("%+v, %v", stats, err)
		}
		for name, bad := range map[string]manager.Records{
			"repeated meta":      {Model: "doc", Metas: []resource.Meta{metaA, metaA}, Revisions: []resource.Revision{revA}},
			"no current":         {Model: "doc", Metas: []resource.Meta{metaA}},
			"orphan":             {Model: "doc", Metas: []resource.Meta{metaA}, Revisions: []resource.Revision{revA, revB}},
			"blob of other size": {Model: "doc", Blobs: []archive.Blob{{FileID: "k", Data: []byte("x"), Size: 2}}},
			"no model":           {Metas: []resource.Meta{metaA}, Revisions: []resource.Revision{revA}},
		} {
			_, err := s.LoadRecordsBulk(t.Context(), bad, manager.Overwrite)
			if code, ok := manager.CodeOf(err); !ok || code != manager.CodeInvalid {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got := ids(t, s, "doc"); !slices.Equal(got, []resource.ID{"doc:a", "doc:b"}) {
			t.Errorf("%v", got)
		}
	})
}
