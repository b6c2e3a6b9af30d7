package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// State is what is there when all is quiet: what the checker looks at besides the
// history.
type State struct {
	// Exact: numbers of revisions have no gaps, and none is stored that does not count.
	Exact     bool
	Resources []Resource
	Models    []ModelCounts
	// Jobs are the rows of the ledger, by id.
	Jobs map[string]Row
	// Letters are the dead letters, Messages how many messages the stream of jobs still
	// holds.
	Letters  []Letter
	Messages uint64
	// Deliveries is how often the present consumers handed out a message, Delivered
	// how many different ones; -1 when the queue lost count.
	Deliveries, Delivered int64
	// Verified is what `worker verify` says, Garbage what `worker gc` finds in the end.
	Verified manager.Findings
	Garbage  int64
	// Dump and Reloaded are the digests of a dump, and of a dump of a store into which
	// that was loaded.
	Dump, Reloaded string
	// Deadlocks is how many the database reported.
	Deadlocks int
	// Exits are the exit codes of workers that were not killed, how often each.
	Exits map[int]int
	// Failed are reads of the store, and commands of the worker on it, that failed.
	Failed []string
	// Panics are lines of workers' logs that tell of one, Leaks places where a secret
	// was found, Remains what is left of workers that have ended.
	Panics, Leaks, Remains []string
}

// Letter is a dead letter: of which job, and of which death of it.
type Letter struct {
	Job  string
	Died time.Time
}

// Row is one row of the ledger.
type Row struct {
	Kind      string
	State     storage.JobState
	Attempt   int
	Finished  time.Time
	Outcomes  []Outcome
	ErrorCode string
	Error     string
}

// Resource is one resource with everything that is stored of it.
type Resource struct {
	Model     string
	Meta      resource.Meta
	Revisions []Revision // by number
}

// Revision is a stored revision.
type Revision struct {
	Info  resource.RevisionInfo
	Token string
	// N is the indexed value of its payload.
	N int64
	// Intact: the payload is what the info's hash says.
	Intact bool
}

// ModelCounts are the numbers of a model's resources that several ways of counting
// find.
type ModelCounts struct {
	Model                      string
	Scanned, Searched, Counted int
	// Unfilled lack rev_* fields.
	Unfilled int64
}

// readState reads the store; the rest is added by others.
func readState(ctx context.Context, f storage.Factory, exact bool) (*State, error) {
	s := &State{Exact: exact, Jobs: map[string]Row{}, Deliveries: -1}
	for _, model := range []string{savedModel, loadedModel} {
		err := s.readModel(ctx, f, model)
		if errors.Is(err, storage.ErrUnavailable) || ctx.Err() != nil {
			return nil, fmt.Errorf("read model %s: %w", model, err)
		}
		if err != nil {
			s.Failed = append(s.Failed, fmt.Sprintf("read model %s: %v", model, err))
		}
	}
	for j, err := range f.Ledger().List(ctx, storage.JobFilter{}) {
		if err != nil {
			return nil, err
		}
		s.Jobs[j.ID.String()] = Row{
			Kind: j.Kind, State: j.State, Attempt: j.Attempt, Finished: j.Finished.UTC(),
			Outcomes: outcomesOf(j.Outcome), ErrorCode: j.ErrorCode, Error: j.ErrorMessage,
		}
	}
	return s, nil
}

func (s *State) readModel(ctx context.Context, f storage.Factory, model string) error {
	stores, err := f.Build(ctx, model)
	if err != nil {
		return err
	}
	place := map[resource.ID]int{}
	var ids []resource.ID
	for m, err := range stores.Metas.All(ctx) {
		if err != nil {
			return err
		}
		place[m.ResourceID] = len(s.Resources)
		ids = append(ids, m.ResourceID)
		s.Resources = append(s.Resources, Resource{Model: model, Meta: m})
	}
	for r, err := range stores.Revisions.DumpAll(ctx, slices.Values(ids)) {
		if err != nil {
			return err
		}
		x := &s.Resources[place[r.Info.ResourceID]]
		x.Revisions = append(x.Revisions, newRevision(r))
	}
	counts := ModelCounts{Model: model, Scanned: len(ids)}
	if err := counts.read(ctx, stores.Metas); err != nil {
		return err
	}
	s.Models = append(s.Models, counts)
	return nil
}

func newRevision(r resource.Revision) Revision {
	var payload struct {
		Token string
		N     int64
	}
	err := json.Unmarshal(r.Data, &payload)
	hash, hashed := r.Info.DataHash.Get()
	return Revision{
		Info: r.Info, Token: payload.Token, N: payload.N,
		Intact: err == nil && (!hashed || hash == resource.DataHash(r.Data)),
	}
}

func (c *ModelCounts) read(ctx context.Context, metas storage.MetaReader) error {
	for _, err := range metas.Search(ctx, qb.Query{}) {
		if err != nil {
			return err
		}
		c.Searched++
	}
	n, err := metas.Count(ctx, qb.Query{})
	if err != nil {
		return err
	}
	stats, err := metas.Stats(ctx)
	c.Counted, c.Unfilled = int(n), stats.UnsetRev
	return err
}
