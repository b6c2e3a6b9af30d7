package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/storage"
)

// Bounds of write transactions.
const (
	maxAttempts   = 40 // of a transaction that loses races
	retryPause    = 5 * time.Millisecond
	acquireWithin = 30 * time.Second // for a connection of the pool
	endWithin     = 30 * time.Second // for COMMIT and ROLLBACK, whatever the caller's context
)

// begin starts a write transaction. Its statements look rows up by arrays of keys:
// beyond some size the planner would rather read whole tables. The id of the
// transaction tells its outcome when the connection is lost in COMMIT.
const begin = `BEGIN; SELECT pg_current_xact_id()::text, set_config('jit', 'off', true), set_config('plan_cache_mode', 'force_generic_plan', true),
	set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true), set_config('enable_hashjoin', 'off', true),
	set_config('enable_mergejoin', 'off', true), set_config('lock_timeout', '20s', true), set_config('idle_in_transaction_session_timeout', '120s', true)`

// tx is a write transaction.
type tx struct {
	f    *Factory
	ctx  context.Context // of the caller
	conn *pgx.Conn
	// attempt counts the times that the transaction was done before and lost a race.
	attempt int
	id      string // of the transaction
	// proven: the ledger tells whether it took effect, so that it may be done again.
	proven bool
	queued []statement // that flush writes
	// committed: it has ended already, whatever the error.
	committed bool
	// takeBack, when not nil, undoes what fn did outside of the database. It is called when
	// the context has ended behind fn, before the transaction gives up its locks.
	takeBack func() error
}

// write runs fn in a transaction, which commits when fn returns nil and the context
// has not ended. When another transaction was in the way it runs again.
func (f *Factory) write(ctx context.Context, doing string, fn func(*tx) error) error {
	return f.repeat(ctx, doing, func(attempt int) error { return f.try(ctx, attempt, fn) })
}

// repeat runs a transaction again when another one was in its way.
func (f *Factory) repeat(ctx context.Context, doing string, try func(attempt int) error) error {
	if f.readOnly {
		return fmt.Errorf("%s %s: %w", doing, f.place, errReadOnly)
	}
	for attempt := 0; ; attempt++ {
		err := try(attempt)
		if err == nil {
			return nil
		}
		if _, unknown := errors.AsType[unknownOutcome](err); ctx.Err() != nil && !unknown {
			return ctx.Err()
		}
		if !lostRace(err) || attempt == maxAttempts {
			return f.explainWrite(doing, err)
		}
		if ctx.Err() != nil {
			return f.explainWrite(doing, err) // it may have taken effect (G21)
		}
		pause := time.Duration(0) // the one that was first has committed
		if attempt > 0 || sqlState(err) == deadlockDetected {
			pause = time.Duration(rand.Int64N(int64(retryPause) << min(attempt, 5)))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// explainWrite is explain for errors of fn: those that fn made itself stay as they are.
func (f *Factory) explainWrite(doing string, err error) error {
	if _, down := isDown(err); sqlState(err) == "" && !down {
		return err
	}
	return f.explain(doing, err)
}

// try runs the transaction once.
func (f *Factory) try(ctx context.Context, attempt int, fn func(*tx) error) error {
	t, release, err := f.start(ctx)
	if err != nil {
		return err
	}
	defer release()
	t.attempt = attempt
	err = fn(t)
	if t.committed && err == nil {
		return nil
	}
	if err == nil {
		if err = ctx.Err(); err != nil && t.takeBack != nil {
			err = errors.Join(err, t.takeBack())
		}
	}
	if err != nil {
		t.rollback()
		return err
	}
	return t.commit()
}

// start begins a transaction.
func (f *Factory) start(ctx context.Context) (t *tx, release func(), err error) {
	return f.startWith(ctx, (*tx).begin)
}

// startWith begins a transaction by what first does. Connections that turn out dead are
// passed over: after a restart of the server all those are that were idle. One that has
// told the id of the transaction was not dead.
func (f *Factory) startWith(ctx context.Context, first func(*tx) error) (t *tx, release func(), err error) {
	for left := f.pool.Config().MaxConns; ; left-- {
		conn, err := f.acquire(ctx)
		if err != nil {
			return nil, nil, err
		}
		t, dead, err := f.startOn(ctx, conn, first)
		if err == nil {
			return t, conn.Release, nil
		}
		if !dead || left <= 0 || ctx.Err() != nil {
			return nil, nil, err
		}
	}
}

// startOn begins a transaction on a connection, which it gives back unless that succeeds;
// it may have been dead.
func (f *Factory) startOn(ctx context.Context, conn *pgxpool.Conn, first func(*tx) error) (t *tx, dead bool, err error) {
	begun := false
	defer func() {
		if !begun { // first may also panic
			conn.Release()
		}
	}()
	t = &tx{f: f, ctx: ctx, conn: conn.Conn()}
	if err := first(t); err != nil {
		t.rollback()
		return nil, t.conn.IsClosed() && t.id == "" && !errors.Is(err, errUnannounced), err
	}
	begun = true
	return t, false, nil
}

// begin begins the transaction. The first one of a connection also notes the run of the
// server that it leads to.
func (t *tx) begin() error {
	results, err := t.conn.PgConn().Exec(t.ctx, t.beginning()).ReadAll()
	if err != nil {
		return err
	}
	t.begun(results[1].Rows[0])
	return nil
}

// beginning is what begins the transaction. It gives one row.
func (t *tx) beginning() string {
	if _, known := t.conn.PgConn().CustomData()[runKey]; known {
		return begin
	}
	return begin + `, ` + serverRun
}

// begun notes what the row of beginning tells.
func (t *tx) begun(row [][]byte) {
	t.id = string(row[0])
	if known := t.conn.PgConn().CustomData(); known[runKey] == nil {
		known[runKey] = string(row[len(row)-1])
	}
}

// acquire takes a connection of the pool.
func (f *Factory) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	within, stop := context.WithTimeout(ctx, acquireWithin)
	defer stop()
	conn, err := f.pool.Acquire(within)
	switch {
	case err == nil:
		return conn, nil
	case f.ended.Err() != nil:
		return nil, errClosed
	case ctx.Err() == nil && within.Err() != nil:
		return nil, fmt.Errorf("no connection is free after %s: raise pool_max_conns: %w", acquireWithin, storage.ErrUnavailable)
	}
	return nil, err
}

// rollback undoes the transaction. On a connection that is gone the server does.
func (t *tx) rollback() {
	if t.conn.IsClosed() {
		return
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(t.ctx), endWithin)
	defer stop()
	if _, err := t.conn.Exec(ctx, `ROLLBACK`); err != nil {
		_ = t.conn.Close(ctx) // what made the transaction fail is what the caller needs
	}
}

// Query reads inside the transaction.
func (t *tx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, sql, args...)
}

// each calls scan for each row of a query.
func (t *tx) each(query string, args []any, scan func(pgx.Rows) error) error {
	_, err := scanRows(t.ctx, t, query, args, func(rows pgx.Rows) (struct{}, error) { return struct{}{}, scan(rows) },
		func(struct{}) bool { return true })
	return err
}

// exec runs a statement and returns how many rows it wrote.
func (t *tx) exec(query string, args ...any) (int64, error) {
	tag, err := t.conn.Exec(t.ctx, query, args...)
	return tag.RowsAffected(), err
}
