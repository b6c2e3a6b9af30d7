package storage

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// MetaReader reads the metas of one model.
type MetaReader interface {
	// Get returns the meta of id, ErrNotFound when there is none.
	Get(ctx context.Context, id resource.ID) (resource.Meta, error)
	// GetMany returns the metas of those ids that exist, by ascending id.
	GetMany(ctx context.Context, ids []resource.ID) ([]resource.Meta, error)
	// All returns every meta by ascending id (bytewise).
	All(ctx context.Context) iter.Seq2[resource.Meta, error]
	// Search returns the metas that q selects, in q's order, see package qb.
	Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error]
	// Count returns how many metas q's condition selects; position, limit and
	// offset do not matter.
	Count(ctx context.Context, q qb.Query) (int64, error)
	// CountBy counts the metas that q's condition selects by their values, as qb.Tally
	// does; the limit is one of values. Position, limit and offset of q do not matter.
	CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (qb.Counts, error)
	// Rows returns the first metas of a range, at most limit, as stored, by ascending id.
	Rows(ctx context.Context, r Range, limit int) ([]Row, error)
	// Unfilled returns the first metas of a range that lack any of the five rev_*
	// fields, at most limit, by ascending id.
	Unfilled(ctx context.Context, r Range, limit int) ([]Unfilled, error)
	// Cuts returns ids, ascending, that cut the model into ranges of at most rows metas
	// each, with unfilled of at most rows metas that lack rev_* fields: those up to the
	// first id, those behind it up to the second, and so on, and those behind the last.
	// Payloads are not read. rows is at least 1.
	Cuts(ctx context.Context, rows int, unfilled bool) ([]resource.ID, error)
	// Stats counts the model's metas.
	Stats(ctx context.Context) (Stats, error)
	// Blobs returns the ids of the blobs remembered with the model, ascending.
	Blobs(ctx context.Context) iter.Seq2[string, error]
}

// MetaStore reads and writes the metas of one model.
type MetaStore interface {
	MetaReader
	// SaveMany inserts or replaces metas as one transaction (where
	// Traits.AtomicBatch holds); a repeated id keeps its last value.
	SaveMany(ctx context.Context, metas []resource.Meta) error
	// CompareAndSwap replaces each meta whose stored bytes are still Old, and
	// reports per swap whether it did. A changed or missing row is left alone.
	CompareAndSwap(ctx context.Context, swaps []Swap) ([]bool, error)
	// Delete removes the metas of ids; an absent one is no error.
	Delete(ctx context.Context, ids []resource.ID) error
}

// Row is a meta as stored.
type Row struct {
	Meta resource.Meta
	// Stored are the bytes the store holds, the witness for [MetaStore.CompareAndSwap].
	Stored []byte
}

// Unfilled is a meta that lacks rev_* fields, as stored, with what fills it.
type Unfilled struct {
	Row
	// Current is the info of the current revision at the meta's schema version;
	// unset when that revision is nowhere.
	Current opt.Value[resource.RevisionInfo]
}

// Swap replaces one meta.
type Swap struct {
	Old []byte
	New resource.Meta
	// RevOnly: New differs from what Old is in nothing but its Rev. A store may leave the
	// rest of the row as it is.
	RevOnly bool
}

// Stats counts the metas of one model.
type Stats struct {
	Metas    int64 // deleted ones too
	UnsetRev int64 // metas with any of the five rev_* fields missing
}
