package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Reader reads the resources of one model: those of the store, as part of a
// [Manager], or those of a [Snapshot]. What the view's user may not see it does
// not show.
type Reader struct {
	name      string
	catalog   *Catalog
	metas     storage.MetaReader
	revisions storage.RevisionReader
}

// Resource is a resource as of one of its revisions.
type Resource struct {
	Meta resource.Meta
	Info resource.RevisionInfo
	// Data is the payload, as stored; it must not be changed.
	Data []byte
}

// GetOptions refine [Reader.Get]. The zero value asks for the current revision
// of a live resource.
type GetOptions struct {
	// Revision asks for this revision instead of the current one.
	Revision resource.RevisionID
	// IncludeDeleted also returns a resource that is deleted.
	IncludeDeleted bool
}

// Get returns a resource. A resource or revision that is not there, and a
// deleted resource that was not asked for, give a *[RefusedError].
func (r *Reader) Get(ctx context.Context, id resource.ID, o GetOptions) (found Resource, err error) {
	action := ActionGet
	if o.Revision != "" {
		action = ActionGetResourceRevision
	}
	err = r.watchedRead(ctx, action, id, o.Revision, func() (err error) {
		found, err = r.get(ctx, id, o)
		return err
	})
	return found, err
}

func (r *Reader) get(ctx context.Context, id resource.ID, o GetOptions) (Resource, error) {
	meta, err := r.getMeta(ctx, id)
	if err != nil {
		return Resource{}, err
	}
	if meta.IsDeleted && !o.IncludeDeleted {
		return Resource{}, &RefusedError{
			Code: CodeDeleted, Model: r.name, ResourceID: id,
			Message: fmt.Sprintf("resource %s of model %s is deleted", id, r.name),
		}
	}
	key := currentKey(meta)
	if o.Revision != "" && o.Revision != key.Revision {
		if key, err = r.findRevision(ctx, meta, o.Revision); err != nil {
			return Resource{}, err
		}
	}
	rev, err := r.revisions.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return Resource{}, r.noRevision(id, key.Revision)
	}
	if err != nil {
		return Resource{}, fmt.Errorf("get revision %s of model %s: %w", key.Revision, r.name, err)
	}
	return Resource{Meta: meta, Info: rev.Info, Data: rev.Data}, nil
}

// GetMeta returns the meta of a resource, deleted or not. One that is not there
// gives a *[RefusedError].
func (r *Reader) GetMeta(ctx context.Context, id resource.ID) (meta resource.Meta, err error) {
	err = r.watchedRead(ctx, ActionGetMeta, id, "", func() (err error) {
		meta, err = r.getMeta(ctx, id)
		return err
	})
	return meta, err
}

func (r *Reader) getMeta(ctx context.Context, id resource.ID) (resource.Meta, error) {
	meta, err := r.metas.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return resource.Meta{}, &RefusedError{
			Code: CodeNotFound, Model: r.name, ResourceID: id,
			Message: fmt.Sprintf("model %s has no resource %s", r.name, id),
		}
	}
	if err != nil {
		return resource.Meta{}, fmt.Errorf("get %s of model %s: %w", id, r.name, err)
	}
	return meta, nil
}

// Revisions returns the infos of a resource's revisions by number, those of a
// migrated revision by schema version; nothing for an unknown resource.
func (r *Reader) Revisions(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	c := r.catalog
	if !c.guarded() {
		return r.revisions.List(ctx, id)
	}
	event := func() (*Event, error) {
		e := c.event(ActionListRevisions, r.name, id)
		return e, r.describe(ctx, e)
	}
	return watchedRows(ctx, c, event, func(*Event) iter.Seq2[resource.RevisionInfo, error] {
		return r.revisions.List(ctx, id)
	})
}

// Search returns the metas that q selects and the user may see, in q's order,
// deleted ones included unless q excludes them. Limit and offset count what may
// be seen.
func (r *Reader) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return r.search(ctx, q)
}

// search does a search for the resources with which the user may also do the
// given things.
func (r *Reader) search(ctx context.Context, q qb.Query, also ...Action) iter.Seq2[resource.Meta, error] {
	return r.searchMore(ctx, q, q, also...)
}

// searchMore does the search more for the search q that the handlers are told of.
func (r *Reader) searchMore(ctx context.Context, q, more qb.Query, also ...Action) iter.Seq2[resource.Meta, error] {
	c := r.catalog
	if !c.guarded() {
		return r.metas.Search(ctx, more)
	}
	event := func() (*Event, error) { return r.queryEvent(q), nil }
	return watchedRows(ctx, c, event, func(e *Event) iter.Seq2[resource.Meta, error] {
		rows, err := c.rows(ctx, e)
		for _, a := range also {
			of := *e
			of.Action = a
			others, othersErr := c.rows(ctx, &of)
			rows, err = rows.and(others), cmp.Or(err, othersErr)
		}
		if err != nil {
			return func(yield func(resource.Meta, error) bool) { yield(resource.Meta{}, err) }
		}
		return rows.search(ctx, r.metas, more)
	})
}

