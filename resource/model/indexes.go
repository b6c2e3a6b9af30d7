package model

import (
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// Index asks a database for an index of the model's metas beside those that every model
// has. It has either Keys, or Equal, or Elements. An index costs every write.
type Index struct {
	// Keys are attributes, "rev_created_time", and indexed fields behind "data.":
	// "data.price". Conditions on the first of them and orders by those that follow are
	// served; of indexed fields ranges and orders.
	Keys []string `json:"keys,omitempty"`
	// Equal is an indexed field of which equality is served, also with one of several
	// values.
	Equal string `json:"equal,omitempty"`
	// Elements is an indexed field of lists, of which conditions are served that a list
	// holds a value.
	Elements string `json:"elements,omitempty"`
}

// dataPrefix tells indexed fields from attributes among the keys of an index.
const dataPrefix = "data."

// DataKey returns the path of the indexed field that a key of an index is, false when it
// is an attribute.
func DataKey(key string) (path string, ok bool) { return strings.CutPrefix(key, dataPrefix) }

// checkIndexes reports indexes that make no sense for the model.
func (m *Model) checkIndexes() error {
	for i, x := range m.declaration.Indexes {
		if err := m.checkIndex(x); err != nil {
			return wrong(fmt.Sprintf("indexes[%d]", i), "%v", err)
		}
	}
	return nil
}

func (m *Model) checkIndex(x Index) error {
	kinds := 0
	for _, given := range []bool{len(x.Keys) > 0, x.Equal != "", x.Elements != ""} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return fmt.Errorf("an index has either keys, or equal, or elements")
	}
	if path := x.Equal + x.Elements; path != "" {
		return m.checkData(path)
	}
	for i, key := range x.Keys {
		path, data := DataKey(key)
		switch {
		case slices.Contains(x.Keys[:i], key):
			return fmt.Errorf("the key %s is there twice", quote(key))
		case data:
			if err := m.checkData(path); err != nil {
				return err
			}
		case qb.Attr(key).Kind() == qb.KindNone:
			return fmt.Errorf("%s is no attribute of a meta; an indexed field is named data.%s", quote(key), key)
		}
	}
	return nil
}

// checkData refuses a path that has no values in metas.
func (m *Model) checkData(path string) error {
	if !slices.Contains(m.indexed, path) {
		return fmt.Errorf("%s is not an indexed field%s", quote(path), nearest(path, m.indexed))
	}
	return nil
}
