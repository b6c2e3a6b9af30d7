package storage

import "github.com/specstar-worker/worker/resource"

// Range is the part of a model whose ids are above After and not above Until, bytewise.
// An empty bound is none.
type Range struct {
	After resource.ID `json:"after,omitempty"`
	Until resource.ID `json:"until,omitempty"`
}

// Holds reports whether an id is in the range.
func (r Range) Holds(id resource.ID) bool {
	return id > r.After && (r.Until == "" || id <= r.Until)
}

// Behind returns what of the range comes behind an id.
func (r Range) Behind(id resource.ID) Range {
	r.After = max(r.After, id)
	return r
}

// Empty reports whether the range can hold no id.
func (r Range) Empty() bool { return r.Until != "" && r.After >= r.Until }

// RangesOf returns the ranges that ascending ids cut a model into, in their order.
func RangesOf(cuts []resource.ID) []Range {
	ranges := make([]Range, 0, len(cuts)+1)
	var last resource.ID
	for _, id := range cuts {
		ranges = append(ranges, Range{After: last, Until: id})
		last = id
	}
	return append(ranges, Range{After: last})
}
