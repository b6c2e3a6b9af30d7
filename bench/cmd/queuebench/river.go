package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

// Settings of River: workers and connections that suit a machine of a few processors,
// and those of its own benchmark for how soon it fetches.
const (
	riverWorkers     = 50
	riverConnections = 20
	riverInsertMany  = 1000
	riverCooldown    = 2 * time.Millisecond
	riverPoll        = 20 * time.Millisecond
)

// saveArgs are a job of River: the payload as a publisher has it. What the worker
// writes was encoded before and costs it nothing.
type saveArgs struct {
	N       int             `json:"n"`
	Payload json.RawMessage `json:"payload"`
}

// Kind implements river.JobArgs.
func (saveArgs) Kind() string { return "save" }

// upserter is a worker of River that does one upsert a job.
type upserter struct {
	river.WorkerDefaults[saveArgs]
	pool *pgxpool.Pool
	rows [][][]any
	done *arrivals
}

// Work implements river.Worker.
func (u *upserter) Work(ctx context.Context, job *river.Job[saveArgs]) error {
	err := pgx.BeginFunc(ctx, u.pool, func(tx pgx.Tx) error {
		var b pgx.Batch
		for i, query := range upserts {
			b.Queue(query, u.rows[i][job.Args.N]...)
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	if err == nil {
		u.done.arrived(job.Args.N)
	}
	return err
}

// upserts are a statement for each table.
var upserts = func() []string {
	list := make([]string, len(tables))
	for i, t := range tables {
		columns := strings.Split(t.columns, ", ")
		places, sets := make([]string, len(columns)), make([]string, len(columns))
		for c, name := range columns {
			places[c] = "$" + strconv.Itoa(c+1)
			sets[c] = name + " = EXCLUDED." + name
		}
		list[i] = `INSERT INTO ` + t.name + ` (` + t.columns + `) VALUES (` + strings.Join(places, ", ") + `) ON CONFLICT (` + t.key + `) DO UPDATE SET ` + strings.Join(sets, ", ")
	}
	return list
}()

// riverQueue is a River of which the client is running.
type riverQueue struct {
	pool   *pgxpool.Pool
	client *river.Client[pgx.Tx]
}

func (b *bench) startRiver(ctx context.Context, t *store, done *arrivals) (_ *riverQueue, err error) {
	pool, err := pgxpool.New(ctx, pgserver.WithPool(t.dsn, riverConnections))
	if err != nil {
		return nil, err
	}
	q := &riverQueue{pool: pool}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	driver := riverpgxv5.New(pool)
	migrator, err := rivermigrate.New(driver, nil)
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &upserter{pool: pool, rows: b.work.rows, done: done})
	q.client, err = river.NewClient(driver, &river.Config{
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: riverWorkers}},
		Workers: workers, FetchCooldown: riverCooldown, FetchPollInterval: riverPoll,
	})
	if err != nil {
		return nil, err
	}
	return q, q.client.Start(context.WithoutCancel(ctx))
}

func (q *riverQueue) stop(ctx context.Context) error {
	err := q.client.Stop(context.WithoutCancel(ctx))
	q.pool.Close()
	return err
}

// writeRiver inserts jobs by the thousand and waits until all are committed.
func (b *bench) writeRiver(ctx context.Context, t *store, begin func()) (err error) {
	done := newArrivals(b.river)
	q, err := b.startRiver(ctx, t, done)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, q.stop(ctx)) }()
	begin()
	for from := 0; from < b.river; from += riverInsertMany {
		var params []river.InsertManyParams
		for i := from; i < min(from+riverInsertMany, b.river); i++ {
			params = append(params, river.InsertManyParams{Args: saveArgs{N: i, Payload: b.work.ops[i].Data}})
		}
		if _, err := q.client.InsertMany(ctx, params); err != nil {
			return err
		}
	}
	return done.wait(ctx)
}
