package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Probe writes a job and removes it in one transaction. What it wrote is too large for
// a row, so the server stores it apart and needs room for it.
func (l ledger) Probe(ctx context.Context) error {
	return l.do(ctx, func(j jobs) error {
		probe := storage.NewProbe()
		if _, err := j.insert([]storage.Job{probe}); err != nil {
			return err
		}
		_, err := j.remove([]uuid.UUID{probe.ID})
		return err
	})
}
