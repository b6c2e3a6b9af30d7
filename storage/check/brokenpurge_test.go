package check

import (
	"context"

	"github.com/specstar-worker/worker/storage"
)

// halfPurge leaves the revisions of a purged resource.
type halfPurge struct {
	storage.UnitOfWork
	f storage.Factory
}

func (u halfPurge) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	purged := map[string]storage.ModelWrites{}
	err := u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		w, err := compute(v)
		if err == nil {
			err = b.Check(w)
		}
		for model, mw := range w.Models {
			purged[model] = storage.ModelWrites{Purge: mw.Purge}
			mw.Purge = nil
			w.Models[model] = mw
		}
		return w, err
	})
	if err != nil {
		return err
	}
	for model, mw := range purged {
		s, err := u.f.Build(ctx, model)
		if err != nil {
			return err
		}
		if err := s.Metas.Delete(ctx, mw.Purge); err != nil {
			return err
		}
	}
	return nil
}
