package qb

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/resource"
)

// WireError says what of a query JSON cannot hold: text that is not UTF-8, or a
// time outside of the years 1 to 9999.
type WireError struct {
	// Of is the attribute, path of indexed data or sort key that it belongs to.
	Of string
	// Reason is what is wrong.
	Reason string
}

// Error names the place and what is wrong there.
func (e *WireError) Error() string { return fmt.Sprintf("query: %q: %s", e.Of, e.Reason) }

// MarshalJSON returns the query as the original's ResourceMetaSearchQuery, from
// which [ParseQuery] reads one that selects the same in the same order. Conditions
// that the original has a filter for become filters, which it applies to unset
// rev_* as we do: rev_statuses, rev_created_time_start and so on; those on keys
// of indexed data that are named like an attribute become data_conditions.
//
// What the original does not have is written so that it refuses the query instead
// of answering another one: conditions and positions of types of ours
// (HasIndexedData, IndexedDataCondition, ResourcePosition), and sorts by rev_status
// and rev_*_by. Operands that JSON does not have are objects, which a program that
// hands the query to the original's library has to turn into values:
//
//	{"$datetime": "2024-03-01T12:00:00Z"}  a time, RFC 3339
//	{"$flags": 65}                         bits, see [Flags]
//	{"$float": "nan"}                      a float: nan, inf or -inf
//	{"$incomparable": true}                equals nothing and has no order
//	{"$literal": {"$datetime": 1}}         a map that has keys with $ itself
//
// Errors are *[WireError]. [ParseQuery] refuses queries beyond its limits, which
// are written all the same.
func (q Query) MarshalJSON() ([]byte, error) {
	w := wire{b: []byte{'{'}}
	parts := partsOf(q.Where)
	for i, f := range filters {
		if c, ok := parts.filters[i]; ok {
			w.key(f.name)
			w.filter(c)
		}
	}
	if parts.indexed {
		w.key("data_conditions")
		w.conds(parts.data, true)
	}
	if position, set := q.After.Get(); set || len(parts.conds) > 0 {
		w.key("conditions")
		w.topConds(parts.conds, position, set)
	}
	if limit, ok := q.Limit.Get(); ok {
		w.key("limit")
		w.b = strconv.AppendInt(w.b, int64(limit), 10)
	}
	if q.Offset != 0 {
		w.key("offset")
		w.b = strconv.AppendInt(w.b, int64(q.Offset), 10)
	}
	if len(q.Sort) > 0 {
		w.key("sorts")
		w.sorts(q.Sort)
	}
	return append(w.b, '}'), w.err
}

// UnmarshalJSON is [ParseQuery].
func (q *Query) UnmarshalJSON(b []byte) error {
	parsed, err := ParseQuery(b)
	if err == nil {
		*q = parsed
	}
	return err
}

// wire gathers the JSON of a query. After an error the text is of no use.
type wire struct {
	b   []byte
	of  string // what is being written, for errors
	err error
}

func (w *wire) fail(reason string) {
	if w.err == nil {
		w.err = &WireError{Of: w.of, Reason: reason}
	}
}

// key begins a member of an object.
func (w *wire) key(name string) {
	w.comma()
	w.text(name)
	w.b = append(w.b, ':')
}

// comma parts an element from the one before, if there is one.
func (w *wire) comma() {
	switch w.b[len(w.b)-1] {
	case '{', '[':
	default:
		w.b = append(w.b, ',')
	}
}

// member writes a member whose value is a text.
func (w *wire) member(name, value string) {
	w.key(name)
	w.text(value)
}

// filter writes the value of a filter.
func (w *wire) filter(c Comparison) {
	w.of = string(c.attr)
	switch {
	case c.op == OpIn:
		w.list(c.values)
	case c.attr.Kind() == KindTime:
		w.text(w.timeText(c.values[0].(time.Time)))
	default:
		w.value(c.values[0])
	}
}

// topConds writes the conditions of the query itself, with its position.
func (w *wire) topConds(conds []Cond, p Position, set bool) {
	w.b = append(w.b, '[')
	for _, c := range conds {
		w.comma()
		w.cond(c, false)
	}
	if set {
		w.comma()
		w.position(p)
	}
	w.b = append(w.b, ']')
}

func (w *wire) position(p Position) {
	w.b = append(w.b, '{')
	w.member("type", tagPosition)
	w.key("keys")
	w.list(p.keys)
	w.of = string(AttrResourceID)
	w.member("resource_id", string(p.id))
	w.b = append(w.b, '}')
}

func (w *wire) sorts(sorts []Sort) {
	w.b = append(w.b, '[')
	for _, s := range sorts {
		w.comma()
		w.b = append(w.b, '{')
		if s.attr != "" {
			w.member("type", "ResourceMetaSearchSort")
			w.member("key", string(s.attr))
		} else {
			w.of = s.path
			w.member("type", "ResourceDataSearchSort")
			w.member("field_path", s.path)
		}
		w.member("direction", map[bool]string{false: "+", true: "-"}[s.desc])
		w.b = append(w.b, '}')
	}
	w.b = append(w.b, ']')
}

// timeText is the text of a time: with its own offset where that has no seconds.
func (w *wire) timeText(t time.Time) string {
	if y := t.UTC().Year(); y < 1 || y > 9999 || t.Year() < 1 || t.Year() > 9999 {
		w.fail("a time outside of the years 1 to 9999")
		return ""
	}
	if _, seconds := t.Zone(); seconds%60 != 0 {
		t = t.UTC()
	}
	return string(resource.AppendTime(nil, t))
}

// text writes a text.
func (w *wire) text(s string) {
	if !utf8.ValidString(s) {
		w.fail("a text that is not UTF-8")
	}
	w.b = jsonlex.AppendText(w.b, s)
}
