package manager_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// searched returns the ids that a query selects, joined.
func searched(t *testing.T, m *manager.Manager, q qb.Query) string {
	t.Helper()
	var found []string
	for meta, err := range m.Search(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, strings.TrimPrefix(string(meta.ResourceID), "doc:"))
	}
	return strings.Join(found, " ")
}

// TestIndexedValuesAreFound: values that stores of the original trip over are
// stored, and found by what they are.
func TestIndexedValuesAreFound(t *testing.T) {
	const yaml = `
name: doc
fields:
  - {name: at, type: "datetime | null", default: null}
  - {name: day, type: "date | null", default: null}
  - {name: price, type: "decimal | null", default: null}
  - {name: ref, type: "uuid | null", default: null}
  - {name: text, type: "str | null", default: null}
indexed_fields: [at, day, price, ref, text]
`
	eachStore(t, func(t *testing.T, open opener) {
		m := declareYAML(t, open(t), yaml)
		for id, data := range map[resource.ID]string{
			"doc:at":    `{"at":"2024-05-01T12:00:00Z"}`,
			"doc:day":   `{"day":"2024-05-01"}`,
			"doc:price": `{"price":"19.990"}`,
			"doc:ref":   `{"ref":"00000000-0000-4000-8000-000000000001"}`,
			"doc:nul":   `{"text":"a\u0000b"}`,
			"doc:plain": `{"text":"a"}`,
		} {
			if _, err := m.Create(t.Context(), op("", id, data, "ann", 0)); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			c    qb.Cond
			want string
		}{
			{qb.Data("day").Eq("2024-05-01"), "day"},
			{qb.Data("price").Eq("19.990"), "price"},
			{qb.Data("ref").Eq("00000000-0000-4000-8000-000000000001"), "ref"},
			{qb.Data("text").Eq("a\x00b"), "nul"},
			{qb.Data("text").StartsWith("a"), "nul plain"},
			{qb.Data("text").Contains("\x00"), "nul"},
		} {
			if got := searched(t, m, qb.Where(tc.c)); got != tc.want {
				t.Errorf("%v finds %q, want %q", tc.c, got, tc.want)
			}
		}
		if got := searched(t, m, qb.Where(qb.Data("at").IsNull(false))); got != "at" {
			t.Errorf("a time is found as %q", got)
		}
	})
}

// TestEdgesOfQueries are the rules where the stores of the original differ among
// themselves or surprise: here every store follows the same ones.
func TestEdgesOfQueries(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		m := declare(t, open(t), storage.ModelInfo{Name: "doc", IndexedPaths: []string{"s"}})
		for i, s := range []string{"100%", "100x", "Eve", "eve", "a_b", "acb"} {
			if _, err := m.Create(t.Context(), op("", resource.ID(fmt.Sprintf("doc:%d", i)), fmt.Sprintf(`{"s":%q}`, s), "ann", i)); err != nil {
				t.Fatal(err)
			}
		}
		for _, o := range []manager.Operation{
			op(manager.OpUpdate, "doc:4", `{"s":"a_b","more":1}`, "ann", 10), op(manager.OpDelete, "doc:5", "", "ann", 11),
		} {
			if out, err := m.SaveMany(t.Context(), []manager.Operation{o}); err != nil || out[0].Code != "" {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		f := qb.Data("s")
		for name, tc := range map[string]struct {
			q    qb.Query
			want string
		}{
			"a percent sign is itself":          {qb.Where(f.Contains("0%")), "0"},
			"an underscore is itself":           {qb.Where(f.Contains("a_")), "4"},
			"case counts":                       {qb.Where(f.StartsWith("e")), "3"},
			"in nothing":                        {qb.Where(f.In()), ""},
			"not in nothing":                    {qb.Where(f.NotIn()), "0 1 2 3 4 5"},
			"any of nothing":                    {qb.Where(qb.Or{}), ""},
			"revision count, filtered":          {qb.Where(qb.TotalRevisionCount().Gt(1)), "4"},
			"current revision, filtered":        {qb.Where(qb.CurrentRevisionID().Eq("doc:4:2")), "4"},
			"revision count, sorted":            {qb.Query{Sort: []qb.Sort{qb.TotalRevisionCount().Desc()}, Limit: opt.Of(1)}, "4"},
			"current revision, sorted":          {qb.Query{Sort: []qb.Sort{qb.CurrentRevisionID().Desc()}, Limit: opt.Of(2)}, "5 4"},
			"deleted ones, unless excluded":     {qb.Query{}, "0 1 2 3 4 5"},
			"without the deleted ones":          {qb.Where(qb.IsDeleted().Eq(false)), "0 1 2 3 4"},
			"no limit is all, zero is none":     {qb.Query{Limit: opt.Of(0)}, ""},
			"a name of a field is never syntax": {qb.Where(qb.Data(`s") OR 1=1 --`).Eq("x")), ""},
		} {
			if got := searched(t, m, tc.q); got != tc.want {
				t.Errorf("%s: %q, want %q", name, got, tc.want)
			}
			all, err := m.Count(t.Context(), tc.q)
			if err != nil {
				t.Fatal(err)
			}
			without := tc.q
			without.Limit = opt.Value[int]{}
			if n := len(strings.Fields(searched(t, m, without))); int(all) != n {
				t.Errorf("%s: the count is %d, want %d whatever the limit", name, all, n)
			}
		}
	})
}

// TestASearchDoesNotLeaveOutWhatItCannotRead: a row that cannot be read is an error.
func TestASearchDoesNotLeaveOutWhatItCannotRead(t *testing.T) {
	s := damagedStore(t, `UPDATE doc_meta SET data = substr(data, 1, 30) WHERE resource_id = 'doc:a'`)
	var errs []error
	for _, err := range s.open(t, "doc").Search(t.Context(), qb.Query{}) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) != 1 {
		t.Errorf("errors %v, want one", errs)
	}
}
