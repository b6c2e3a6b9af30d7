package s3

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestNamesThatNoKeyCanHold(t *testing.T) {
	s, f := newStore(t)
	before := f.requests.Load()
	r := s.Revisions(LayoutPostgresS3)
	for _, bad := range []string{"", ".", "..", "a/b", "/", "nul\x00", "line\nfeed", "\x7f", "\xff", "￾", strings.Repeat("x", 1100)} {
		ids := []resource.RevisionKey{
			{Resource: resource.ID(bad), Revision: "r:1"},
			{Resource: "r", Revision: resource.RevisionID(bad)},
		}
		if bad == "a/b" || bad == "nul\x00" {
			ids = append(ids, resource.RevisionKey{Resource: "r", Revision: "r:1", SchemaVersion: opt.Of(bad)})
		}
		for _, k := range ids {
			_, err := r.Model("person").Claim(t.Context(), []storage.Entry{{Key: k, UID: "u"}})
			refused(t, bad, err)
			_, err = r.Model("person").Lookup(t.Context(), []resource.RevisionKey{k})
			refused(t, bad, err)
		}
		_, err := r.Model("person").Put(t.Context(), []storage.Content{{UID: bad}})
		refused(t, bad, err)
		_, err = r.Model(bad).Read(t.Context(), []string{"u"})
		refused(t, bad, err)
		for _, err := range r.Model("person").Entries(t.Context(), slices.Values([]resource.ID{resource.ID(bad)})) {
			refused(t, bad, err)
		}
	}
	for _, ours := range []string{"blobs", "_probe"} {
		_, err := r.Model(ours).Read(t.Context(), []string{"u"})
		refused(t, ours, err)
	}
	if n := f.requests.Load() - before; n != 0 {
		t.Errorf("%d requests were sent for names that were refused", n)
	}
	odd := []string{"person:p1", "a b+c%2F?x#y&z=1", "é😀", `back\slash`, "...", "-", "*'\"<>", "a."}
	for _, id := range odd {
		owner, err := r.Model("person").Claim(t.Context(), []storage.Entry{{Key: key(id, 1), UID: "u"}})
		if err != nil || owner[0] != "u" {
			t.Errorf("claim of id %q gives %q (%v)", id, owner, err)
		}
		got := collect(t, r.Model("person").Entries(t.Context(), slices.Values([]resource.ID{resource.ID(id)})))
		if len(got) != 1 || got[0].Key != key(id, 1) {
			t.Errorf("entries of id %q are %+v", id, got)
		}
	}
	if got := collect(t, r.Model("person").All(t.Context())); len(got) != len(odd) {
		t.Errorf("all entries are %+v, want one for each of %q", got, odd)
	}
}

// refused checks that an error says which name cannot be.
func refused(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, storage.ErrUnusableName) {
		t.Errorf("name %.20q gives %v, want %v", name, err, storage.ErrUnusableName)
		return
	}
	if len(name) < 100 && !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
		t.Errorf("the error does not name %q: %v", name, err)
	}
}
