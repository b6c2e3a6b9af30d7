package outer

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// contentMedium is a medium in memory with entries and contents.
type contentMedium struct {
	keyMedium
	contents map[string]storage.Content
	replaced []string // uids, as they were replaced
}

func newContentMedium() *contentMedium {
	return &contentMedium{
		keyMedium: keyMedium{leads: map[resource.RevisionKey]string{}, claiming: func(context.Context) error { return nil }},
		contents:  map[string]storage.Content{},
	}
}

func (m *contentMedium) Put(_ context.Context, contents []storage.Content) ([]bool, error) {
	stored := make([]bool, len(contents))
	for i, c := range contents {
		if _, taken := m.contents[c.UID]; !taken {
			m.contents[c.UID], stored[i] = c, true
		}
	}
	return stored, nil
}

func (m *contentMedium) Replace(_ context.Context, contents []storage.Content) error {
	for _, c := range contents {
		m.contents[c.UID] = c
		m.replaced = append(m.replaced, c.UID)
	}
	return nil
}

func (m *contentMedium) Point(_ context.Context, entries []storage.Entry) error {
	for _, e := range entries {
		m.leads[e.Key] = e.UID
	}
	return nil
}

func (m *contentMedium) Entries(_ context.Context, ids iter.Seq[resource.ID]) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		for id := range ids {
			for _, k := range slices.SortedFunc(maps.Keys(m.leads), func(a, b resource.RevisionKey) int { return a.Revision.Compare(b.Revision) }) {
				if k.Resource == id && !yield(storage.Entry{Key: k, UID: m.leads[k]}, nil) {
					return
				}
			}
		}
	}
}

func (m *contentMedium) RemoveContents(_ context.Context, uids []string) error {
	for _, uid := range uids {
		delete(m.contents, uid)
	}
	return nil
}

// holds fails the test unless keys lead to these uids and nothing else is there.
func (m *contentMedium) holds(t *testing.T, leads map[string]string) {
	t.Helper()
	want, used := map[resource.RevisionKey]string{}, map[string]bool{}
	for r, uid := range leads {
		want[keyOf(r)], used[uid] = uid, true
	}
	if !maps.Equal(m.leads, want) {
		t.Errorf("keys lead to %v, want %v", m.leads, want)
	}
	if got := slices.Sorted(maps.Keys(m.contents)); !slices.Equal(got, slices.Sorted(maps.Keys(used))) {
		t.Errorf("the contents are %v, want %v", got, slices.Sorted(maps.Keys(used)))
	}
}

func (m *contentMedium) have(r, uid string) {
	m.leads[keyOf(r)] = uid
	m.contents[uid] = storage.Content{UID: uid, Info: []byte("{}"), Data: []byte("before")}
}

// Staged contents are found when they are published, also under keys that a resource
// whose meta was removed has left.
func TestPublishTakesKeysOver(t *testing.T) {
	m := newContentMedium()
	m.have("a:1", "left")
	for _, uid := range []string{"new 1", "new 2"} {
		m.contents[uid] = storage.Content{UID: uid}
	}
	entries := []storage.Entry{{Key: keyOf("a:1"), UID: "new 1"}, {Key: keyOf("a:2"), UID: "new 2"}}
	for range 2 { // whoever died in between does it again
		if err := Publish(t.Context(), m, entries); err != nil {
			t.Fatal(err)
		}
		if m.leads[keyOf("a:1")] != "new 1" || m.leads[keyOf("a:2")] != "new 2" {
			t.Errorf("keys lead to %v", m.leads)
		}
	}
	cut := errors.New("cut")
	m.claiming = func(context.Context) error { return cut }
	if err := Publish(t.Context(), m, entries); !errors.Is(err, cut) {
		t.Errorf("publish over a medium that is cut: %v", err)
	}
}

