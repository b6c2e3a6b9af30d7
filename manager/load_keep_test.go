package manager_test

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// countedSource counts the bytes that are read of an archive.
type countedSource struct {
	*bytes.Reader
	read atomic.Int64
}

func (s *countedSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.Reader.ReadAt(p, off)
	s.read.Add(int64(n))
	return n, err
}

// manyResources is an archive of two models with n resources of two revisions each, those
// of the second model behind all metas.
func manyResources(t *testing.T, n int) []byte {
	t.Helper()
	recs := []archive.Record{archive.Header{Version: 2}}
	for _, model := range []string{"doc", "note"} {
		recs = append(recs, archive.ModelStart{Model: model})
		var later []archive.Record
		for i := range n {
			id := resource.ID(fmt.Sprintf("%s:%05d", model, i))
			meta, first := simple(id, fmt.Sprintf(`{"n":%d}`, i))
			_, second := simple(id, fmt.Sprintf(`{"n":%d,"again":true}`, i))
			second.Info.RevisionID = meta.ResourceID.Revision(2)
			meta.TotalRevisionCount = 2
			recs = append(recs, archive.Meta{Meta: meta})
			if revs := []archive.Record{archive.Revision{Revision: first}, archive.Revision{Revision: second}}; model == "doc" {
				recs = append(recs, revs...)
			} else {
				later = append(later, revs...)
			}
		}
		recs = append(append(recs, later...), archive.ModelEnd{Model: model})
	}
	return encodeArchive(t, append(recs, archive.EOF{}))
}

// TestASmallLoadReadsItsArchiveOnce: what the checking pass has read of a load that is one
// unit of work is kept; a larger one is read again, chunk by chunk.
func TestASmallLoadReadsItsArchiveOnce(t *testing.T) {
	for name, tc := range map[string]struct {
		resources int
		options   manager.LoadOptions
		times     int64
	}{
		"small":         {500, manager.LoadOptions{}, 1},
		"of many":       {6000, manager.LoadOptions{}, 2},
		"one model":     {6000, manager.LoadOptions{Models: []string{"note"}}, 1},
		"each resource": {500, manager.LoadOptions{OnDuplicate: manager.Skip}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			src := &countedSource{Reader: bytes.NewReader(manyResources(t, tc.resources))}
			s := openMemory(t)
			stats, err := s.LoadArchive(t.Context(), src, tc.options)
			if err != nil {
				t.Fatal(err)
			}
			for model, of := range stats {
				if of.Loaded != int64(tc.resources) || of.Revisions != 2*of.Loaded {
					t.Errorf("loaded %+v of %s", of, model)
				}
			}
			if times := (src.read.Load() + src.Size()/4) / src.Size(); times != tc.times {
				t.Errorf("%d bytes were read %d times, want %d", src.Size(), times, tc.times)
			}
			other := openMemory(t)
			if other.load(t, s.dumpAll(t), manager.LoadOptions{OnDuplicate: manager.Overwrite}); !bytes.Equal(other.dumpAll(t), s.dumpAll(t)) {
				t.Error("it is not what a load by resource writes")
			}
		})
	}
}

// TestASmallLoadThatIsRefusedReadsItsArchiveOnce: also when what exists refuses it.
func TestASmallLoadThatIsRefusedReadsItsArchiveOnce(t *testing.T) {
	b := manyResources(t, 100)
	s := openMemory(t)
	s.load(t, b, manager.LoadOptions{Models: []string{"note"}})
	src := &countedSource{Reader: bytes.NewReader(b)}
	_, err := s.LoadArchive(t.Context(), src, manager.LoadOptions{})
	if code, refused := manager.CodeOf(err); !refused || code != manager.CodeDuplicate {
		t.Fatalf("%v, %v", code, err)
	}
	if n := src.read.Load(); n > src.Size()*5/4 {
		t.Errorf("%d bytes were read of %d", n, src.Size())
	}
}
