package s3

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// foundKeys are the keys that are found for ids, as lines, without following them.
func foundKeys(t *testing.T, m *modelRevisions, ids []resource.ID) (lines []string) {
	t.Helper()
	for g, err := range m.groups(t.Context(), slices.Values(ids)) {
		if err != nil {
			t.Fatal(err)
		}
		keys, err := m.keysOf(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(keys, order.Keys)
		lines = append(lines, lineOf(g.id, keys))
	}
	return lines
}

func lineOf(id resource.ID, keys []resource.RevisionKey) string {
	line := fmt.Sprintf("%q:", id)
	for _, k := range keys {
		line += fmt.Sprintf(" %s %v,", k.Revision, k.SchemaVersion)
	}
	return line
}

// TestEntriesAreListedInRanges counts the listings, and looks at what they are of.
func TestEntriesAreListedInRanges(t *testing.T) {
	f := startFake(t)
	s := openFake(t, f.direct())
	m := s.Revisions(LayoutPostgresS3).Model("person").(*modelRevisions)
	var ids []resource.ID
	var want []string
	const revisions = 2
	for i := range 5000 {
		id := resource.ID(fmt.Sprintf("person:%05d", i))
		var keys []resource.RevisionKey
		for n := 1; n <= revisions; n++ {
			k := key(string(id), n)
			name, err := m.entryKey(k)
			if err != nil {
				t.Fatal(err)
			}
			f.Put("bucket", name, []byte("uid"))
			keys = append(keys, k)
		}
		ids, want = append(ids, id), append(want, lineOf(id, keys))
	}
	for _, c := range []struct {
		name string
		step int // one of so many is wanted
		from int
		call int // as many at a time
		most int // listings
	}{
		{"all", 1, 0, 5000, 5000*revisions/1000 + 6},
		{"the second half", 1, 2500, 2500, 2500*revisions/1000 + 4},
		{"the second half, as a dump asks", 1, 2500, 500, 2500*revisions/1000 + 6},
		{"every fifth", 5, 0, 5000, 5000*revisions/1000 + 4},
		{"few that are far apart", 500, 0, 5000, 12},
		{"many that are far apart", 250, 0, 5000, 22},
		{"one", 5000, 0, 5000, 1},
	} {
		var some []resource.ID
		var lines []string
		for i := c.from; i < len(ids); i += c.step {
			some, lines = append(some, ids[i]), append(lines, want[i])
		}
		f.ResetCounts()
		var got []string
		for part := range slices.Chunk(some, c.call) {
			got = append(got, foundKeys(t, m, part)...)
		}
		if !slices.Equal(got, lines) {
			t.Errorf("%s: other entries were found", c.name)
		}
		counts := f.Counts()
		if counts[s3test.ListObjectsV2] > c.most || len(counts) != 1 {
			t.Errorf("%s: requests are %v, want at most %d listings", c.name, counts, c.most)
		}
	}
	f.ResetCounts()
	empty := s.Revisions(LayoutPostgresS3).Model("nobody").(*modelRevisions)
	if got := foundKeys(t, empty, ids[:500]); len(got) != 500 || f.Counts()[s3test.ListObjectsV2] != 1 {
		t.Errorf("500 resources of an empty model are %d, by %v", len(got), f.Counts())
	}
}

// TestEntriesOfOneModelListNoOther puts models around another one.
func TestEntriesOfOneModelListNoOther(t *testing.T) {
	s, f := newStore(t)
	var ids []resource.ID
	for i := range 20 {
		ids = append(ids, resource.ID(fmt.Sprint("p", i)))
	}
	for _, model := range []string{"perso", "person", "person!", "persons"} {
		for _, id := range ids {
			f.Put("bucket", model+"/data/resources/resource/"+string(id)+"/"+string(id)+":1/no_ver/uid", []byte("uid of "+model))
		}
	}
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		q := r.URL.Query()
		if q.Has("list-type") && !strings.HasPrefix(q.Get("prefix"), "person/data/resources/resource/") {
			t.Errorf("it lists %q", q.Get("prefix"))
		}
		next.ServeHTTP(w, r)
	})
	entries := collect(t, s.Revisions(LayoutPostgresS3).Model("person").Entries(t.Context(), slices.Values(ids)))
	for i, e := range entries {
		if e.Key != key(string(ids[i]), 1) || e.UID != "uid of person" {
			t.Errorf("entry %d is %+v", i, e)
		}
	}
	if len(entries) != len(ids) {
		t.Errorf("there are %d entries, want %d", len(entries), len(ids))
	}
}

