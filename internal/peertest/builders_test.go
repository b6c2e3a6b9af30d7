package peertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// builders pair expressions of the original's QB with what they are written as here.
var builders = []struct {
	theirs string
	ours   qb.Query
}{
	{`QB["n"].between(1, 2.5)`, qb.Where(qb.Data("n").Between(1, 2.5))},
	{`QB["n"] > 1`, qb.Where(qb.Data("n").Gt(1))},
	{`QB["n"].ne(1)`, qb.Where(qb.Data("n").Ne(1))},
	{`QB["n"].in_([1, 2.5])`, qb.Where(qb.Data("n").In(1, 2.5))},
	{`QB["n"].not_in([1])`, qb.Where(qb.Data("n").NotIn(1))},
	{`QB["v"].contains("a")`, qb.Where(qb.Data("v").Contains("a"))},
	{`QB["v"].not_contains("a")`, qb.Where(qb.Data("v").NotContains("a"))},
	{`QB["v"].starts_with("T")`, qb.Where(qb.Data("v").StartsWith("T"))},
	{`QB["v"].not_starts_with("T")`, qb.Where(qb.Data("v").NotStartsWith("T"))},
	{`QB["s"].ends_with("c")`, qb.Where(qb.Data("s").EndsWith("c"))},
	{`QB["s"].not_ends_with("c")`, qb.Where(qb.Data("s").NotEndsWith("c"))},
	{`QB["s"].icontains("LIC")`, qb.Where(qb.Data("s").IContains("LIC"))},
	{`QB["s"].istarts_with("ALICE")`, qb.Where(qb.Data("s").IStartsWith("ALICE"))},
	{`QB["s"].iends_with(".C")`, qb.Where(qb.Data("s").IEndsWith(".C"))},
	{`QB["s"].like("a.c")`, qb.Where(qb.Data("s").Like("a.c"))},
	{`QB["s"].like("a%")`, qb.Where(qb.Data("s").Like("a%"))},
	{`QB["s"].like("%c")`, qb.Where(qb.Data("s").Like("%c"))},
	{`QB["s"].like("%li%")`, qb.Where(qb.Data("s").Like("%li%"))},
	{`QB["s"].like("a_c")`, qb.Where(qb.Data("s").Like("a_c"))},
	{`QB["v"].like("3")`, qb.Where(qb.Data("v").Like("3"))},
	{`QB["v"].is_null()`, qb.Where(qb.Data("v").IsNull(true))},
	{`QB["v"].is_not_null()`, qb.Where(qb.Data("v").IsNotNull())},
	{`QB["v"].has_value()`, qb.Where(qb.Data("v").IsNotNull())},
	{`QB["v"].exists()`, qb.Where(qb.Data("v").Exists(true))},
	{`QB["v"].isna()`, qb.Where(qb.Data("v").IsNA(true))},
	{`QB["v"].is_true()`, qb.Where(qb.Data("v").IsTrue())},
	{`QB["v"].is_false()`, qb.Where(qb.Data("v").IsFalse())},
	{`QB["v"].is_truthy()`, qb.Where(qb.Data("v").IsTruthy())},
	{`QB["v"].is_falsy()`, qb.Where(qb.Data("v").IsFalsy())},
	{`QB["s"].is_empty()`, qb.Where(qb.Data("s").IsEmpty())},
	{`QB["s"].is_blank()`, qb.Where(qb.Data("s").IsBlank())},
	{`QB["v"].is_blank()`, qb.Where(qb.Data("v").IsBlank())},
	{`QB["v"].length() > 1`, qb.Where(qb.Data("v").Len().Gt(1))},
	{`QB.created_by().length().between(3, 4)`, qb.Where(qb.CreatedBy().Len().Between(3, 4))},
	{`QB.created_by().istarts_with("AL")`, qb.Where(qb.CreatedBy().IStartsWith("AL"))},
	{`QB.created_by().like("%o%")`, qb.Where(qb.CreatedBy().Like("%o%"))},
	{`QB.schema_version().is_empty()`, qb.Where(qb.SchemaVersion().IsEmpty())},
	{`QB.schema_version().is_falsy()`, qb.Where(qb.SchemaVersion().IsFalsy())},
	{`QB.total_revision_count().is_truthy()`, qb.Where(qb.TotalRevisionCount().IsTruthy())},
	{`QB.total_revision_count().between(1, 2)`, qb.Where(qb.TotalRevisionCount().Between(1, 2))},
	{`QB.is_deleted().is_true()`, qb.Where(qb.IsDeleted().IsTrue())},
	{`QB.rev_status().eq("draft")`, qb.Where(qb.RevStatus().Eq("draft"))},
	{`QB.rev_updated_by().not_contains("a")`, qb.Where(qb.RevUpdatedBy().NotContains("a"))},
	{`(QB["n"] > 1) & ~(QB["s"] == "abc")`, qb.Where(qb.Data("n").Gt(1), qb.Not{qb.Data("s").Eq("abc")})},
	{`(QB["n"] > 2) | QB.is_deleted().is_true()`, qb.Where(qb.Data("n").Gt(2)).Or(qb.Where(qb.IsDeleted().IsTrue()))},
}

