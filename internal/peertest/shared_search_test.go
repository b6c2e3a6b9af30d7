package peertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// sameAnswers asks both sides queries about users, times and statuses of a model's
// resources and of their current revisions, and returns how many ids were found.
func sameAnswers(t *testing.T, app *pypeer.App, s store, model string) int {
	t.Helper()
	mgr, err := s.catalog.Open(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, text := range metaQueries(t, s, model) {
		want, err := app.Search(model, json.RawMessage(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		query, err := qb.ParseQuery([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got := []resource.ID{}
		for meta, err := range mgr.Search(t.Context(), query) {
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			got = append(got, meta.ResourceID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s %s: -original +ours\n%s", model, text, d)
		}
		found += len(got)
	}
	return found
}

// metaQueries returns queries whose values are those of some of the model's metas.
func metaQueries(t *testing.T, s store, model string) []string {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{`{"rev_statuses":["draft"]}`, `{"rev_statuses":["stable"],"is_deleted":false}`}
	n := 0
	for m, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%8 == 1 {
			texts = append(texts, queriesAbout(m)...)
		}
	}
	return texts
}

// queriesAbout returns queries with the values of one meta.
func queriesAbout(m resource.Meta) []string {
	users := map[string]string{
		"created_by": m.CreatedBy, "updated_by": m.UpdatedBy,
		"rev_created_by": m.Rev.CreatedBy.Or("nobody"), "rev_updated_by": m.Rev.UpdatedBy.Or("nobody"),
	}
	times := map[string]time.Time{
		"created_time": m.CreatedTime, "updated_time": m.UpdatedTime,
		"rev_created_time": m.Rev.CreatedTime.Or(m.CreatedTime), "rev_updated_time": m.Rev.UpdatedTime.Or(m.UpdatedTime),
	}
	var texts []string
	for name, user := range users {
		texts = append(texts, fmt.Sprintf(`{%q:[%q]}`, name+"s", user), condition(name, "ne", fmt.Sprintf("%q", user)))
	}
	for name, at := range times {
		word := fmt.Sprintf(`{"$datetime":%q}`, isoTime(at))
		texts = append(texts, fmt.Sprintf(`{%q:%s}`, name+"_start", word), fmt.Sprintf(`{%q:%s,"rev_statuses":["stable"]}`, name+"_end", word))
		for _, op := range []string{"eq", "gt", "lte"} {
			texts = append(texts, condition(name, op, word))
		}
	}
	return texts
}

// isoTime returns a time as Python reads it, naive when it is.
func isoTime(t time.Time) string {
	const naive = "2006-01-02T15:04:05.000000"
	if resource.IsNaive(t) {
		return t.Format(naive)
	}
	return t.UTC().Format(naive + "-07:00")
}

func condition(name, op, value string) string {
	return fmt.Sprintf(`{"conditions":[{"type":"DataSearchCondition","field_path":%q,"operator":%q,"value":%s}]}`, name, op, value)
}