// listing answers listings as services do that differ in it.
type listing struct {
	compare func(a, b string) int
	page    int
	noAfter bool // it knows no StartAfter
}

func (l listing) through(f *fake) func(w http.ResponseWriter, r *http.Request, next http.Handler) {
	type content struct{ Key string }
	type result struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string `xml:",omitempty"`
		Contents              []content
	}
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		q := r.URL.Query()
		if !q.Has("list-type") {
			next.ServeHTTP(w, r)
			return
		}
		after, from, _ := strings.Cut(q.Get("continuation-token"), "\n")
		if from == "" {
			after, from = q.Get("start-after"), "0"
		}
		keys := f.Keys("bucket")
		slices.SortFunc(keys, l.compare)
		keys = slices.DeleteFunc(keys, func(k string) bool {
			return !strings.HasPrefix(k, q.Get("prefix")) || k <= after && !l.noAfter
		})
		var out result
		i, _ := strconv.Atoi(from)
		for ; i < len(keys) && len(out.Contents) < l.page; i++ {
			out.Contents = append(out.Contents, content{keys[i]})
		}
		if out.IsTruncated = i < len(keys); out.IsTruncated {
			out.NextContinuationToken = after + "\n" + strconv.Itoa(i)
		}
		w.Header().Set("Content-Type", "application/xml")
		_ = xml.NewEncoder(w).Encode(out)
	}
}

// byParts is the order of a walk through directories.
func byParts(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }

// TestEntriesOfAnyIDs compares with a map, for ids that are beginnings of others and
// characters that come before the "/" behind them.
func TestEntriesOfAnyIDs(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 5))
		s, f := newStore(t)
		m := s.Revisions(LayoutS3).Model("m").(*modelRevisions)
		l := listing{compare: cmp.Compare[string], page: 1 + r.IntN(60), noAfter: seed%5 == 4}
		if seed%2 == 1 {
			l.compare = byParts
		}
		f.on(l.through(f))
		there := map[resource.ID][]resource.RevisionKey{}
		for range 1 + r.IntN(80) {
			id := randomID(r)
			if there[id] != nil {
				continue
			}
			for n := 1; n <= 1+r.IntN(12)/3; n++ {
				k := key(string(id), n)
				if r.IntN(3) == 0 {
					k.SchemaVersion = opt.Of("2")
				}
				there[id] = append(there[id], k)
				name, err := m.entryKey(k)
				if err != nil {
					t.Fatal(err)
				}
				f.Put("bucket", name, []byte("u"))
			}
		}
		share := 1 + r.IntN(6)
		var ids []resource.ID
		for id := range there {
			if r.IntN(share) == 0 {
				ids = append(ids, id)
			}
		}
		for range r.IntN(6) {
			ids = append(ids, randomID(r)) // more often than not none, or one a second time
		}
		if slices.Sort(ids); r.IntN(3) == 0 {
			r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		}
		var want []string
		for _, id := range ids {
			want = append(want, lineOf(id, there[id]))
		}
		if got := foundKeys(t, m, ids); !slices.Equal(got, want) {
			t.Errorf("seed %d: found\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func randomID(r *rand.Rand) resource.ID {
	const letters = "aab-.!~ 0:é\U0001F600"
	all := []rune(letters)
	id := "a"
	for range r.IntN(4) {
		id += string(all[r.IntN(len(all))])
	}
	return resource.ID(id)
}

// TestHeldKeysAreBounded lets the first id's keys come last.
func TestHeldKeysAreBounded(t *testing.T) {
	f := startFake(t)
	m := openFake(t, f.direct()).Revisions(LayoutS3).Model("m").(*modelRevisions)
	ids := []resource.ID{"a"}
	for i := range 12 {
		ids = append(ids, resource.ID(fmt.Sprintf("a-%02d", i)))
	}
	const each = 2000
	for _, id := range ids {
		for n := range each {
			f.Put("bucket", m.index+string(id)+"/"+string(id.Revision(n+1))+"/no_ver/uid", []byte("u"))
		}
	}
	s := m.scan(ids)
	for _, id := range ids {
		g, err := s.next(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if g.alone != (id == "a") || g.known && len(g.keys) != each || s.held > scanHeld+1000 {
			t.Errorf("%s: alone %v, %d keys, while %d are held", id, g.alone, len(g.keys), s.held)
		}
	}
}
