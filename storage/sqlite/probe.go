package sqlite

import (
	"context"

	"github.com/specstar-worker/worker/storage"
)

// Probe writes a job and removes it in one transaction.
func (l ledger) Probe(ctx context.Context) error {
	return l.do(ctx, func(j jobs) error {
		probe := storage.NewProbe()
		if err := j.add(newJobRow(probe, l.f.now())); err != nil {
			return err
		}
		return j.remove(probe.ID)
	})
}
