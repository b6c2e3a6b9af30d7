package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// Index is an index of a model's metas that is asked for beside those that every model
// has. It has either Keys, or Equal, or Elements.
type Index struct {
	// Keys serve conditions on the first of them, or on some of the first, and orders
	// by those that follow, upwards and downwards. A path of indexed data among them
	// serves ranges and orders, no equality.
	Keys []IndexKey
	// Equal is a path of indexed data of which Eq and In are served.
	Equal string
	// Elements is a path of indexed data of which Contains is served where the values are
	// lists.
	Elements string
}

// IndexKey is an attribute or a path of indexed data.
type IndexKey struct {
	Attr qb.Attr
	Path string
}

// String names the key as declarations do: "rev_status", "data.price".
func (k IndexKey) String() string {
	if k.Attr != "" {
		return string(k.Attr)
	}
	return "data." + k.Path
}

// String says what the index is on: "rev_status, data.price".
func (x Index) String() string {
	switch {
	case x.Elements != "":
		return "elements of data." + x.Elements
	case x.Equal != "":
		return "data." + x.Equal + " (equality)"
	}
	names := make([]string, len(x.Keys))
	for i, k := range x.Keys {
		names[i] = k.String()
	}
	return strings.Join(names, ", ")
}

// Check reports why there can be no such index.
func (x Index) Check() error {
	kinds := 0
	for _, given := range []bool{len(x.Keys) > 0, x.Equal != "", x.Elements != ""} {
		if given {
			kinds++
		}
	}
	if kinds != 1 {
		return errors.New("an index has either keys, or a path for equality, or a path for elements")
	}
	seen := map[IndexKey]bool{}
	for _, k := range x.Keys {
		switch {
		case (k.Attr == "") == (k.Path == ""):
			return errors.New("a key of an index is either an attribute or a path of indexed data")
		case k.Attr != "" && k.Attr.Kind() == qb.KindNone:
			return fmt.Errorf("a key of an index is %q, which is no attribute", string(k.Attr))
		case seen[k]:
			return fmt.Errorf("an index has the key %s twice", k)
		}
		seen[k] = true
	}
	return nil
}

// IndexState says what there is of an index.
type IndexState string

// The states of an index.
const (
	// IndexThere: it serves searches.
	IndexThere IndexState = "there"
	// IndexMissing: it is wanted and not there.
	IndexMissing IndexState = "missing"
	// IndexUnfinished: its making was interrupted. It serves nothing and costs writes.
	IndexUnfinished IndexState = "unfinished"
	// IndexGrowing: somebody is making it.
	IndexGrowing IndexState = "growing"
	// IndexUnwanted: this package has made it, and it is not wanted any more.
	IndexUnwanted IndexState = "unwanted"
	// IndexDropped: it was unwanted, and was just removed.
	IndexDropped IndexState = "dropped"
)

// IndexStatus is what there is of one index.
type IndexStatus struct {
	// Name is the index's in the database.
	Name string `json:"name"`
	// On says what it is on, see [Index.String].
	On string `json:"on,omitempty"`
	// Declared: it is not one of those that every model has.
	Declared bool       `json:"declared"`
	State    IndexState `json:"state"`
	// Bytes is its size, 0 where that is not known.
	Bytes int64 `json:"bytes,omitzero"`
	// Statement makes the index while others write, or drops one that is unwanted.
	Statement string `json:"statement"`
	// Problem says why it could not be made.
	Problem string `json:"problem,omitempty"`
}

// Indexer is an optional interface of a [Factory]: searches of its models are served by
// indexes, and there may be more of them. See [IndexesOf].
type Indexer interface {
	// Indexes tells of the indexes of a model's metas: those that every model has,
	// those of want, and behind them those that are unwanted.
	Indexes(ctx context.Context, model string, want []Index) ([]IndexStatus, error)
	// MakeIndexes makes what is missing or unfinished and returns what there is then.
	// Others write meanwhile. What another process makes is left to it. With drop it
	// removes what is unwanted. One that cannot be made has a Problem; the others are made.
	MakeIndexes(ctx context.Context, model string, want []Index, drop bool) ([]IndexStatus, error)
}

// IndexesOf returns the indexer of a factory. The error wraps [errors.ErrUnsupported]
// where every search reads all metas, so that no index would serve it.
func IndexesOf(f Factory) (Indexer, error) {
	if x, ok := f.(Indexer); ok {
		return x, nil
	}
	return nil, fmt.Errorf("the store has no indexes, every search reads all metas: %w", errors.ErrUnsupported)
}
