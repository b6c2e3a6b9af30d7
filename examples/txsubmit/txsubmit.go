// Package txsubmit shows how an application that has a PostgreSQL database of its own
// submits jobs inside its own transactions. The store of the worker is in the same
// database (worker run --store postgres://… --nats …). What the application writes and
// the jobs that follow from it then come into being together, or not at all, and no
// queue has to be there at that moment.
package txsubmit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage/postgres"
)

// Shop is an application. Its orders are rows of its own table; for each article sold a
// worker keeps a versioned resource.
type Shop struct {
	// Pool leads to the database.
	Pool *pgxpool.Pool
	// Store is the worker's store in the same database, opened once by postgres.Open.
	Store *postgres.Factory
	// Namespace is that of the worker's queue; "default" unless it was told another.
	Namespace string
}

// Order is what a customer wants.
type Order struct {
	Number   int64
	Customer string
	Articles []string
}

// Place writes an order and submits a job for each of its articles, in one transaction:
// one statement for all jobs. The ids of the jobs follow from the order, so that an order
// that is placed again by mistake has no second effect.
func (s *Shop) Place(ctx context.Context, o Order) error {
	return pgx.BeginFunc(ctx, s.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `INSERT INTO orders (number, customer) VALUES ($1, $2)`, o.Number, o.Customer); err != nil {
			return fmt.Errorf("write order %d: %w", o.Number, err)
		}
		envelopes, err := o.jobs()
		if err != nil {
			return err
		}
		submitter := jobs.NewTxSubmitter(s.Store.ID(), s.Namespace, s.Store.LedgerIn(tx))
		_, err = submitter.Submit(ctx, envelopes...)
		return err
	})
}

// jobs returns a save for each article.
func (o Order) jobs() ([]jobs.Envelope, error) {
	list := make([]jobs.Envelope, len(o.Articles))
	for i, article := range o.Articles {
		data, err := json.Marshal(map[string]any{"article": article, "order": o.Number})
		if err != nil {
			return nil, fmt.Errorf("order %d: %w", o.Number, err)
		}
		list[i] = jobs.NewSave("sale", o.Customer, manager.Operation{
			Op: manager.OpUpsert, ResourceID: resource.ID("sale:" + article), Data: data,
		})
		list[i].ID = fmt.Sprintf("order-%d-%d", o.Number, i)
	}
	return list, nil
}
