package storage

import (
	"context"
	"iter"

	"github.com/specstar-worker/worker/resource"
)

// RevisionReader reads the revisions of one model.
type RevisionReader interface {
	// Info returns the info stored under key, ErrNotFound when there is none.
	Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error)
	// Get returns the revision stored under key, ErrNotFound when there is none.
	Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error)
	// GetMany returns the revisions of those keys under which one is stored.
	GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error)
	// List returns the infos of a resource's revisions by number, then schema
	// version (none first); nothing for an unknown resource.
	List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error]
	// DumpAll returns the revisions of the given resources: resources in the
	// order of ids, the revisions of each as in List. Memory stays bounded
	// whatever the number of ids.
	DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error]
	// Count returns how many (revision, schema version) pairs are stored. Where revisions
	// are objects of a bucket, it lists all of them.
	Count(ctx context.Context) (int64, error)
}

// RevisionStore reads and writes the revisions of one model.
type RevisionStore interface {
	RevisionReader
	// SaveMany stores revisions as one transaction (where Traits.AtomicBatch
	// holds). A key that exists is pointed at the new uid.
	SaveMany(ctx context.Context, revisions []resource.Revision) error
	// Purge removes every revision of the resources; an absent one is no error.
	Purge(ctx context.Context, ids []resource.ID) error
}
