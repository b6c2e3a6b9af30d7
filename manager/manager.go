package manager

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Manager reads and changes the resources of one model. It is made by a
// [Catalog] and safe for concurrent use.
type Manager struct {
	name    string
	catalog *Catalog
	stores  storage.Stores
	info    *atomic.Pointer[storage.ModelInfo] // shared by the views
}

// Info returns what is known of the model.
func (m *Manager) Info() storage.ModelInfo { return *m.info.Load() }

// Resource is a resource as of one of its revisions.
type Resource struct {
	Meta resource.Meta
	Info resource.RevisionInfo
	// Data is the payload, as stored; it must not be changed.
	Data []byte
}

// GetOptions refine [Manager.Get]. The zero value asks for the current revision
// of a live resource.
type GetOptions struct {
	// Revision asks for this revision instead of the current one.
	Revision resource.RevisionID
	// IncludeDeleted also returns a resource that is deleted.
	IncludeDeleted bool
}

// Get returns a resource. A resource or revision that is not there, and a
// deleted resource that was not asked for, give a *[RefusedError].
func (m *Manager) Get(ctx context.Context, id resource.ID, o GetOptions) (r Resource, err error) {
	action := ActionGet
	if o.Revision != "" {
		action = ActionGetResourceRevision
	}
	err = m.watchedRead(ctx, action, id, o.Revision, func() (err error) {
		r, err = m.get(ctx, id, o)
		return err
	})
	return r, err
}

func (m *Manager) get(ctx context.Context, id resource.ID, o GetOptions) (Resource, error) {
	meta, err := m.getMeta(ctx, id)
	if err != nil {
		return Resource{}, err
	}
	if meta.IsDeleted && !o.IncludeDeleted {
		return Resource{}, &RefusedError{
			Code: CodeDeleted, Model: m.name, ResourceID: id,
			Message: fmt.Sprintf("resource %s of model %s is deleted", id, m.name),
		}
	}
	key := currentKey(meta)
	if o.Revision != "" && o.Revision != key.Revision {
		if key, err = m.findRevision(ctx, meta, o.Revision); err != nil {
			return Resource{}, err
		}
	}
	rev, err := m.stores.Revisions.Get(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return Resource{}, m.noRevision(id, key.Revision)
	}
	if err != nil {
		return Resource{}, fmt.Errorf("get revision %s of model %s: %w", key.Revision, m.name, err)
	}
	return Resource{Meta: meta, Info: rev.Info, Data: rev.Data}, nil
}

// GetMeta returns the meta of a resource, deleted or not. One that is not there
// gives a *[RefusedError].
func (m *Manager) GetMeta(ctx context.Context, id resource.ID) (meta resource.Meta, err error) {
	err = m.watchedRead(ctx, ActionGetMeta, id, "", func() (err error) {
		meta, err = m.getMeta(ctx, id)
		return err
	})
	return meta, err
}

func (m *Manager) getMeta(ctx context.Context, id resource.ID) (resource.Meta, error) {
	meta, err := m.stores.Metas.Get(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return resource.Meta{}, &RefusedError{
			Code: CodeNotFound, Model: m.name, ResourceID: id,
			Message: fmt.Sprintf("model %s has no resource %s", m.name, id),
		}
	}
	if err != nil {
		return resource.Meta{}, fmt.Errorf("get %s of model %s: %w", id, m.name, err)
	}
	return meta, nil
}

// Revisions returns the infos of a resource's revisions by number, those of a
// migrated revision by schema version; nothing for an unknown resource.
func (m *Manager) Revisions(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	infos := m.stores.Revisions.List(ctx, id)
	c := m.catalog
	if !c.guarded() {
		return infos
	}
	return watchedRows(ctx, c, infos, func() (*Event, error) {
		e := c.event(ActionListRevisions, m.name, id)
		return e, m.describe(ctx, e)
	})
}

// Search returns the metas that q selects, in q's order, deleted ones included
// unless q excludes them.
func (m *Manager) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	metas := m.stores.Metas.Search(ctx, q)
	c := m.catalog
	if !c.guarded() {
		return metas
	}
	return watchedRows(ctx, c, metas, func() (*Event, error) { return m.queryEvent(q), nil })
}

// Count returns how many metas q's condition selects, whatever its limit and offset.
func (m *Manager) Count(ctx context.Context, q qb.Query) (n int64, err error) {
	count := func() (err error) {
		if n, err = m.stores.Metas.Count(ctx, q); err != nil {
			return fmt.Errorf("count model %s: %w", m.name, err)
		}
		return nil
	}
	if !m.catalog.guarded() {
		err = count()
	} else {
		err = m.catalog.watched(ctx, m.queryEvent(q), count)
	}
	return n, err
}

// queryEvent begins the description of a search or count.
func (m *Manager) queryEvent(q qb.Query) *Event {
	e := m.catalog.event(ActionSearchResources, m.name, "")
	e.Query = &q
	return e
}

// Stats counts the model's rows.
func (m *Manager) Stats(ctx context.Context) (s storage.Stats, err error) {
	err = m.catalog.watchedModels(ctx, ActionSearchResources, []string{m.name}, nil, func() (err error) {
		s, err = m.stats(ctx)
		return err
	})
	return s, err
}

func (m *Manager) stats(ctx context.Context) (storage.Stats, error) {
	s, err := m.stores.Metas.Stats(ctx)
	if err != nil {
		return storage.Stats{}, fmt.Errorf("count model %s: %w", m.name, err)
	}
	return s, nil
}

// findRevision returns the key under which a revision is stored: at the meta's
// schema version when it is there, else at the last one.
func (m *Manager) findRevision(ctx context.Context, meta resource.Meta, rev resource.RevisionID) (resource.RevisionKey, error) {
	var found resource.RevisionKey
	for info, err := range m.stores.Revisions.List(ctx, meta.ResourceID) {
		if err != nil {
			return found, fmt.Errorf("list revisions of %s of model %s: %w", meta.ResourceID, m.name, err)
		}
		if info.RevisionID != rev {
			continue
		}
		if found = info.Key(); found.SchemaVersion == meta.SchemaVersion {
			return found, nil
		}
	}
	if found.Revision == "" {
		return found, m.noRevision(meta.ResourceID, rev)
	}
	return found, nil
}

func (m *Manager) noRevision(id resource.ID, rev resource.RevisionID) error {
	return &RefusedError{
		Code: CodeNotFound, Model: m.name, ResourceID: id,
		Message: fmt.Sprintf("resource %s of model %s has no revision %s", id, m.name, rev),
	}
}

// currentKey addresses the current revision of a resource.
func currentKey(meta resource.Meta) resource.RevisionKey {
	return resource.RevisionKey{Resource: meta.ResourceID, Revision: meta.CurrentRevisionID, SchemaVersion: meta.SchemaVersion}
}
