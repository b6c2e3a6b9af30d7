// Package indexadvice says which index would serve a query.
//
// An index serves a query from its first key on: values that are equal in all metas that
// are looked for come first, then what they are ordered by, or a range. So that is what an
// index is made of here: attributes that the conditions, all of which must hold, fix to a
// value, then the keys of the order. What is only one of several possibilities, or
// negated, no index is made for.
package indexadvice

import (
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
)

// For returns indexes each of which would serve the query by itself, the best one first.
// A count needs no order.
func For(q qb.Query, count bool) []storage.Index {
	var f found
	f.conjunct(q.Where)
	var indexes []storage.Index
	add := func(x storage.Index) {
		if x.Check() == nil && !slices.ContainsFunc(indexes, func(y storage.Index) bool { return x.String() == y.String() }) {
			indexes = append(indexes, x)
		}
	}
	for _, path := range f.equal {
		add(storage.Index{Equal: path})
	}
	keys := slices.Clone(f.fixed)
	if !count {
		if order, ok := orderKeys(q.Sort, f.fixed); ok && len(order) > 0 {
			add(storage.Index{Keys: append(keys, order...)})
			return indexes
		}
	}
	if len(f.ranges) > 0 {
		keys = append(keys, f.ranges[0])
	}
	add(storage.Index{Keys: keys})
	for _, path := range f.holds {
		add(storage.Index{Elements: path})
	}
	return indexes
}

// orderKeys returns the keys of an order that an index can have: all go in one direction.
// Those that are fixed order nothing. The resource id, by which ties are broken, is the
// last key of every index.
func orderKeys(sorts []qb.Sort, fixed []storage.IndexKey) (keys []storage.IndexKey, ok bool) {
	for _, s := range sorts {
		if s.Descending() != sorts[0].Descending() {
			return nil, false
		}
		var k storage.IndexKey
		if a, ok := s.Attr(); ok {
			k.Attr = a
		} else {
			k.Path = s.Path()
		}
		switch {
		case k.Attr == qb.AttrResourceID:
			return keys, true
		case !slices.Contains(fixed, k):
			keys = append(keys, k)
		}
	}
	return keys, true
}

// found is what the conditions say that must all hold.
type found struct {
	fixed  []storage.IndexKey // attributes that equal a value
	ranges []storage.IndexKey
	equal  []string // paths that equal a value
	holds  []string // paths of which something is contained
}

func (f *found) conjunct(c qb.Cond) {
	switch c := c.(type) {
	case qb.And:
		for _, sub := range c {
			f.conjunct(sub)
		}
	case qb.Or:
		if len(c) == 1 {
			f.conjunct(c[0])
		}
	case qb.Comparison:
		f.attribute(c)
	case qb.DataComparison:
		f.data(c)
	}
}

func (f *found) attribute(c qb.Comparison) {
	k := storage.IndexKey{Attr: c.Attr()}
	switch c.Op() {
	case qb.OpEq:
		f.fix(k)
	case qb.OpIn:
		if len(c.Values()) == 1 {
			f.fix(k)
		} else {
			f.ranges = append(f.ranges, k) // several values keep no order behind them
		}
	case qb.OpIsNull, qb.OpIsNA:
		if c.Flag() {
			f.fix(k)
		}
	case qb.OpGt, qb.OpGte, qb.OpLt, qb.OpLte:
		f.ranges = append(f.ranges, k)
	}
}

// fix adds an attribute once. That of deleted resources tells little, so it is the last.
func (f *found) fix(k storage.IndexKey) {
	if slices.Contains(f.fixed, k) {
		return
	}
	at := len(f.fixed)
	if at > 0 && f.fixed[at-1].Attr == qb.AttrIsDeleted {
		at--
	}
	f.fixed = slices.Insert(f.fixed, at, k)
}

func (f *found) data(c qb.DataComparison) {
	if c.Length() {
		return
	}
	switch c.Op() {
	case qb.OpEq, qb.OpIn:
		f.equal = append(f.equal, c.Path())
	case qb.OpGt, qb.OpGte, qb.OpLt, qb.OpLte:
		f.ranges = append(f.ranges, storage.IndexKey{Path: c.Path()})
	case qb.OpContains:
		f.holds = append(f.holds, c.Path())
	}
}

// Serves reports whether an index on the keys have serves what one on want would: want is
// how it begins.
func Serves(have, want []storage.IndexKey) bool {
	return len(want) <= len(have) && slices.Equal(have[:len(want)], want)
}
