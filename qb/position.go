package qb

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// Position is a place in an order: right behind the meta that it was taken of,
// whether that is still there or not. A query that has it as its After goes on
// from there, see [Cursors] for its form as text.
type Position struct {
	sorts []Sort
	keys  []any
	id    resource.ID
}

// PositionOf returns the place behind m in an order.
func PositionOf(m resource.Meta, sorts []Sort) Position {
	p := Position{sorts: slices.Clone(sorts), keys: make([]any, len(sorts)), id: m.ResourceID}
	for i, s := range sorts {
		p.keys[i] = s.key(&m)
		if t, ok := p.keys[i].(time.Time); ok {
			p.keys[i] = t.UTC().Truncate(time.Microsecond)
		}
	}
	return p
}

// Sorts are the keys of the order. They must not be changed.
func (p Position) Sorts() []Sort { return p.sorts }

// Keys are the values of the order's keys, nil for null, unset and missing ones,
// times in UTC. They must not be changed.
func (p Position) Keys() []any { return p.keys }

// ID is the id of the resource that the position is behind.
func (p Position) ID() resource.ID { return p.id }

// Passes reports whether m comes behind the position in its order, see [Compare].
func (p Position) Passes(m resource.Meta) bool {
	desc := false
	for i, s := range p.sorts {
		desc = s.desc
		if order := s.compareKeys(s.key(&m), p.keys[i]); order != 0 {
			return directed(order, desc) > 0
		}
	}
	return directed(strings.Compare(string(m.ResourceID), string(p.id)), desc) > 0
}

// check refuses a position of another order than that of sorts.
func (p Position) check(sorts []Sort) error {
	if !slices.Equal(p.sorts, sorts) {
		return &CursorError{Fault: CursorOtherOrder}
	}
	return nil
}

// Window cuts the page of a query out of what its condition selects in its order:
// what comes behind its position, without the first Offset of these, Limit of them
// at most. It reads no further than it must. An error of metas is yielded once, last.
func Window(metas iter.Seq2[resource.Meta, error], q Query) iter.Seq2[resource.Meta, error] {
	return func(yield func(resource.Meta, error) bool) {
		err := q.Validate()
		limit, limited := q.Limit.Get()
		if err != nil {
			yield(resource.Meta{}, err)
		}
		if err != nil || limited && limit == 0 {
			return
		}
		after, behind := q.After.Get()
		skip, left := q.Offset, limit
		for m, err := range metas {
			if err != nil {
				yield(resource.Meta{}, err)
				return
			}
			if behind && !after.Passes(m) {
				continue
			}
			behind = false // all others pass
			if skip > 0 {
				skip--
				continue
			}
			left--
			if !yield(m, nil) || limited && left == 0 {
				return
			}
		}
	}
}
