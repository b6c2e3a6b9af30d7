package manager_test

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/internal/canon"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// goldenState is the state of a store as the golden files tell it.
type goldenState map[string]struct {
	Encoding  resource.Encoding
	Resources []goldenResource
}

type goldenResource struct {
	Meta      map[string]any
	Revisions []goldenRevision
}

type goldenRevision struct {
	Info map[string]any
	Raw  []byte `json:"raw_b64"`
	Text string `json:"raw"`
}

// id is the revision's id.
func (r goldenRevision) id() resource.RevisionID {
	return resource.RevisionID(r.Info["revision_id"].(string))
}

// payload is the revision's payload, however the file tells it.
func (r goldenRevision) payload() []byte {
	if r.Text != "" {
		return []byte(r.Text)
	}
	return r.Raw
}

type goldenBlob struct {
	Size        int64
	ContentType *string `json:"content_type"`
	Data        []byte  `json:"data_b64"`
}

type goldenStore struct {
	Models goldenState
	Blobs  map[string]goldenBlob
}

// state is a resource as the store holds it, in the form of the golden files.
type state struct {
	Meta     map[string]any
	Infos    []map[string]any
	Payloads []string
}

// stateOf reads a model from the store.
func stateOf(t *testing.T, s *store, model string) map[string]state {
	t.Helper()
	out := map[string]state{}
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	for meta, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		st := state{Meta: canon.Of(t, meta)}
		for rev, err := range stores.Revisions.DumpAll(t.Context(), slices.Values([]resource.ID{meta.ResourceID})) {
			if err != nil {
				t.Fatal(err)
			}
			st.Infos = append(st.Infos, canon.Of(t, rev.Info))
			st.Payloads = append(st.Payloads, string(rev.Data))
		}
		out[string(meta.ResourceID)] = st
	}
	return out
}

// wantState puts the golden form in the same shape, revisions in our order.
func wantState(t *testing.T, resources []goldenResource) map[string]state {
	t.Helper()
	out := map[string]state{}
	for _, r := range resources {
		st := state{Meta: canon.Of(t, r.Meta)}
		revs := slices.Clone(r.Revisions)
		slices.SortStableFunc(revs, func(a, b goldenRevision) int { return a.id().Compare(b.id()) })
		for _, rev := range revs {
			st.Infos = append(st.Infos, canon.Of(t, rev.Info))
			st.Payloads = append(st.Payloads, string(rev.payload()))
		}
		out[r.Meta["resource_id"].(string)] = st
	}
	return out
}

func checkState(t *testing.T, s *store, want goldenState) {
	t.Helper()
	for model, m := range want {
		if diff := cmp.Diff(wantState(t, m.Resources), stateOf(t, s, model)); diff != "" {
			t.Errorf("model %s (-original +ours):\n%s", model, diff)
		}
	}
}

func checkBlobs(t *testing.T, s *store, want map[string]goldenBlob) {
	t.Helper()
	n := 0
	for info, err := range s.blobs.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		w, ok := want[info.FileID]
		if !ok {
			t.Errorf("blob %s is one too many", info.FileID)
			continue
		}
		r, _, err := s.blobs.Open(t.Context(), info.FileID)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil || r.Close() != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(data, w.Data) || w.ContentType != nil && info.ContentType.Or("") != *w.ContentType {
			t.Errorf("blob %s: %d bytes of type %s, want %d of %v", info.FileID, len(data), info.ContentType, len(w.Data), *w.ContentType)
		}
	}
	if n != len(want) {
		t.Errorf("%d blobs, want %d", n, len(want))
	}
}