// A purge leaves nothing but what the unit of work itself writes.
func TestPurgeLeavesWhatIsWritten(t *testing.T) {
	m := newContentMedium()
	m.have("a:1", "one")
	m.have("a:2", "two")
	m.have("a:3", "two") // shares its content
	p, err := FindPurged(t.Context(), m, []resource.ID{"a"}, map[resource.RevisionKey]string{keyOf("a:1"): "anew"})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Entries) != 2 || !slices.Equal(p.UIDs, []string{"one", "two"}) {
		t.Fatalf("found %+v", p)
	}
	m.have("a:1", "anew")
	m.leads[keyOf("a:2")] = "of another" // made since, by somebody else
	m.contents["of another"] = storage.Content{UID: "of another"}
	if err := p.Remove(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	m.holds(t, map[string]string{"a:1": "anew", "a:2": "of another"})
	if err := Purge(t.Context(), m, []resource.ID{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	m.holds(t, nil)
}

// revisionOf is a revision of resource a whose uid follows from its number, as that of a
// job does.
func revisionOf(n int, data string) resource.Revision {
	at := time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	id := resource.ID("a")
	return resource.Revision{Data: []byte(data), Info: resource.RevisionInfo{
		UID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(id.Revision(n))), ResourceID: id, RevisionID: id.Revision(n),
		Status: resource.Stable, CreatedTime: at, UpdatedTime: at, CreatedBy: "u", UpdatedBy: "u",
	}}
}

func newWriter(m *contentMedium, adopts bool) *Writer {
	return NewWriter(Config{
		Medium: m, Model: "note", Infos: resource.JSON, Mine: map[string]storage.Content{}, Adopts: adopts,
		Check: func(*resource.RevisionInfo) error { return nil },
	})
}

func everythingIsNew(resource.RevisionKey) bool { return true }

// A job that is done again, because its worker died before the commit, takes over what
// it has put and claimed: no number is burned and no content left behind.
func TestWriterAdoptsWhatTheSameJobLeft(t *testing.T) {
	m := newContentMedium()
	uid := revisionOf(1, "").Info.UID.String()
	died := newWriter(m, true)
	if err := died.Put(t.Context(), []resource.Revision{revisionOf(1, "first")}, everythingIsNew); err != nil {
		t.Fatal(err)
	}
	if err := died.Claim(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := newWriter(m, true)
	if err := again.Put(t.Context(), []resource.Revision{revisionOf(1, "again")}, everythingIsNew); err != nil {
		t.Fatal(err)
	}
	if err := again.Claim(t.Context()); err != nil {
		t.Fatalf("the own number is taken: %v", err)
	}
	m.holds(t, map[string]string{"a:1": uid})
	if !slices.Equal(m.replaced, []string{uid}) || string(m.contents[uid].Data) != "again" {
		t.Errorf("replaced %v, the content is %q", m.replaced, m.contents[uid].Data)
	}
}

// What has the uid but not the key is somebody else's, and so is everything for a
// writer that stages: the content gets another uid.
func TestWriterAdoptsNothingElse(t *testing.T) {
	uid := revisionOf(1, "").Info.UID.String()
	for what, tc := range map[string]struct {
		adopts bool
		leads  string // the key that leads to the uid
	}{
		"staged":             {false, "a:1"},
		"under another key":  {true, "b:1"},
		"without any key":    {true, ""},
		"staged without key": {false, ""},
	} {
		m := newContentMedium()
		m.contents[uid] = storage.Content{UID: uid, Info: []byte("{}"), Data: []byte("before")}
		if tc.leads != "" {
			m.leads[keyOf(tc.leads)] = uid
		}
		w := newWriter(m, tc.adopts)
		if err := w.Put(t.Context(), []resource.Revision{revisionOf(1, "mine")}, everythingIsNew); err != nil {
			t.Fatal(err)
		}
		if string(m.contents[uid].Data) != "before" || len(m.contents) != 2 {
			t.Errorf("%s: the contents are %v", what, m.contents)
		}
		if len(w.Claims()) != 1 || w.Claims()[0].UID == uid {
			t.Errorf("%s: claims are %v", what, w.Claims())
		}
		err := w.Claim(t.Context())
		if taken := errors.Is(err, ErrTaken); taken != (tc.leads == "a:1") {
			t.Errorf("%s: claim gives %v", what, err)
		}
	}
}

// Records that cannot be stored are named together, before anything is.
func TestPutNamesAllThatCannotBeStored(t *testing.T) {
	m := newContentMedium()
	w := newWriter(m, true)
	w.c.Check = func(i *resource.RevisionInfo) error {
		if i.RevisionID == "a:2" {
			return nil
		}
		return &storage.RecordError{Model: "note", ID: i.ResourceID, Reason: "it is bad"}
	}
	err := w.Put(t.Context(), []resource.Revision{revisionOf(1, ""), revisionOf(2, ""), revisionOf(3, "")}, everythingIsNew)
	if bad, ok := errors.AsType[*storage.RecordError](err); !ok || len(bad.More) != 1 || len(m.contents) != 0 {
		t.Errorf("put gives %v and stores %v", err, m.contents)
	}
}
