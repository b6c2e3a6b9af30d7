package main

import (
	"context"
	"errors"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// records are resources as they are decoded, in the order in which units take them.
type records struct {
	metas     []resource.Meta
	revisions []resource.Revision
}

// expectedRecords saves once and returns what was written, decoded.
func expectedRecords(ctx context.Context, n int) (r records, err error) {
	s, err := newStore(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	ops := makeOperations(n, 1)
	if err := saveMany(ctx, s.manager, ops); err != nil {
		return r, err
	}
	stores, err := s.factory.Build(ctx, model.Name)
	if err != nil {
		return r, err
	}
	for part := range slices.Chunk(ops, batch) {
		ids := make([]resource.ID, len(part))
		for i, o := range part {
			ids[i] = o.ResourceID
		}
		metas, err := stores.Metas.GetMany(ctx, ids)
		if err != nil {
			return r, err
		}
		r.metas = append(r.metas, metas...)
		for _, m := range metas {
			rev, err := stores.Revisions.Get(ctx, resource.RevisionKey{Resource: m.ResourceID, Revision: m.CurrentRevisionID})
			if err != nil {
				return r, err
			}
			r.revisions = append(r.revisions, rev)
		}
	}
	return r, nil
}

// saveRecords writes decoded records by whole units of work, each of which reads
// what is there first, as the manager's do.
func saveRecords(ctx context.Context, f storage.Factory, r records) error {
	for at := 0; at < len(r.metas); at += batch {
		metas, revisions := r.metas[at:min(at+batch, len(r.metas))], r.revisions[at:min(at+batch, len(r.metas))]
		refs := make([]storage.Ref, len(metas))
		for i := range metas {
			refs[i] = storage.Ref{Model: model.Name, ID: metas[i].ResourceID}
		}
		err := f.Unit().Update(ctx, storage.Batch{Refs: refs}, func(v storage.View) (storage.Writes, error) {
			for _, ref := range refs {
				if _, exists := v.Meta(ref); exists || v.NextNumber(ref) != 1 {
					return storage.Writes{}, errors.New("a new resource is there already")
				}
			}
			return storage.Writes{Models: map[string]storage.ModelWrites{model.Name: {Metas: metas, Revisions: revisions}}}, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