func TestLoadedStateIsThatOfTheOriginal(t *testing.T) {
	want := golden[goldenStore](t, "small.expected.json")
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		stats := s.load(t, testdata(t, "small.acbak"), manager.LoadOptions{})
		checkState(t, s, want.Models)
		checkBlobs(t, s, want.Blobs)
		for model, m := range want.Models {
			got := stats[model]
			n := int64(len(m.Resources))
			if got.Loaded != n || got.Total != n || got.Skipped != 0 {
				t.Errorf("%s: %+v, want %d loaded", model, got, n)
			}
			if enc := s.open(t, model).Info().Encoding; enc != m.Encoding {
				t.Errorf("%s is taken for %s, want %s", model, enc, m.Encoding)
			}
		}
		f, err := s.Verify(t.Context())
		if err != nil || !f.OK || len(f.Notes) != 0 {
			t.Errorf("verify: %+v, %v", f, err)
		}
	})
}

// reorder puts the records of an archive in the order of our dumps: models,
// resources and blobs by name, revisions by number.
func reorder(t *testing.T, recs []archive.Record) []archive.Record {
	t.Helper()
	type group struct {
		meta archive.Record
		revs []archive.Record
	}
	sections := map[string]map[resource.ID]*group{}
	blobs := map[string]map[string]archive.Record{}
	model := ""
	at := func(id resource.ID) *group {
		if sections[model][id] == nil {
			sections[model][id] = &group{}
		}
		return sections[model][id]
	}
	for _, rec := range recs {
		switch rec := rec.(type) {
		case archive.ModelStart:
			model = rec.Model
			sections[model], blobs[model] = map[resource.ID]*group{}, map[string]archive.Record{}
		case archive.Meta:
			at(rec.Meta.ResourceID).meta = rec
		case archive.Revision:
			g := at(rec.Revision.Info.ResourceID)
			g.revs = append(g.revs, rec)
		case archive.Blob:
			blobs[model][rec.FileID] = rec
		}
	}
	out := []archive.Record{archive.Header{Version: archive.Version}}
	for _, model := range sortedKeys(sections) {
		out = append(out, archive.ModelStart{Model: model})
		for _, id := range sortedKeys(sections[model]) {
			g := sections[model][id]
			slices.SortStableFunc(g.revs, func(a, b archive.Record) int {
				return a.(archive.Revision).Revision.Info.RevisionID.Compare(b.(archive.Revision).Revision.Info.RevisionID)
			})
			out = append(append(out, g.meta), g.revs...)
		}
		for _, id := range sortedKeys(blobs[model]) {
			out = append(out, blobs[model][id])
		}
		out = append(out, archive.ModelEnd{Model: model})
	}
	return append(out, archive.EOF{})
}

func sortedKeys[K ~string, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestDumpOfALoadHasTheBytesOfTheArchive(t *testing.T) {
	for _, name := range []string{"small.acbak", "person_only.acbak", "person_age_gt_30.acbak", "nul_in_indexed.acbak", "small_0.8.5.acbak", "big_2000.acbak.gz"} {
		t.Run(name, func(t *testing.T) {
			in := testdata(t, name)
			want := encodeArchive(t, reorder(t, records(t, in)))
			eachStore(t, func(t *testing.T, open opener) {
				s := open(t)
				s.load(t, in, manager.LoadOptions{})
				got := s.dumpAll(t)
				if !bytes.Equal(got, want) {
					t.Fatal("the dump has other bytes")
				}
				if again := s.dumpAll(t); !bytes.Equal(again, got) {
					t.Fatal("a second dump differs")
				}
				other := open(t)
				other.load(t, got, manager.LoadOptions{})
				if third := other.dumpAll(t); !bytes.Equal(third, got) {
					t.Fatal("the dump of a load of the dump differs")
				}
			})
		})
	}
}

func TestALargeArchiveIsLoadedAsAWhole(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		got := s.load(t, testdata(t, "big_2000.acbak.gz"), manager.LoadOptions{})
		if st := got["item"]; st.Loaded != 2000 || st.Revisions != 3999 {
			t.Fatalf("%+v, want 2000 resources with 3999 revisions", got)
		}
		stats, err := s.open(t, "item").Stats(t.Context())
		if err != nil || stats != (manager.Stats{Stats: storage.Stats{Metas: 2000}, Revisions: 3999}) {
			t.Fatalf("%+v, %v", stats, err)
		}
	})
}
