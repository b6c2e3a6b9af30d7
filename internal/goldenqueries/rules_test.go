package goldenqueries

import (
	"encoding/json"
	"slices"
	"testing"
)

// TestDifferencesAreWhereStoresOfTheOriginalDiffer: what its stores agree on is not ours to
// answer otherwise.
func TestDifferencesAreWhereStoresOfTheOriginalDiffer(t *testing.T) {
	found := 0
	for _, q := range Queries(t) {
		rule, differs := Differences[q.Name]
		if !differs {
			continue
		}
		found++
		if q.Agreed() {
			t.Errorf("%s: memory, SQLite and PostgreSQL agree", q.Name)
		}
		if got := Rule(q.Query); got != rule {
			t.Errorf("%s: the rule %q is about the query, not %q", q.Name, got, rule)
		}
		a, want := q.Answer(t, "memory"), q.Want(t)
		if a.Error == "" && slices.Equal(a.IDs, want) {
			t.Errorf("%s: the answer is that of the memory store", q.Name)
		}
	}
	if found != len(Differences) {
		t.Errorf("%d of %d differences are golden queries", found, len(Differences))
	}
}

func TestRules(t *testing.T) {
	for query, want := range map[string]string{
		`{}`:           "",
		`{"limit":-1}`: Negative,
		`{"conditions":[{"field_path":"rev_status","operator":"eq","value":"draft"}]}`:      Unset,
		`{"data_conditions":[{"field_path":"rev_status","operator":"eq","value":"draft"}]}`: "",
		`{"rev_statuses":["draft"]}`: "",
		`{"conditions":[{"operator":"not","conditions":[{"field_path":"rev_status","operator":"eq","value":1}]}]}`: Unset,
		`{"conditions":[{"field_path":"created_time","operator":"in","value":["2024-03-01T00:00:00Z"]}]}`:          TimeText,
		`{"conditions":[{"field_path":"created_time","operator":"eq","value":"monday"}]}`:                          "",
		`{"conditions":[{"field_path":"due","operator":"eq","value":{"$datetime":"2024-03-01T00:00:00Z"}}]}`:       TimeOperand,
		`{"conditions":[{"field_path":"due","operator":"regex","value":"a(?!b)"}]}`:                                Pattern,
		`{"conditions":[{"field_path":"due","operator":"regex","value":"a+"}]}`:                                    "",
	} {
		if got := Rule(json.RawMessage(query)); got != want {
			t.Errorf("%s: the rule %q, want %q", query, got, want)
		}
	}
}
