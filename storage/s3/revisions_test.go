package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func key(id string, n int) resource.RevisionKey {
	return resource.RevisionKey{Resource: resource.ID(id), Revision: resource.ID(id).Revision(n)}
}

// collect returns what a sequence yields.
func collect[V any](t *testing.T, seq iter.Seq2[V, error]) (all []V) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func TestOneOfManyClaimsWins(t *testing.T) {
	s, _ := newStore(t)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	if !s.Exclusive() {
		t.Fatal("the fake has conditional writes and the store does not know")
	}
	const claims = 16
	owners := make([]string, claims)
	var all sync.WaitGroup
	for i := range claims {
		all.Go(func() {
			got, err := m.Claim(t.Context(), []storage.Entry{{Key: key("p", 1), UID: fmt.Sprint("uid-", i)}})
			if err != nil {
				t.Error(err)
				return
			}
			owners[i] = got[0]
		})
	}
	all.Wait()
	uid, err := m.Lookup(t.Context(), []resource.RevisionKey{key("p", 1), key("p", 2)})
	if err != nil || uid[0] == "" || uid[1] != "" {
		t.Fatalf("lookup gives %q (%v)", uid, err)
	}
	for i, o := range owners {
		if o != uid[0] {
			t.Errorf("claim %d gives owner %q, want %q", i, o, uid[0])
		}
	}
}

func TestPutLeavesWhatIsThere(t *testing.T) {
	s, _ := newStore(t)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	put := func(info, data string) bool {
		t.Helper()
		done, err := m.Put(t.Context(), []storage.Content{{UID: "u", Info: []byte(info), Data: []byte(data)}})
		if err != nil {
			t.Fatal(err)
		}
		return done[0]
	}
	if !put("info", "data") {
		t.Error("a free uid was not taken")
	}
	for _, c := range [][2]string{{"info", "data"}, {"other", "data"}, {"info", "other"}} {
		if put(c[0], c[1]) {
			t.Errorf("put of %q overwrote a content", c)
		}
	}
	read, err := m.Read(t.Context(), []string{"none", "u"})
	if err != nil || read[0].Info != nil || string(read[1].Info) != "info" || string(read[1].Data) != "data" {
		t.Errorf("read gives %+v (%v)", read, err)
	}
	if err := m.Replace(t.Context(), []storage.Content{{UID: "u", Info: []byte("i2"), Data: []byte("d2")}}); err != nil {
		t.Fatal(err)
	}
	infos, err := m.Infos(t.Context(), []string{"u", "none"})
	if err != nil || string(infos[0]) != "i2" || infos[1] != nil {
		t.Errorf("infos are %q (%v)", infos, err)
	}
}

func TestHalfAContentIsTakenOver(t *testing.T) {
	s, _ := newStore(t)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	half := object{key: "person/data/resources/store/u/data", body: bytesBody([]byte("data"))}
	if err := s.put(t.Context(), half); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		data string
		want bool
	}{{"other", false}, {"data", true}, {"data", false}} {
		done, err := m.Put(t.Context(), []storage.Content{{UID: "u", Info: []byte("info"), Data: []byte(c.data)}})
		if err != nil || done[0] != c.want {
			t.Errorf("put of %q over half a content gives %v (%v), want %v", c.data, done, err, c.want)
		}
	}
	if c := collect(t, m.Contents(t.Context())); len(c) != 1 || c[0].Bytes != 8 || c[0].Time.IsZero() {
		t.Errorf("contents are %+v", c)
	}
	if err := s.remove(t.Context(), half.key); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Read(t.Context(), []string{"u"}); err == nil || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("an info without its data gives %v, want an error that says so", err)
	}
	if err := m.RemoveContents(t.Context(), []string{"u", "none"}); err != nil {
		t.Error(err)
	}
	if left := objects(t, s); len(left) != 0 {
		t.Errorf("left are %q", left)
	}
}

// TestEntriesComeByNumber lists more entries than a page has.
func TestEntriesComeByNumber(t *testing.T) {
	s, f := newStore(t)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	var want []storage.Entry
	const revisions = 1050
	for n := 1; n <= revisions; n++ {
		want = append(want, storage.Entry{Key: key("a", n), UID: fmt.Sprint("u", n)})
		if n%100 == 0 {
			k := key("a", n)
			for _, v := range []string{"", "10", "2"} {
				k.SchemaVersion = opt.Of(v)
				want = append(want, storage.Entry{Key: k, UID: fmt.Sprint("v", n, v)})
			}
		}
	}
	// Resources whose ids the key of another begins with.
	others := []storage.Entry{{Key: key("a!", 1), UID: "x"}, {Key: key("aa", 1), UID: "y"}}
	if err := m.Point(t.Context(), append(slices.Clone(others), want...)); err != nil {
		t.Fatal(err)
	}
	ids := slices.Values([]resource.ID{"none", "aa", "a", "a!"})
	got := collect(t, m.Entries(t.Context(), ids))
	all := slices.Concat([]storage.Entry{others[1]}, want, []storage.Entry{others[0]})
	if !slices.Equal(got, all) {
		t.Errorf("entries are %d, beginning with %+v", len(got), got[:5])
	}
	if got := collect(t, m.All(t.Context())); !slices.Equal(got, slices.Concat(others[:1], want, others[1:])) {
		t.Errorf("all entries are %d, want %d in the order of a listing", len(got), len(all))
	}
	before := f.requests.Load()
	if got := collect(t, m.Entries(t.Context(), slices.Values([]resource.ID{"aa"}))); len(got) != 1 || f.requests.Load()-before != 2 {
		t.Errorf("entries of one resource are %+v and took %d requests, want 2", got, f.requests.Load()-before)
	}
	if err := m.RemoveEntries(t.Context(), []resource.RevisionKey{key("a", 1), key("none", 1)}); err != nil {
		t.Error(err)
	}
	for e, err := range m.Entries(t.Context(), slices.Values([]resource.ID{"a"})) {
		if err != nil || e.Key != key("a", 2) {
			t.Errorf("the first entry is %+v (%v)", e, err)
		}
		break
	}
}

func TestReadersEnd(t *testing.T) {
	s, f := newStore(t)
	m := s.Revisions(LayoutPostgresS3).Model("person")
	ctx, cancel := context.WithCancel(t.Context())
	f.on(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		cancel()
		<-r.Context().Done()
	})
	var got error
	for _, err := range m.Entries(ctx, slices.Values([]resource.ID{"a", "b"})) {
		got = err
	}
	if !errors.Is(got, context.Canceled) {
		t.Errorf("entries end with %v, want %v", got, context.Canceled)
	}
	if _, err := m.Put(ctx, []storage.Content{{UID: "u"}}); !errors.Is(err, context.Canceled) {
		t.Errorf("put ends with %v, want %v", err, context.Canceled)
	}
}
