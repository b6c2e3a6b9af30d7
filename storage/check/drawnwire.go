package check

import (
	"encoding/json"

	"github.com/specstar-worker/worker/qb"
)

// wireCond draws a condition that only queries in JSON have: on an attribute, with an
// operator or operand that its type does not have. Nothing is in it where it is refused.
func (d *drawing) wireCond() qb.Cond {
	leaf := map[string]any{
		"field_path": pick(d.src, []string{"created_time", "rev_updated_time", "is_deleted", "total_revision_count", "schema_version", "created_by", "rev_status"}),
		"operator":   pick(d.src, []string{"contains", "starts_with", "ends_with", "regex", "contains", "starts_with", "eq", "ne", "gt", "lte", "in", "not_in", "is_null", "isna"}),
		"value": pick(d.src, []any{
			"20", "2026-03-01 1", "+00:00", ":00", "True", "Fal", "1", "", "r", 1, 0, 2.5, -0.5, 1e300, true, nil, "e", "0[0-9]", "^$",
			[]any{"a"},
			[]any{1.0, true, "draft"},
			"2026-03-01T12:00:00.123456Z",
		}),
		"transform": pick(d.src, []any{nil, nil, nil, "len"}),
	}
	text, err := json.Marshal(map[string]any{"conditions": []any{leaf}})
	if err != nil {
		return nil
	}
	q, err := qb.ParseQuery(text)
	if err != nil {
		return qb.Or{}
	}
	return q.Where
}
