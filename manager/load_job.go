package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// LoadRefusal is the outcome of a load job that was refused: where the archive
// is bad, and which record is to blame, as far as that is known.
type LoadRefusal struct {
	Offset     *int64      `json:"offset,omitempty"`
	Model      string      `json:"model,omitempty"`
	ResourceID resource.ID `json:"resource_id,omitempty"`
}

// RefusalOf describes the refusal of a load for the ledger.
func RefusalOf(err error) LoadRefusal {
	var r LoadRefusal
	if e, ok := errors.AsType[*archive.Error](err); ok {
		p := problemOf(e)
		return LoadRefusal{Offset: &p.Offset, Model: p.Model, ResourceID: p.ResourceID}
	}
	if e, ok := errors.AsType[*storage.DuplicateError](err); ok {
		r.Model = e.Model
		if len(e.IDs) > 0 {
			r.ResourceID = e.IDs[0]
		}
	}
	if e, ok := errors.AsType[*RefusedError](err); ok {
		r.Model, r.ResourceID = e.Model, e.ResourceID
	}
	return r
}

// endRefused forgets what a refused load staged and ends its row.
func (c *Catalog) endRefused(ctx context.Context, claim storage.Claim, code Code, why error) error {
	outcome, err := json.Marshal(RefusalOf(why))
	if err != nil {
		return fmt.Errorf("encode the refusal of job %s: %w", claim.Job, err)
	}
	if err := c.Unstage(ctx, claim); err != nil {
		return err
	}
	err = c.factory.Ledger().Finish(ctx, claim, storage.Final{
		State: storage.JobRefused, Outcome: outcome, ErrorCode: string(code), ErrorMessage: why.Error(),
	})
	if err != nil {
		return fmt.Errorf("end job %s: %w", claim.Job, err)
	}
	return nil
}

// Unstage forgets what a load job staged. It is for jobs that end without being
// published, and does nothing for one that staged nothing. The claim has no token when
// the job has ended; nothing is forgotten when it has not.
func (c *Catalog) Unstage(ctx context.Context, claim storage.Claim) error {
	if err := c.factory.Unit().Unstage(ctx, claim); err != nil {
		return fmt.Errorf("forget what job %s staged: %w", claim.Job, err)
	}
	return nil
}

// directLease is how long the row of a load without a queue is protected from
// being taken for abandoned, and directBeat how often that is renewed.
const (
	directLease = 2 * time.Minute
	directBeat  = 30 * time.Second
)

// KindDirectLoad is the kind of the ledger rows of [Catalog.LoadArchive]. No
// queue knows it, so that none takes such a row for its own.
const KindDirectLoad = "direct-load"

// LoadArchive loads an archive without a queue, under a ledger row of its own.
// It also ends the rows of such loads whose processes died, with what they staged.
func (c *Catalog) LoadArchive(ctx context.Context, src Source, o LoadOptions) (map[string]LoadStats, error) {
	if err := c.sweepDirect(ctx); err != nil {
		return nil, err
	}
	ledger := c.factory.Ledger()
	job := storage.Job{ID: uuid.New(), Kind: KindDirectLoad, Created: c.opts.Now()}
	_, claim, err := ledger.Claim(ctx, job, directLease)
	if err != nil {
		return nil, fmt.Errorf("load archive: %w", err)
	}
	var stats map[string]LoadStats
	g, gctx := errgroup.WithContext(ctx)
	ended := make(chan struct{})
	g.Go(guarded(func() error { return beat(gctx, ledger, claim, ended) }))
	g.Go(guarded(func() (err error) {
		defer close(ended)
		stats, err = c.Load(gctx, claim, src, o, nil)
		return err
	}))
	err = g.Wait()
	if _, refused := CodeOf(err); err == nil || refused {
		return stats, err
	}
	return nil, errors.Join(err, c.abandon(context.WithoutCancel(ctx), claim, err))
}

// beat renews a claim until the work under it has ended.
func beat(ctx context.Context, ledger storage.Ledger, claim storage.Claim, ended <-chan struct{}) error {
	tick := time.NewTicker(directBeat)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return nil
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if _, err := ledger.Renew(ctx, claim, directLease, storage.Progress{}); err != nil && !errors.Is(err, storage.ErrFenced) {
				return fmt.Errorf("renew the claim of job %s: %w", claim.Job, err)
			}
		}
	}
}

// errDied is why a load is ended that was done by no queue.
var errDied = errors.New("the process that loaded ended; nothing of the load is visible unless it replaces or skips: load again")

// sweepDirect abandons the loads without a queue whose leases have expired.
func (c *Catalog) sweepDirect(ctx context.Context) error {
	ledger := c.factory.Ledger()
	for job, err := range ledger.List(ctx, storage.JobFilter{Kind: KindDirectLoad, States: []storage.JobState{storage.JobRunning}}) {
		if err != nil {
			return fmt.Errorf("look for abandoned loads: %w", err)
		}
		_, claim, err := ledger.Claim(ctx, job, directLease)
		if errors.Is(err, storage.ErrLeased) || errors.Is(err, storage.ErrFinal) {
			continue
		}
		if err == nil {
			err = c.abandon(ctx, claim, errDied)
		}
		if err != nil {
			return fmt.Errorf("end abandoned load %s: %w", job.ID, err)
		}
	}
	return nil
}

// abandon ends the row of a load that nobody will try again.
func (c *Catalog) abandon(ctx context.Context, claim storage.Claim, why error) error {
	if err := c.Unstage(ctx, claim); err != nil {
		return err
	}
	err := c.factory.Ledger().Finish(ctx, claim, storage.Final{State: storage.JobDead, ErrorCode: "failed", ErrorMessage: why.Error()})
	if err != nil && !errors.Is(err, storage.ErrFenced) {
		return fmt.Errorf("end job %s: %w", claim.Job, err)
	}
	return nil
}
