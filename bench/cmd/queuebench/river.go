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

// saveArgs are a job of River: what the worker writes, made by who submits it. Lean
// jobs hold the payload alone, as a publisher has it, and the worker has the rest by
// heart: it costs nothing.
type saveArgs struct {
	N       int             `json:"n"`
	Payload json.RawMessage `json:"payload,omitempty"`
	Data    []byte          `json:"data,omitempty"`
	Info    []byte          `json:"info,omitempty"`
	Meta    []byte          `json:"meta,omitempty"`
}

// Kind implements river.JobArgs.
func (saveArgs) Kind() string { return "save" }

// riverArgs returns the i-th job.
func (b *alone) riverArgs(i int, lean bool) saveArgs {
	if lean {
		return saveArgs{N: i, Payload: b.work.ops[i].Data}
	}
	meta, data := b.work.rows[0][i], b.work.rows[1][i]
	return saveArgs{N: i, Data: data[1].([]byte), Info: data[2].([]byte), Meta: meta[1].([]byte)}
}

// upserter is a worker of River that does one upsert a job, in a transaction: its
// statements one by one, or lean all in one round trip.
type upserter struct {
	river.WorkerDefaults[saveArgs]
	pool *pgxpool.Pool
	rows [][][]any
	lean bool
	done *arrivals
}

// Work implements river.Worker.
func (u *upserter) Work(ctx context.Context, job *river.Job[saveArgs]) error {
	err := pgx.BeginFunc(ctx, u.pool, func(tx pgx.Tx) error {
		if u.lean {
			return u.together(ctx, tx, job.Args.N)
		}
		for i, query := range upserts {
			if _, err := tx.Exec(ctx, query, u.rows[i][job.Args.N]...); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		u.done.arrived(job.Args.N)
	}
	return err
}

// together sends the statements of the n-th job at once.
func (u *upserter) together(ctx context.Context, tx pgx.Tx, n int) error {
	var b pgx.Batch
	for i, query := range upserts {
		b.Queue(query, u.rows[i][n]...)
	}
	return tx.SendBatch(ctx, &b).Close()
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

func (b *alone) startRiver(ctx context.Context, t *store, done *arrivals, lean bool) (_ *riverQueue, err error) {
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
	river.AddWorker(workers, &upserter{pool: pool, rows: b.work.rows, done: done, lean: lean})
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
func writeRiver(lean bool) func(*alone, context.Context, *store, func(), func()) error {
	return func(b *alone, ctx context.Context, t *store, begin, end func()) (err error) {
		done := newArrivals(b.options.river)
		q, err := b.startRiver(ctx, t, done, lean)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, q.stop(ctx)) }()
		begin()
		for from := 0; from < b.options.river; from += riverInsertMany {
			var params []river.InsertManyParams
			for i := from; i < min(from+riverInsertMany, b.options.river); i++ {
				params = append(params, river.InsertManyParams{Args: b.riverArgs(i, lean)})
			}
			if _, err := q.client.InsertMany(ctx, params); err != nil {
				return err
			}
		}
		err = done.wait(ctx)
		end()
		return err
	}
}
