package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// maxPlans is how many plans a worker remembers. One may be large, and few loads run at
// the same time.
const maxPlans = 4

// plans are those of the divided jobs that this worker did chunks of lately, the last
// one used first.
type plans struct {
	mu   sync.Mutex
	open []openPlan
}

// openPlan is the plan of one job.
type openPlan struct {
	job    uuid.UUID
	digest []byte
	number int // of chunks
	chunks Chunks
}

// get returns the plan of a job with a digest.
func (p *plans) get(job uuid.UUID, digest []byte) (openPlan, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.open, func(o openPlan) bool { return o.job == job && bytes.Equal(o.digest, digest) })
	if i < 0 {
		return openPlan{}, false
	}
	found := p.open[i]
	p.open = slices.Insert(slices.Delete(p.open, i, i+1), 0, found)
	return found, true
}

// put remembers a plan.
func (p *plans) put(o openPlan) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(have openPlan) bool { return have.job == o.job })
	p.open = slices.Insert(p.open, 0, o)
	p.open = p.open[:min(len(p.open), maxPlans)]
}

// drop forgets the plan of a job that has ended.
func (p *plans) drop(job uuid.UUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open = slices.DeleteFunc(p.open, func(o openPlan) bool { return o.job == job })
}

// openStored reads the plan of a job with a digest and remembers it. errUnwanted says that
// the job does not have that plan.
func (x *Executor) openStored(ctx context.Context, job uuid.UUID, by Actor, a Args, digest []byte) (openPlan, error) {
	if open, ok := x.plans.get(job, digest); ok {
		return open, nil
	}
	p, err := x.Ledger.Plan(ctx, job)
	if errors.Is(err, storage.ErrNotFound) || err == nil && !bytes.Equal(p.Digest, digest) {
		return openPlan{}, errUnwanted
	}
	if err != nil {
		return openPlan{}, fmt.Errorf("look for the plan of job %s: %w", job, err)
	}
	chunks, err := x.Chunker.Open(ctx, by, a, p)
	if err != nil {
		return openPlan{}, fmt.Errorf("open the plan of job %s: %w", job, err)
	}
	open := openPlan{job: job, digest: p.Digest, number: p.Chunks, chunks: chunks}
	x.plans.put(open)
	return open, nil
}
