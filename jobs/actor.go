package jobs

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Actor is on whose behalf a long job is done.
type Actor struct {
	// User is the envelope's user, who must be allowed to do it.
	User string
	// Own: it is the program's own doing, which needs nobody's right: the rest of a
	// job that was allowed.
	Own bool
}

// actor returns on whose behalf a job is done. A backfill of what a load has
// brought is part of that load, whoever asks for it.
func (x *Executor) actor(ctx context.Context, e Envelope) (Actor, error) {
	a := Actor{User: e.User}
	b, ok := e.Args.(Backfill)
	if !ok || b.What == IndexedData || e.Parent == uuid.Nil || len(b.Models) == 0 {
		return a, nil
	}
	parent, err := x.Ledger.Get(ctx, e.Parent)
	if errors.Is(err, storage.ErrNotFound) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	var loaded manager.LoadOutcome
	if parent.Kind != string(KindLoad) || parent.State != storage.JobDone || json.Unmarshal(parent.Outcome, &loaded) != nil {
		return a, nil
	}
	for _, model := range b.Models {
		if _, ok := loaded.Models[model]; !ok {
			return a, nil
		}
	}
	a.Own = true
	return a, nil
}
