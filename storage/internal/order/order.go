// Package order sorts what a unit of work writes.
package order

import (
	"cmp"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// ByID returns the writes by ascending resource id, so that neighbours in the
// indexes are written together. Writes to one resource keep their order.
func ByID(w storage.ModelWrites) storage.ModelWrites {
	w.Metas = By(w.Metas, func(m *resource.Meta) resource.ID { return m.ResourceID })
	w.Revisions = By(w.Revisions, func(r *resource.Revision) resource.ID { return r.Info.ResourceID })
	return w
}

// By returns the values by ascending id, equal ids in their order. It
// sorts places and moves each value once: values are large.
func By[T any](values []T, id func(*T) resource.ID) []T {
	if ascends(values, id) {
		return values
	}
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(id(&values[a]), id(&values[b])), cmp.Compare(a, b))
	})
	sorted := make([]T, len(values))
	for i, from := range order {
		sorted[i] = values[from]
	}
	return sorted
}

// ascends reports whether the values come by ascending id already.
func ascends[T any](values []T, id func(*T) resource.ID) bool {
	for i := 1; i < len(values); i++ {
		if id(&values[i-1]) > id(&values[i]) {
			return false
		}
	}
	return true
}