// TestBuildersSelectWhatTheOriginalSelects: the original answers its own expression, our
// query in JSON, and we the same.
func TestBuildersSelectWhatTheOriginalSelects(t *testing.T) {
	metas := builderMetas(t)
	var queries []json.RawMessage
	for _, b := range builders {
		theirs, err := json.Marshal(b.theirs)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := json.Marshal(b.ours)
		if err != nil {
			t.Fatal(err)
		}
		queries = append(queries, theirs, ours)
	}
	answers, err := pypeer.Start(t).Answers(resource.JSON, metas, queries)
	if err != nil {
		t.Fatal(err)
	}
	selected := 0
	for i, b := range builders {
		theirs, ours := answers[2*i], answers[2*i+1]
		if theirs.Error != "" || ours.Error != "" {
			t.Errorf("%s fails: %s; our query fails: %s", b.theirs, theirs.Error, ours.Error)
			continue
		}
		var here []resource.ID
		for _, m := range metas {
			if qb.Match(m, b.ours.Where) {
				here = append(here, m.ResourceID)
			}
		}
		slices.Sort(theirs.IDs)
		slices.Sort(ours.IDs)
		selected += len(here)
		if d := cmp.Diff(strings.Join(ids(theirs.IDs), " "), strings.Join(ids(ours.IDs), " ")); d != "" {
			t.Errorf("%s: the original answers our query otherwise than its own: -its own +ours\n%s", b.theirs, d)
		}
		if d := cmp.Diff(strings.Join(ids(theirs.IDs), " "), strings.Join(ids(here), " ")); d != "" {
			t.Errorf("%s: -original +ours\n%s", b.theirs, d)
		}
	}
	if selected < 2*len(builders) {
		t.Errorf("only %d metas were selected", selected)
	}
}

func ids(all []resource.ID) []string {
	out := make([]string, len(all))
	for i, id := range all {
		out[i] = string(id)
	}
	return out
}

// builderMetas are metas with numbers in n, texts in s and anything in v.
func builderMetas(t *testing.T) []resource.Meta {
	t.Helper()
	at := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	numbers := []any{1, 2, 2.5, -1, 3, nil, 1.0, 0}
	texts := []any{"alice", "Alice B", "a.c", "abc", "", " \t", nil, "bob", "\u00a0", "A.C"}
	values := []any{"a", "", 3, 0, true, false, nil, []any{"a", "b"}, []any{}, 1.5, " ", "True", map[string]any{"a": 1}}
	var metas []resource.Meta
	for i := range 40 {
		data := map[string]any{"n": numbers[i%len(numbers)], "s": texts[i%len(texts)], "v": values[i%len(values)]}
		if i%11 == 10 {
			data = map[string]any{"n": 1, "s": "abc"}
		}
		x, err := resource.NewIndexed(data)
		if err != nil {
			t.Fatal(err)
		}
		id := resource.ID(fmt.Sprintf("m:%02d", i))
		m := resource.Meta{
			ResourceID: id, CurrentRevisionID: id.Revision(1 + i%4), TotalRevisionCount: 1 + i%4, CreatedTime: at, UpdatedTime: at,
			CreatedBy: []string{"alice", "Al", "bob"}[i%3], UpdatedBy: "carol", IsDeleted: i%5 == 0, IndexedData: opt.Of(x),
			Rev: resource.RevMeta{
				Status: opt.Of([]resource.Status{resource.Draft, resource.Stable}[i%2]), CreatedBy: opt.Of("bob"),
				UpdatedBy: opt.Of([]string{"alice", "bob"}[i%2]), CreatedTime: opt.Of(at), UpdatedTime: opt.Of(at),
			},
		}
		if i%3 > 0 {
			m.SchemaVersion = opt.Of([]string{"", "2"}[i%2])
		}
		metas = append(metas, m)
	}
	return metas
}

// TestQueriesSurviveJSONForTheOriginal: the original answers what we write of its own
// random queries as it answers them.
func TestQueriesSurviveJSONForTheOriginal(t *testing.T) {
	compared := 0
	eachSeed(t, pypeer.Start(t), 2, 120, func(t *testing.T, s source) {
		for _, m := range s.app.Models {
			queries, err := s.app.Queries(m.Name, 43, 60)
			if err != nil {
				t.Fatal(err)
			}
			for _, q := range queries {
				if q.Error != "" {
					continue // values that it cannot compare
				}
				parsed, err := qb.ParseQuery(q.Query)
				if err != nil {
					t.Fatal(err)
				}
				written, err := json.Marshal(parsed)
				if err != nil {
					t.Fatal(err)
				}
				got, err := s.app.Search(m.Name, written)
				if err != nil {
					t.Errorf("%s, written of %s, fails: %v", written, q.Query, err)
					continue
				}
				compared++
				if len(parsed.Sort) == 0 {
					slices.Sort(got)
					slices.Sort(q.IDs)
				}
				if !slices.Equal(got, q.IDs) {
					t.Errorf("%s, written of %s, selects %v, want %v", written, q.Query, got, q.IDs)
				}
			}
		}
	})
	if compared < 60 {
		t.Errorf("only %d answers were compared", compared)
	}
}
