package storage

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/resource"
)

// MetaMedium keeps the encoded metas of models outside of the database that keeps the
// ledger: in files of the original's, which its apps read and write at the same time.
// The factory that uses it lets one process of ours write at a time.
type MetaMedium interface {
	// Models returns the names of the models that have a place here, ascending.
	Models(ctx context.Context) ([]string, error)
	// Has reports whether a model has a place here.
	Has(model string) bool
	// Model returns the part of one model; makes makes its place when it is not there,
	// else that is an error. What is returned is closed with the medium.
	Model(ctx context.Context, model string, makes bool) (ModelMetas, error)
	// Transactions reports whether a [MetaTx] is one: nobody, not even another program,
	// writes from Begin to Commit, and a Commit is whole whatever crashes.
	Transactions() bool
	// Close frees what the medium holds.
	Close() error
}

// StoredMeta is a meta as it is stored.
type StoredMeta struct {
	ID   resource.ID
	Data []byte
}

// MetaPages reads the metas of one model. No lock is held while a loop's body runs.
type MetaPages interface {
	// Find returns the bytes of those metas that are there.
	Find(ctx context.Context, ids []resource.ID) (map[resource.ID][]byte, error)
	// All returns every meta by ascending id.
	All(ctx context.Context) iter.Seq2[StoredMeta, error]
	// Page returns the first metas of a range, at most limit, by ascending id.
	Page(ctx context.Context, r Range, limit int) ([]StoredMeta, error)
	// Unfilled returns the first metas of a range that lack a rev_* field, at most
	// limit, by ascending id.
	Unfilled(ctx context.Context, r Range, limit int) ([]StoredMeta, error)
	// Cuts returns the ids of every so many metas, ascending.
	Cuts(ctx context.Context, rows int) ([]resource.ID, error)
	// Count returns how many metas there are, and how many of them lack a rev_* field.
	Count(ctx context.Context) (metas, unfilled int64, err error)
}

// ModelMetas is one model's part of a [MetaMedium]. It is safe for concurrent use.
type ModelMetas interface {
	MetaPages
	// Sample returns up to n metas, whichever are found first.
	Sample(ctx context.Context, n int) ([]StoredMeta, error)
	// Begin begins a change.
	Begin(ctx context.Context) (MetaTx, error)
	// Copy copies the metas as they are, while nobody of ours writes.
	Copy(ctx context.Context) (MetaCopy, error)
}

// MetaCopy is a copy of metas, to be closed.
type MetaCopy interface {
	MetaPages
	Close() error
}

// MetaChange replaces one meta.
type MetaChange struct {
	ID resource.ID
	// Old are the bytes that are replaced, nil for none; New those that are there
	// afterwards, nil for none.
	Old, New []byte
}

// MetaTx is a change of metas that is being made: Find, then Set, then Commit or
// Rollback.
type MetaTx interface {
	// Find returns the bytes of those metas that are there.
	Find(ids []resource.ID) (map[resource.ID][]byte, error)
	// Set prepares changes; what could go wrong with one goes wrong here.
	Set(changes []MetaChange) error
	// Commit makes them. Without transactions it returns the ids of metas that were not
	// Old any more: they stay as another program has left them.
	Commit() (left []resource.ID, err error)
	// Rollback gives the changes up.
	Rollback() error
}
