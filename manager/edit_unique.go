package manager

import (
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// claim checks that no other live resource holds a unique value of meta, the one
// that a resource is to get, and notes that this one does. Null is no value. What a
// change leaves as it is is not checked: a load may have brought equal values.
func (e *editor) claim(cl *cell, meta resource.Meta) error {
	if len(e.model.UniquePaths) == 0 {
		return nil
	}
	claims := map[string]string{}
	for _, path := range e.model.UniquePaths {
		value, key := heldBy(meta, path)
		if key == "" || !qb.Equal(value, value) { // NaN equals nothing
			continue
		}
		claims[path] = key
		if _, before := heldBy(cl.meta, path); cl.exists && before == key {
			continue
		}
		holder, err := e.holder(cl, path, key, value)
		if err != nil {
			return err
		}
		if holder != "" {
			return e.refuse(cl, CodeNotUnique, "field %s of %s: the value %s is held by %s", path, cl.ref.ID, shown(value), holder)
		}
	}
	e.release(cl)
	cl.claims = claims
	e.hold(cl)
	return nil
}

// hold notes what a changed resource holds.
func (e *editor) hold(cl *cell) {
	for path, key := range cl.claims {
		if e.holders == nil {
			e.holders = map[uniqueValue][]*cell{}
		}
		v := uniqueValue{path, key}
		e.holders[v] = append(e.holders[v], cl)
	}
}

// uniqueValue is a value at a unique path, by its key.
type uniqueValue struct{ path, key string }

// release forgets what a changed resource holds.
func (e *editor) release(cl *cell) {
	for path, key := range cl.claims {
		v := uniqueValue{path, key}
		e.holders[v] = slices.DeleteFunc(e.holders[v], func(other *cell) bool { return other == cl })
	}
	cl.claims = nil
}

// holder returns another live resource that holds a value, "" for none: one that
// was changed by now, or one in the store that was not.
func (e *editor) holder(cl *cell, path, key string, value any) (resource.ID, error) {
	for _, other := range e.holders[uniqueValue{path, key}] {
		if other != cl {
			return other.ref.ID, nil
		}
	}
	ids, err := e.view.Holders(e.model.Name, path, value)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if other := e.cells[id]; id != cl.ref.ID && (other == nil || !other.dirty) {
			return id, nil
		}
	}
	return "", nil
}

// heldBy returns the unique value that a meta holds at path, and its key; "" when
// it holds none.
func heldBy(meta resource.Meta, path string) (value any, key string) {
	x, ok := meta.IndexedData.Get()
	if !ok || meta.IsDeleted {
		return nil, ""
	}
	if value, ok = x.Lookup(path); !ok || value == nil {
		return nil, ""
	}
	return value, qb.Key(value)
}

// shown is a value as a message shows it.
func shown(v any) string {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%.80q", s)
	}
	return fmt.Sprintf("%.80v", v)
}
