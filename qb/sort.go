package qb

import (
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// Sort is one key of an order. It is made by Asc and Desc of a field.
type Sort struct {
	attr Attr
	path string
	desc bool
}

// SortBy returns the keys of an order by their names: that of an attribute, else
// the path of indexed data, downwards after a "-", upwards after a "+" or without.
func SortBy(names ...string) []Sort {
	sorts := make([]Sort, len(names))
	for i, name := range names {
		path, desc := strings.CutPrefix(name, "-")
		if !desc {
			path = strings.TrimPrefix(name, "+")
		}
		sorts[i] = Sort{path: path, desc: desc}
		if attr := Attr(path); attr.Kind() != KindNone {
			sorts[i] = Sort{attr: attr, desc: desc}
		}
	}
	return sorts
}

// Attr returns the attribute to sort by; false when it is indexed data, whose
// path is then [Sort.Path].
func (s Sort) Attr() (Attr, bool) { return s.attr, s.attr != "" }

// Path returns the path of indexed data to sort by.
func (s Sort) Path() string { return s.path }

// Descending reports whether the order is downwards.
func (s Sort) Descending() bool { return s.desc }

// Compare orders two metas: -1, 0 or +1. Null, unset and missing values are
// equal and come first upwards, last downwards. Where all keys are equal the
// resource id decides, in the direction of the last key; without keys the order
// is by ascending resource id.
func Compare(a, b resource.Meta, sorts []Sort) int {
	desc := false
	for _, s := range sorts {
		desc = s.desc
		if order := s.compare(&a, &b); order != 0 {
			return directed(order, desc)
		}
	}
	return directed(strings.Compare(string(a.ResourceID), string(b.ResourceID)), desc)
}

// Less reports whether a comes before b, see [Compare].
func Less(a, b resource.Meta, sorts []Sort) bool { return Compare(a, b, sorts) < 0 }

func directed(order int, desc bool) int {
	if desc {
		return -order
	}
	return order
}

func (s Sort) compare(a, b *resource.Meta) int { return s.compareKeys(s.key(a), s.key(b)) }

// key returns what m is sorted by: nil for null, unset and missing.
func (s Sort) key(m *resource.Meta) any {
	if s.attr == "" {
		return dataOf(m, s.path)
	}
	return s.attr.of(m)
}

func (s Sort) compareKeys(v, w any) int {
	if s.attr == "" {
		return compareData(v, w)
	}
	if v == nil || w == nil {
		return compareNull(v, w)
	}
	return compareScalars(v, w)
}

// compareNull orders two values of which one at least is nil.
func compareNull(v, w any) int {
	switch {
	case v == nil && w == nil:
		return 0
	case v == nil:
		return -1
	}
	return 1
}
