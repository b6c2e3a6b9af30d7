package manager

import (
	"slices"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// content is a payload with what is known of it.
type content struct {
	payload []byte
	hash    string // its data hash
	// indexed are its values at the model's indexed paths, unset when there are
	// none, or indexErr says why they cannot be had.
	indexed  opt.Value[resource.Indexed]
	indexErr error
	// blobs are the existing blobs it refers to.
	blobs []string
}

// contentOf looks at a payload by a model's indexed paths; its blobs are not
// looked for. source is what the indexed values are taken from, mostly the payload.
func (f *form) contentOf(p, source []byte, paths []string) content {
	c := content{payload: p, hash: resource.DataHash(p)}
	// The original writes indexed data of every model, also without a field.
	if len(paths) > 0 || f.model != nil && f.model.Typed() {
		c.indexed, c.indexErr = f.valuesAt(paths, source)
	}
	return c
}

// unionPaths returns paths and the keys of x; mostly they are the same.
func unionPaths(paths []string, x resource.Indexed) []string {
	more := slices.Clone(paths)
	for key := range x.All() {
		if _, ok := slices.BinarySearch(paths, key); !ok {
			more = append(more, key)
		}
	}
	return sortedUnion(more, nil)
}