// Count returns how many metas q's condition selects, of those that the user may
// see, whatever its limit and offset.
func (r *Reader) Count(ctx context.Context, q qb.Query) (n int64, err error) {
	c := r.catalog
	if !c.guarded() {
		n, err = r.metas.Count(ctx, q)
	} else {
		e := r.queryEvent(q)
		err = c.watched(ctx, e, func() error {
			rows, err := c.rows(ctx, e)
			if err == nil {
				n, err = rows.count(ctx, r.metas, q)
			}
			return err
		})
	}
	if err != nil {
		return 0, fmt.Errorf("count model %s: %w", r.name, err)
	}
	return n, nil
}

// CountBy counts the metas that q's condition selects, of those that the user may see,
// by their values: of limit values at most, of all when it is not positive.
func (r *Reader) CountBy(ctx context.Context, q qb.Query, by qb.Grouping, limit int) (n qb.Counts, err error) {
	c := r.catalog
	if !c.guarded() {
		n, err = r.metas.CountBy(ctx, q, by, limit)
	} else {
		e := r.queryEvent(q)
		err = c.watched(ctx, e, func() error {
			rows, err := c.rows(ctx, e)
			if err == nil {
				n, err = rows.countBy(ctx, r.metas, q, by, limit)
			}
			return err
		})
	}
	if err != nil {
		return qb.Counts{}, fmt.Errorf("count model %s: %w", r.name, err)
	}
	return n, nil
}

// queryEvent begins the description of a search or count.
func (r *Reader) queryEvent(q qb.Query) *Event {
	e := r.catalog.event(ActionSearchResources, r.name, "")
	e.Query = &q
	return e
}

// Stats counts what one model holds.
type Stats struct {
	storage.Stats
	Revisions int64 // stored (revision, schema version) pairs
}

// Stats counts the model's metas and revisions; of those in a bucket it lists every
// object. It is refused to a user who may not see all of them.
func (r *Reader) Stats(ctx context.Context) (s Stats, err error) {
	err = r.counting(ctx, func() error {
		if s.Stats, err = r.metas.Stats(ctx); err != nil {
			return err
		}
		s.Revisions, err = r.revisions.Count(ctx)
		return err
	})
	return s, err
}

// MetaStats counts the model's metas alone, for the reasons and refusals of Stats.
func (r *Reader) MetaStats(ctx context.Context) (s storage.Stats, err error) {
	err = r.counting(ctx, func() error {
		s, err = r.metas.Stats(ctx)
		return err
	})
	return s, err
}

// counting runs count for a user who may see the whole model.
func (r *Reader) counting(ctx context.Context, count func() error) error {
	models := []string{r.name}
	return r.catalog.watchedModels(ctx, ActionSearchResources, models, nil, func() error {
		if err := r.catalog.whole(ctx, ActionSearchResources, models); err != nil {
			return err
		}
		if err := count(); err != nil {
			return fmt.Errorf("count model %s: %w", r.name, err)
		}
		return nil
	})
}

// findRevision returns the key under which a revision is stored: at the meta's
// schema version when it is there, else at the last one.
func (r *Reader) findRevision(ctx context.Context, meta resource.Meta, rev resource.RevisionID) (resource.RevisionKey, error) {
	var found resource.RevisionKey
	for info, err := range r.revisions.List(ctx, meta.ResourceID) {
		if err != nil {
			return found, fmt.Errorf("list revisions of %s of model %s: %w", meta.ResourceID, r.name, err)
		}
		if info.RevisionID != rev {
			continue
		}
		if found = info.Key(); found.SchemaVersion == meta.SchemaVersion {
			return found, nil
		}
	}
	if found.Revision == "" {
		return found, r.noRevision(meta.ResourceID, rev)
	}
	return found, nil
}

func (r *Reader) noRevision(id resource.ID, rev resource.RevisionID) error {
	return &RefusedError{
		Code: CodeNotFound, Model: r.name, ResourceID: id,
		Message: fmt.Sprintf("resource %s of model %s has no revision %s", id, r.name, rev),
	}
}

// currentKey addresses the current revision of a resource.
func currentKey(meta resource.Meta) resource.RevisionKey {
	return resource.RevisionKey{Resource: meta.ResourceID, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion}
}
