package faulttest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// save saves batches of jobs from many goroutines and prints the ids of those that
// are done, a line for each.
func (r role) save(ctx context.Context, f storage.Factory) error {
	m, err := manager.NewCatalog(f, nil, manager.Options{}).Open(ctx, model)
	if err != nil {
		return err
	}
	var printing sync.Mutex
	began := time.Now()
	g, ctx := errgroup.WithContext(ctx)
	for i := range r.Goroutines {
		random := rand.New(rand.NewPCG(r.Seed, uint64(i)))
		g.Go(func() error {
			for n := 0; r.Saves > 0 && n < r.Saves || r.For > 0 && time.Since(began) < r.For; n++ {
				batch := r.batch(random, fmt.Sprint(r.Seed, i, n))
				out, err := m.SaveJobs(ctx, batch)
				if err != nil {
					return err
				}
				var done strings.Builder
				for k, o := range out {
					if o.State == storage.JobDone {
						fmt.Fprintln(&done, batch[k].Row.ID)
					}
				}
				printing.Lock()
				_, err = os.Stdout.WriteString(done.String())
				printing.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// batch returns jobs over different resources in random order.
func (r role) batch(random *rand.Rand, name string) []manager.SaveJob {
	var jobs []manager.SaveJob
	for k, n := range random.Perm(r.Resources)[:r.Batch] {
		jobs = append(jobs, job(fmt.Sprint(name, "/", k), r.Op, id(n)))
	}
	return jobs
}

// id is that of a resource.
func id(n int) resource.ID { return resource.ID(fmt.Sprintf("item:%06d", n)) }

// noon is when everything happens.
var noon = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// job is a save whose payload says which job wrote it.
func job(name string, op manager.Op, id resource.ID) manager.SaveJob {
	key := uuid.NewSHA1(uuid.NameSpaceOID, []byte(name))
	return manager.SaveJob{
		Row:        storage.Job{ID: key, Text: key.String(), Kind: "save", Model: model, Created: noon},
		Operations: []manager.Operation{{Op: op, ResourceID: id, Payload: fmt.Appendf(nil, `{"job":%q}`, key), User: "ann", Time: noon}},
	}
}
