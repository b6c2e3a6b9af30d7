package order

import (
	"cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Keys compares the keys of two revisions of one resource (G5): by number, then by
// schema version, none first.
func Keys(a, b resource.RevisionKey) int {
	return cmp.Or(a.Revision.Compare(b.Revision), versions(a.SchemaVersion, b.SchemaVersion))
}

func versions(a, b opt.Value[string]) int {
	switch v, w := a.Or(""), b.Or(""); {
	case a.IsSet() == b.IsSet():
		return cmp.Compare(v, w)
	case b.IsSet():
		return -1
	}
	return 1
}
