package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/bench/internal/items"
	"github.com/specstar-worker/worker/bench/internal/pgserver"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// place is a database whose rows lack rev_* fields, again and again.
type place struct {
	dsn     string
	drop    func() error
	store   *postgres.Factory
	manager *manager.Manager
	pool    *pgxpool.Pool // of the program by hand
}

// newPlace makes a database with so many rows.
func newPlace(ctx context.Context, server *pgserver.Server, o options) (_ *place, err error) {
	dsn, drop, err := server.Database(ctx)
	if err != nil {
		return nil, err
	}
	p := &place{dsn: pgserver.WithPool(dsn, o.connections), drop: drop}
	if err := p.open(ctx, o); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *place) open(ctx context.Context, o options) (err error) {
	if p.store, err = postgres.Open(ctx, postgres.Config{DSN: p.dsn}); err != nil {
		return err
	}
	if p.pool, err = pgxpool.New(ctx, p.dsn); err != nil {
		return err
	}
	c := manager.NewCatalog(p.store, nil, manager.Options{BatchSize: o.page})
	if err := load(ctx, c, o.resources); err != nil {
		return err
	}
	if p.manager, err = c.Open(ctx, items.Model); err != nil {
		return err
	}
	if err := p.bare(ctx); err != nil {
		return err
	}
	_, err = p.pool.Exec(ctx, `CREATE TABLE before AS SELECT * FROM item_meta`)
	return err
}

// load loads so many resources.
func load(ctx context.Context, c *manager.Catalog, n int) (err error) {
	dir, err := os.MkdirTemp("", "fillbench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "items.acbak")
	if _, err := items.Write(path, n); err != nil {
		return err
	}
	archive, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = c.LoadArchive(ctx, bytes.NewReader(archive), manager.LoadOptions{OnDuplicate: manager.Overwrite})
	return err
}

// bare takes the rev_* fields away from all rows.
func (p *place) bare(ctx context.Context) error {
	stores, err := p.store.Build(ctx, items.Model)
	if err != nil {
		return err
	}
	for in := (storage.Range{}); ; {
		rows, err := stores.Metas.Rows(ctx, in, 1000)
		if err != nil || len(rows) == 0 {
			return err
		}
		metas := make([]resource.Meta, len(rows))
		for i, row := range rows {
			metas[i] = row.Meta
			metas[i].Rev = resource.RevMeta{}
		}
		if err := stores.Metas.SaveMany(ctx, metas); err != nil {
			return err
		}
		in = in.Behind(metas[len(metas)-1].ResourceID)
	}
}

// reset makes the rows what they were, and the server rest.
func (p *place) reset(ctx context.Context) error {
	for _, statement := range []string{
		`TRUNCATE item_meta`, `INSERT INTO item_meta SELECT * FROM before ORDER BY resource_id COLLATE "C"`, `VACUUM ANALYZE item_meta`, `CHECKPOINT`,
	} {
		if _, err := p.pool.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// digest returns a digest of all rows, and how many lack rev_* fields.
func (p *place) digest(ctx context.Context) (sum string, lacking int, err error) {
	err = p.pool.QueryRow(ctx, `SELECT md5(string_agg(md5(m::text), '' ORDER BY resource_id COLLATE "C")), count(*) FILTER (WHERE rev_status IS NULL) FROM item_meta AS m`).
		Scan(&sum, &lacking)
	return sum, lacking, err
}

func (p *place) close() (err error) {
	if p.pool != nil {
		p.pool.Close()
	}
	if p.store != nil {
		err = p.store.Close()
	}
	return errors.Join(err, p.drop())
}
