package s3

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// golden is an object that the original wrote.
type golden struct {
	Key         string `json:"key"`
	ContentType string `json:"content_type"`
	Body        []byte `json:"body_b64"`
}

func readGolden(t *testing.T) []golden {
	t.Helper()
	b, err := os.ReadFile("testdata/layout.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []golden
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// putGolden makes the bucket what the original left.
func putGolden(t *testing.T, s *Store) (all map[string]string) {
	t.Helper()
	all = map[string]string{}
	for _, g := range readGolden(t) {
		o := object{key: g.Key, body: bytesBody(g.Body), contentType: g.ContentType}
		if err := s.put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		all[g.Key] = string(g.Body)
	}
	return all
}

// TestLayoutIsTheOriginals reads what the original wrote, writes the same into an
// empty bucket, and compares all keys and bytes.
func TestLayoutIsTheOriginals(t *testing.T) {
	from, _ := newStore(t)
	want := putGolden(t, from)
	maps.DeleteFunc(want, func(key, _ string) bool { return strings.HasPrefix(key, blobsDir) })
	to, _ := newStore(t)
	names, err := from.Revisions(LayoutPostgresS3).Models(t.Context())
	if err != nil || !slices.Equal(names, []string{"document", "person", "sales-order"}) {
		t.Fatalf("models are %q (%v)", names, err)
	}
	for _, name := range names {
		copyModel(t, from.Revisions(LayoutPostgresS3).Model(name), to.Revisions(LayoutPostgresS3).Model(name))
	}
	if diff := cmp.Diff(want, objects(t, to)); diff != "" {
		t.Errorf("the objects differ (-original +ours):\n%s", diff)
	}
	f, err := to.head(t.Context(), "person/data/resources/resource/person:p1/person:p1:1/no_ver/uid")
	if err != nil || f.contentType != "" && f.contentType != unsetType {
		t.Errorf("an entry has content type %q (%v), want that of an object without any", f.contentType, err)
	}
}

// copyModel copies contents and entries, in the order of a writer.
func copyModel(t *testing.T, from, to storage.ModelMedium) {
	t.Helper()
	var uids []string
	for c, err := range from.Contents(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		uids = append(uids, c.UID)
	}
	contents, err := from.Read(t.Context(), uids)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range contents {
		info, err := resource.DecodeRevisionInfo(resource.Msgpack, c.Info)
		if err != nil || info.UID.String() != c.UID || info.DataHash.Or("") != resource.DataHash(c.Data) {
			t.Errorf("content %s has info %+v (%v)", c.UID, info, err)
		}
	}
	done, err := to.Put(t.Context(), contents)
	if err != nil || slices.Contains(done, false) {
		t.Fatalf("put gives %v (%v)", done, err)
	}
	var entries []storage.Entry
	for e, err := range from.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	owners, err := to.Claim(t.Context(), entries)
	for i, e := range entries {
		if err != nil || owners[i] != e.UID {
			t.Fatalf("claim of %+v gives %v (%v)", e, owners, err)
		}
	}
}
