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
	info    atomic.Pointer[storage.ModelInfo]
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
func (m *Manager) Get(ctx context.Context, id resource.ID, o GetOptions) (Resource, error) {
	meta, err := m.GetMeta(ctx, id)
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
func (m *Manager) GetMeta(ctx context.Context, id resource.ID) (resource.Meta, error) {
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
	return m.stores.Revisions.List(ctx, id)
}

// Search returns the metas that q selects, in q's order, deleted ones included
// unless q excludes them.
func (m *Manager) Search(ctx context.Context, q qb.Query) iter.Seq2[resource.Meta, error] {
	return m.stores.Metas.Search(ctx, q)
}

// Count returns how many metas q's condition selects, whatever its limit and offset.
func (m *Manager) Count(ctx context.Context, q qb.Query) (int64, error) {
	n, err := m.stores.Metas.Count(ctx, q)
	if err != nil {
		return 0, fmt.Errorf("count model %s: %w", m.name, err)
	}
	return n, nil
}

// Stats counts the model's rows.
func (m *Manager) Stats(ctx context.Context) (storage.Stats, error) {
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
