package postgres

import (
	"context"
	"iter"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// revisionSource is where the revisions of models are: tables or a medium.
type revisionSource interface {
	// infos and revisions return what is stored under keys; what is not is left out.
	infos(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.RevisionInfo, error)
	revisions(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error)
	// entries returns the entries of resources in any order.
	entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error)
	// contents returns what is stored under uids, by uid.
	contents(ctx context.Context, t tables, uids []string, payloads bool) (map[string]content, error)
	// count returns how many entries a model has.
	count(ctx context.Context, t tables) (int64, error)
}

// revisionReader reads the revisions of one model.
type revisionReader struct {
	f *Factory
	s revisionSource
	t tables
	// sizes, when not nil, is what dumps leave for the next one.
	sizes *dumpSizes
}

var _ storage.RevisionReader = revisionReader{}

func (r revisionReader) doing() string { return "read revisions of model " + r.t.model + " in" }

// Info returns the info stored under key.
func (r revisionReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.infos(ctx, r.t, []resource.RevisionKey{key})
	if err != nil {
		return resource.RevisionInfo{}, r.f.explain(r.doing(), cause(ctx, err))
	}
	info, ok := found[key]
	if !ok {
		return info, noRevision(r.t, key)
	}
	return info, nil
}

// Get returns the revision stored under key.
func (r revisionReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.revisions(ctx, r.t, []resource.RevisionKey{key})
	if err != nil {
		return resource.Revision{}, r.f.explain(r.doing(), cause(ctx, err))
	}
	revision, ok := found[key]
	if !ok {
		return revision, noRevision(r.t, key)
	}
	return revision, nil
}

// GetMany returns the revisions of those keys under which one is stored; where they are
// in the database, by one statement.
func (r revisionReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	found, err := r.s.revisions(ctx, r.t, keys)
	if err != nil {
		return nil, r.f.explain(r.doing(), cause(ctx, err))
	}
	return found, nil
}

// List returns the infos of a resource's revisions.
func (r revisionReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return func(yield func(resource.RevisionInfo, error) bool) {
		for e, err := range r.pages(ctx, slices.Values([]resource.ID{id}), false) {
			if !yield(e.Info, err) || err != nil {
				return
			}
		}
	}
}

// DumpAll returns the revisions of the given resources, in their order.
func (r revisionReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return r.pages(ctx, ids, true)
}

// Count returns how many revisions are stored.
func (r revisionReader) Count(ctx context.Context) (int64, error) {
	ctx, stop := r.f.reading(ctx)
	defer stop()
	n, err := r.s.count(ctx, r.t)
	if err != nil {
		return 0, r.f.explain("count revisions of model "+r.t.model+" in", cause(ctx, err))
	}
	return n, nil
}
