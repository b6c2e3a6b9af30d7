package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// payloads returns metas with their current revisions, which are read together. A
// resource that was purged meanwhile is left out. The error is that of a store that
// does not answer.
func (r *Reader) payloads(ctx context.Context, metas []resource.Meta) ([]Listed, error) {
	if len(metas) == 0 {
		return nil, nil
	}
	keys := make([]resource.RevisionKey, len(metas))
	for i, m := range metas {
		keys[i] = currentKey(m)
	}
	found, err := r.revisions.GetMany(ctx, keys)
	if concernsAll(ctx, err) {
		return nil, err
	}
	items := make([]Listed, 0, len(metas))
	for i, m := range metas {
		rev, ok := found[keys[i]]
		if ok && err == nil {
			items = append(items, Listed{Resource: Resource{Meta: m, Info: rev.Info, Data: rev.Data}})
			continue
		}
		item, there, err := r.payload(ctx, m)
		if err != nil {
			return nil, err
		}
		if there {
			items = append(items, item)
		}
	}
	return items, nil
}

// payload reads one resource anew, whose revision was not got together with others:
// it was changed meanwhile, or one of them is damaged.
func (r *Reader) payload(ctx context.Context, meta resource.Meta) (item Listed, there bool, err error) {
	now, err := r.metas.Get(ctx, meta.ResourceID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Listed{}, false, nil
	case err == nil:
		meta = now
	case concernsAll(ctx, err):
		return Listed{}, false, err
	}
	item.Meta = meta
	key := currentKey(meta)
	rev, err := r.revisions.Get(ctx, key)
	switch {
	case err == nil:
		item.Info, item.Data = rev.Info, rev.Data
	case concernsAll(ctx, err):
		return Listed{}, false, err
	case errors.Is(err, storage.ErrNotFound):
		item.Err = r.noRevision(meta.ResourceID, key.Revision)
	default:
		item.Err = fmt.Errorf("get revision %s of model %s: %w", key.Revision, r.name, err)
	}
	return item, true, nil
}

// concernsAll reports whether an error is not one of a single record: it would be the same
// for all others.
func concernsAll(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, storage.ErrUnavailable) || errors.Is(err, storage.ErrSetup))
}
