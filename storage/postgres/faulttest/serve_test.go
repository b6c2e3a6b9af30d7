package faulttest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// death is when a worker kills itself.
type death string

// The moments of death.
const (
	never        death = ""
	beforeCommit death = "before commit" // everything is computed
	beforeAck    death = "before ack"    // everything is committed

	// Where revisions are in a bucket:
	beforePut   death = "before put"
	inPut       death = "in put"
	afterPut    death = "after put"
	beforeClaim death = "before claim"
	inClaim     death = "in claim"
	afterClaim  death = "after claim"
)

// order is what a worker is told to do.
type order struct {
	Messages []message
	Die      death
}

// message is a delivery of a job to a worker.
type message struct{ Job, Number int }

// jobID is the id of a job that is delivered.
func (m message) jobID() uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "delivered ", m.Job))
}

// delivery returns the message as a queue hands it out. Many jobs save the same resource.
func (m message) delivery(resources int) jobs.Delivery {
	key := m.jobID()
	return jobs.Delivery{
		MessageID: key.String(), Number: m.Number, Published: noon,
		Body: fmt.Appendf(nil, `{"schema":1,"kind":"save","model":%q,"user":"ann","args":{"op":"upsert","resource_id":%q,"data":{"job":%q}}}`,
			model, id(m.Job%resources), key),
	}
}

// newExecutor returns what carries out deliveries on a store.
func newExecutor(f storage.Factory, sources jobs.SourceOpener) *jobs.Executor {
	work := &jobs.CatalogWork{Catalog: manager.NewCatalog(f, nil, manager.Options{}), Sources: sources}
	return jobs.NewExecutor(jobs.Config{
		Store: uuid.NameSpaceOID, Ledger: f.Ledger(), Queue: uuid.NameSpaceURL, Saver: work, Loader: work, Backfiller: work, Migrator: work,
		Lease: 2 * time.Second, RetryMin: 10 * time.Millisecond, RetryMax: 100 * time.Millisecond,
	})
}

// serve does orders from standard input, one a line, and prints what is to be done
// with their messages.
func (r role) serve(ctx context.Context, f storage.Factory, medium *mortalMedium) error {
	deadly := &mortal{Factory: f}
	x := newExecutor(deadly, nil)
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		var ds []jobs.Delivery
		for _, m := range o.Messages {
			ds = append(ds, m.delivery(r.Resources))
		}
		deadly.armed = o.Die == beforeCommit
		if medium != nil {
			medium.die = o.Die
		}
		var actions []string
		for _, v := range x.Execute(ctx, ds) {
			actions = append(actions, v.Action.String())
			if v.Err != nil {
				fmt.Fprintln(os.Stderr, v.Action, v.Err)
			}
		}
		if o.Die == beforeAck {
			die()
		}
		if err := out.Encode(actions); err != nil {
			return err
		}
	}
	return lines.Err()
}

// die ends the process as kill -9 does.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// mortal is a store whose unit of work ends the process when it is armed.
type mortal struct {
	storage.Factory
	armed bool
}

func (m *mortal) Unit() storage.UnitOfWork { return mortalUnit{m.Factory.Unit(), m} }

type mortalUnit struct {
	storage.UnitOfWork
	m *mortal
}

// Update dies when everything is computed, in the middle of the transaction.
func (u mortalUnit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	return u.UnitOfWork.Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		w, err := compute(v)
		if u.m.armed {
			die()
		}
		return w, err
	})
}
