package qb

import (
	"cmp"
	"encoding/json"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Grouping is what metas are counted by: an attribute or a value of indexed data. It is
// made by By of a field.
type Grouping struct{ key Sort }

// By counts metas by the attribute.
func (f Field[T]) By() Grouping { return Grouping{f.Asc()} }

// By counts metas by the value at the path. Values are one when they are in JSON: 1 and
// 1.0 are, 1 and true are not. Missing and null values are one.
func (f DataField) By() Grouping { return Grouping{f.Asc()} }

// GroupingOf counts metas by what a key of an order sorts by.
func GroupingOf(key Sort) Grouping {
	key.desc = false
	return Grouping{key}
}

// ParseGrouping reads the name of an attribute, or data.NAME, as it stands in
// conditions. The error is a *[WhereError].
func ParseGrouping(text string) (Grouping, error) {
	p := newWhereParser("by", text, WhereOptions{})
	at := p.tok
	s, ok := p.subject()
	switch {
	case ok && s.data.length:
		p.fail(at, "a length is nothing to count by", "")
	case ok && p.tok.kind != tokEnd:
		p.failExpected("nothing more")
	}
	if p.err != nil {
		return Grouping{}, p.err
	}
	return Grouping{Sort{attr: s.attr, path: s.data.path}}, nil
}

// Key is the key of an order by the same.
func (g Grouping) Key() Sort { return g.key }

// ValueCount is how many metas have a value.
type ValueCount struct {
	// Value is nil for null, unset and missing; else a string, int64, uint64, bool,
	// float64, time.Time in UTC, []any or map[string]any.
	Value any
	Count int64
}

// Counts are the metas that a condition selects, by their values.
type Counts struct {
	// Total is how many there are, those of values that a limit left out too.
	Total int64
	// Values come by falling count, those of one count by the value, nil first.
	Values []ValueCount
}

// Tally counts metas by a grouping, one after another. It is the reference: every store
// counts as it does. It holds each different value once.
type Tally struct {
	by     Grouping
	total  int64
	groups map[string]*ValueCount
}

// NewTally returns an empty one.
func NewTally(by Grouping) *Tally { return &Tally{by: by, groups: map[string]*ValueCount{}} }

// Add counts a meta n times.
func (t *Tally) Add(m resource.Meta, n int64) {
	v := jsonValue(t.by.key.key(&m))
	key := groupKey(v)
	t.total += n
	if g, ok := t.groups[key]; ok {
		g.Count += n
		return
	}
	t.groups[key] = &ValueCount{Value: v, Count: n}
}

// Counts returns what was counted, of limit values at most, of all when it is not positive.
func (t *Tally) Counts(limit int) Counts {
	c := Counts{Total: t.total, Values: make([]ValueCount, 0, len(t.groups))}
	for _, g := range t.groups {
		c.Values = append(c.Values, *g)
	}
	slices.SortFunc(c.Values, func(a, b ValueCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), t.by.key.compareKeys(a.Value, b.Value), strings.Compare(groupKey(a.Value), groupKey(b.Value)))
	})
	if limit > 0 && limit < len(c.Values) {
		c.Values = c.Values[:limit]
	}
	return c
}

// CountBy counts the metas that q's condition selects by their values, for stores that
// have no query engine.
func CountBy(metas iter.Seq2[resource.Meta, error], q Query, by Grouping, limit int) (Counts, error) {
	t := NewTally(by)
	for m, err := range metas {
		if err != nil {
			return Counts{}, err
		}
		if Match(m, q.Where) {
			t.Add(m, 1)
		}
	}
	return t.Counts(limit), nil
}

// jsonValue returns a value so that those that are one in JSON are the same: integers
// where there is no fraction, times as instants in microseconds.
func jsonValue(v any) any {
	switch v := v.(type) {
	case float64:
		switch {
		case v != math.Trunc(v) || math.Abs(v) >= 1<<64:
		case v >= -1<<63 && v < 1<<63:
			return int64(v)
		case v > 0:
			return uint64(v)
		}
	case time.Time:
		return v.UTC().Truncate(time.Microsecond)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = jsonValue(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = jsonValue(e)
		}
		return out
	}
	return v
}

// groupKey is a text that two of these values share exactly when they are one.
func groupKey(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "?" // never: indexed data is JSON
	}
	return string(b)
}
