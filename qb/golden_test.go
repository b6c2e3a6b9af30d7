package qb_test

import (
	"compress/gzip"
	"encoding/json"
	"iter"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// goldenQuery is a query with the answers of the original's stores.
type goldenQuery struct {
	Name    string
	Query   json.RawMessage
	Ordered bool
	Results map[string]json.RawMessage
}

type goldenResult struct {
	IDs   []resource.ID
	Error string
}

// result returns what a store answered, following "same as memory".
func (q goldenQuery) result(t *testing.T, store string) goldenResult {
	t.Helper()
	raw := q.Results[store]
	if string(raw) == `"same as memory"` {
		raw = q.Results["memory"]
	}
	var r goldenResult
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// answeredBySQLite are the queries for which the original's memory store looks
// at the marker of an unset rev_* field as if it were a value, or fails. For us
// the field is unset: comparisons with it are unknown, and is_null and isna see
// it, as the original's SQL stores do.
var answeredBySQLite = []string{
	"rev_status_is_null_false", "rev_status_isna_true", "rev_created_time_gte", "rev_created_time_lt",
	"rev_created_by_regex",
}

func TestGoldenQueries(t *testing.T) {
	metas := goldenMetas(t)
	for _, g := range goldenQueries(t) {
		t.Run(g.Name, func(t *testing.T) {
			store := "memory"
			if slices.Contains(answeredBySQLite, g.Name) {
				store = "sqlite"
			}
			want := g.result(t, store)
			if want.Error != "" {
				t.Fatalf("the original failed with %s: the query needs a rule of ours", want.Error)
			}
			q, err := qb.ParseQuery(g.Query)
			if err != nil {
				t.Fatal(err)
			}
			got := ids(t, qb.Select(all(metas), q))
			if !g.Ordered {
				slices.Sort(got)
				slices.Sort(want.IDs)
			}
			if diff := cmp.Diff(want.IDs, got); diff != "" && len(want.IDs)+len(got) > 0 {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
		})
	}
}

func goldenQueries(t *testing.T) []goldenQuery {
	t.Helper()
	f, err := os.Open("testdata/queries.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var golden struct{ Queries []goldenQuery }
	if err := json.NewDecoder(z).Decode(&golden); err != nil {
		t.Fatal(err)
	}
	return golden.Queries
}

func goldenMetas(t *testing.T) []resource.Meta {
	t.Helper()
	b, err := os.ReadFile("testdata/queries_dataset.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(b, &rows); err != nil {
		t.Fatal(err)
	}
	metas := make([]resource.Meta, len(rows))
	for i, row := range rows {
		if metas[i], err = resource.DecodeMeta(resource.JSON, row); err != nil {
			t.Fatal(err)
		}
	}
	return metas
}

func all(metas []resource.Meta) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		for _, m := range metas {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func ids(t *testing.T, found iter.Seq2[resource.Meta, error]) []resource.ID {
	t.Helper()
	var out []resource.ID
	for m, err := range found {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m.ResourceID)
	}
	return out
}
