package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
	"github.com/specstar-worker/worker/storage"
)

// LoadRecordsBulk loads records of one model from memory as one unit of work
// (upgrade page, "load_records_bulk"): the counts are those of the original, and
// with [RaiseError] a resource that exists gives a *[storage.DuplicateError] and
// nothing is written. As in an archive, each revision must belong to one of the
// metas and be what its hash says, the current revision must be there, and no
// meta may be repeated; otherwise a *[RefusedError] says why. The model is
// declared when it is new.
func (c *Catalog) LoadRecordsBulk(ctx context.Context, b Records, d OnDuplicate) (stats LoadStats, err error) {
	if d, err = ParseOnDuplicate(string(d)); err != nil {
		return LoadStats{}, &RefusedError{Code: CodeInvalid, Model: b.Model, Message: err.Error()}
	}
	g, err := b.cargo()
	if err != nil {
		return LoadStats{}, err
	}
	err = c.watchedModels(ctx, ActionLoad, []string{b.Model}, nil, func() (err error) {
		stats, err = c.loadRecords(ctx, &b, g, d)
		return err
	})
	return stats, err
}

// loadRecords loads records that were checked.
func (c *Catalog) loadRecords(ctx context.Context, b *Records, g *cargo, d OnDuplicate) (LoadStats, error) {
	if err := c.refuseRecords(ctx, g, d); err != nil {
		return LoadStats{}, err
	}
	if _, err := c.Declare(ctx, b.info()); err != nil {
		return LoadStats{}, err
	}
	if err := c.putBlobs(ctx, d, g.blobs); err != nil {
		return LoadStats{}, err
	}
	for i := range b.Revisions {
		if _, err := c.existingBlobs(ctx, b.Revisions[i].Data); err != nil {
			return LoadStats{}, err
		}
	}
	var stats LoadStats
	batch := storage.Batch{Refs: g.refs()}
	err := c.factory.Unit().Update(ctx, batch, func(v storage.View) (storage.Writes, error) {
		if d == RaiseError {
			if err := duplicates(v, batch.Refs); err != nil {
				return storage.Writes{}, err
			}
		}
		dec := decider{view: v, on: d, cargo: g}
		if err := dec.decide(); err != nil {
			return storage.Writes{}, err
		}
		stats = dec.stats
		return storage.Writes{Models: map[string]storage.ModelWrites{g.model: dec.writes}}, nil
	})
	if err != nil {
		return LoadStats{}, fmt.Errorf("load %d records of model %s: %w", len(b.Metas), b.Model, err)
	}
	return stats, nil
}

// refuseRecords finds out, before anything is written, whether records would be
// refused by what is in the store.
func (c *Catalog) refuseRecords(ctx context.Context, g *cargo, d OnDuplicate) error {
	if err := c.placeForBlobs(int64(len(g.blobs))); err != nil {
		return err
	}
	early := newEarly(d)
	if early == nil {
		return nil
	}
	m, err := c.Open(ctx, g.model)
	if errors.Is(err, storage.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	found, err := g.existing(ctx, m.stores.Metas)
	if err != nil {
		return err
	}
	if err := early.look(g, found); err != nil {
		return err
	}
	return duplicateError(&early.dup)
}

// cargo checks the records and sorts them by resource.
func (b *Records) cargo() (*cargo, error) {
	g := &cargo{
		model: b.Model, metas: b.Metas, blobs: b.Blobs,
		revisions: make(map[resource.ID][]resource.Revision, len(b.Metas)),
	}
	if err := b.checkMetas(); err != nil {
		return nil, err
	}
	if err := b.addRevisions(g); err != nil {
		return nil, err
	}
	for i := range b.Blobs {
		if bad := checkBlob(&b.Blobs[i]); bad != nil {
			return nil, b.refuse("", "%s", bad.message)
		}
	}
	return g, nil
}

// checkMetas refuses metas that cannot be stored and repeated ones.
func (b *Records) checkMetas() error {
	known := make(map[resource.ID]bool, len(b.Metas))
	for i := range b.Metas {
		id := b.Metas[i].ResourceID
		if err := b.Metas[i].Check(); err != nil {
			return b.refuse(id, "%v", err)
		}
		if known[id] {
			return b.refuse(id, "resource %s has a second meta", id)
		}
		known[id] = true
	}
	return nil
}

// addRevisions adds the revisions to the cargo, each of which must belong to a
// meta, and checks that no meta lacks its current one.
func (b *Records) addRevisions(g *cargo) error {
	for i := range b.Metas {
		g.revisions[b.Metas[i].ResourceID] = nil
	}
	for i := range b.Revisions {
		rev := &b.Revisions[i]
		id := rev.Info.ResourceID
		if err := rev.Info.Check(); err != nil {
			return b.refuse(id, "%v", err)
		}
		if bad := checkRevision(rev); bad != nil {
			return b.refuse(id, "%s", bad.message)
		}
		if _, known := g.revisions[id]; !known {
			return b.refuse(id, "revision %s has no meta", rev.Info.RevisionID)
		}
		if err := g.addRevision(*rev); err != nil {
			return b.refuse(id, "%v", err)
		}
	}
	for i := range b.Metas {
		if !g.hasCurrent(&b.Metas[i]) {
			return b.refuse(b.Metas[i].ResourceID, "current revision %s is not there", b.Metas[i].CurrentRevisionID)
		}
	}
	return nil
}

// hasCurrent reports whether the current revision of a meta is in the cargo.
func (g *cargo) hasCurrent(meta *resource.Meta) bool {
	return g.find(g.revisions[meta.ResourceID], currentKey(*meta)) >= 0
}

func (b *Records) refuse(id resource.ID, format string, args ...any) error {
	return &RefusedError{
		Code: CodeInvalid, Model: b.Model, ResourceID: id,
		Message: fmt.Sprintf("model %s: ", b.Model) + fmt.Sprintf(format, args...),
	}
}

// info is the model as the records show it.
func (b *Records) info() storage.ModelInfo {
	m := newModelCheck(b.Model)
	for i := range b.Metas {
		m.learn(&b.Metas[i])
	}
	if len(b.Revisions) > 0 {
		m.encoding = payload.Sniff(b.Revisions[0].Data)
	}
	return m.info()
}
