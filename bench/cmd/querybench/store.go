package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// store is a database with the model in it, as the store sees it and by hand.
type store struct {
	*postgres.Factory
	metas storage.MetaStore
	hand  *pgxpool.Pool
	dsn   string
	drop  func() error
	// deep is the position behind so many metas in the longest listing.
	deep  qb.Position
	depth int
	cases string // a text that the names of searches hold
	// seconds tells how long each step of making it took.
	seconds map[string]float64
}

func openStore(ctx context.Context, s *pgserver.Server, o options) (_ *store, err error) {
	dsn, drop, err := s.Database(ctx)
	if err != nil {
		return nil, err
	}
	t := &store{dsn: dsn, drop: drop, seconds: map[string]float64{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.close())
		}
	}()
	if t.Factory, err = postgres.Open(ctx, postgres.Config{DSN: pgserver.WithPool(dsn, o.connections+1)}); err != nil {
		return nil, err
	}
	if t.hand, err = pgxpool.New(ctx, dsn); err != nil {
		return nil, err
	}
	if err := t.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: resource.JSON, IndexedPaths: []string{"name", "price", "team"}}); err != nil {
		return nil, err
	}
	stores, err := t.Build(ctx, model)
	t.metas = stores.Metas
	return t, err
}

func (t *store) close() error {
	if t.hand != nil {
		t.hand.Close()
	}
	var err error
	if t.Factory != nil {
		err = t.Factory.Close()
	}
	return errors.Join(err, t.drop())
}

// step remembers how long fn takes.
func (t *store) step(name string, fn func() error) error {
	begin := time.Now()
	err := fn()
	t.seconds[name] = time.Since(begin).Seconds()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// atOnce is how many metas one transaction writes.
const atOnce = 2000

// fill writes metas by units of work, without payloads: searches do not read them.
func (t *store) fill(ctx context.Context, o options) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(o.connections)
	for from := 0; from < o.metas; from += atOnce {
		g.Go(func() error {
			metas, err := makeMetas(from, min(from+atOnce, o.metas))
			if err != nil {
				return err
			}
			return t.write(ctx, storage.ModelWrites{Metas: metas})
		})
	}
	return g.Wait()
}

// write writes new resources.
func (t *store) write(ctx context.Context, w storage.ModelWrites) error {
	b := storage.Batch{New: true, Refs: make([]storage.Ref, len(w.Metas))}
	for i, m := range w.Metas {
		b.Refs[i] = storage.Ref{Model: model, ID: m.ResourceID}
	}
	return t.Unit().Update(ctx, b, func(storage.View) (storage.Writes, error) {
		return storage.Writes{Models: map[string]storage.ModelWrites{model: w}}, nil
	})
}

// exec runs statements of the measurement's own.
func (t *store) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := t.hand.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
