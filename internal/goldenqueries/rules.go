package goldenqueries

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// The rules by which answers differ from those of the original's memory store.
const (
	// Unset: a rev_* field that is not backfilled is unknown to comparisons, and null. To the
	// original's memory store it is a value that equals nothing, whose text is UNSET and
	// which has no order; its SQL stores have NULL.
	Unset = "unset"
	// TimeText: a text is a time where an attribute holds times, if it can be read as one. The original
	// does so in its filters only, and on PostgreSQL.
	TimeText = "time text"
	// TimeOperand: a time is compared with a text of the indexed data by instant.
	TimeOperand = "time operand"
	// Pattern: patterns are those of package regexp.
	Pattern = "pattern"
	// Types: where the original fails since two types have no order, their order is unknown, or
	// the query is refused since no value of the attribute has one.
	Types = "types"
	// Negative: a negative limit or offset is refused.
	Negative = "negative"
)

// Differences are the golden queries whose answers differ, with the rule. Ours is that of the
// original's SQLite store in all of them.
var Differences = map[string]string{
	"rev_status_is_null_false": Unset, "rev_status_isna_true": Unset, "rev_created_time_gte": Unset, "rev_created_time_lt": Unset,
	"rev_created_by_regex": Unset,
}

// wire is what the rules look at.
type wire struct {
	Conditions     []leaf
	DataConditions []leaf `json:"data_conditions"`
	Limit, Offset  int64
}

// leaf is a condition, or a group of some.
type leaf struct {
	FieldPath  string `json:"field_path"`
	Operator   string
	Value      json.RawMessage
	Conditions []leaf
}

// Rule returns the rule by which our answer to a query may differ from that of the
// original's memory store, "" when there is none.
func Rule(query json.RawMessage) string {
	var q wire
	if err := json.Unmarshal(query, &q); err != nil {
		return ""
	}
	if q.Limit < 0 || q.Offset < 0 {
		return Negative
	}
	return first(append(ruled(q.Conditions, false), ruled(q.DataConditions, true)...))
}

func first(rules []string) string {
	if len(rules) == 0 {
		return ""
	}
	return slices.Min(rules)
}

func ruled(conds []leaf, data bool) []string {
	var rules []string
	for _, c := range conds {
		rules = append(rules, ruled(c.Conditions, data)...)
		switch {
		case c.Operator == "regex" && (c.holds(isNoPattern) || string(c.Value) == "[]"):
			rules = append(rules, Pattern)
		case strings.HasPrefix(c.FieldPath, "rev_") && !data:
			rules = append(rules, Unset)
		case strings.HasSuffix(c.FieldPath, "ed_time") && !data && c.holds(isTimeText):
			rules = append(rules, TimeText)
		case !strings.HasSuffix(c.FieldPath, "ed_time") && strings.Contains(string(c.Value), `"$datetime"`):
			rules = append(rules, TimeOperand)
		}
	}
	return rules
}

// holds reports whether the operand, or an element of it, is a text of a kind.
func (c leaf) holds(kind func(string) bool) bool {
	var v any
	if json.Unmarshal(c.Value, &v) != nil {
		return false
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	return slices.ContainsFunc(list, func(e any) bool {
		s, ok := e.(string)
		return ok && kind(s)
	})
}

func isTimeText(s string) bool {
	_, err := resource.ParseTime(s)
	return err == nil
}

func isNoPattern(s string) bool {
	_, err := regexp.Compile(s)
	return err != nil
}
