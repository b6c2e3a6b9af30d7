package postgres

import (
	"context"
	"iter"
	"sync"

	"github.com/jackc/pgx/v5"
)

// queryer is what reads: the pool, a snapshot, or a transaction.
type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// pooled reads on a connection of the pool for each query, and waits for a free one
// no longer than acquire does.
type pooled struct{ of *Factory }

// Query reads on a connection that goes back when the rows are closed.
func (p pooled) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := p.of.acquire(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		conn.Release()
		return nil, err
	}
	return &lentRows{Rows: rows, back: conn.Release}, nil
}

// lentRows calls back once, when the rows are closed.
type lentRows struct {
	pgx.Rows
	back func()
	once sync.Once
}

// Close ends the rows.
func (r *lentRows) Close() {
	r.Rows.Close()
	r.once.Do(r.back)
}

// stream runs a query and yields what scan makes of each row. An error is yielded
// once, last. The rows are closed when the loop ends, however it ends.
func stream[T any](ctx context.Context, f *Factory, q queryer, doing, query string, args []any, scan func(pgx.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, stop := f.reading(ctx)
		defer stop()
		open := func(rows pgx.Rows) (T, error) {
			var none T
			if err := ctx.Err(); err != nil {
				return none, err
			}
			return scan(rows)
		}
		more, err := scanRows(ctx, q, query, args, open, func(v T) bool { return yield(v, nil) })
		if err != nil && more {
			var none T
			yield(none, f.explain(doing, cause(ctx, err)))
		}
	}
}

// scanRows calls yield for each row until it returns false, and reports whether
// more could be yielded.
func scanRows[T any](ctx context.Context, q queryer, query string, args []any, scan func(pgx.Rows) (T, error), yield func(T) bool) (more bool, err error) {
	rows, err := q.Query(ctx, query, args...)
	if err != nil {
		return true, err
	}
	defer rows.Close()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return true, err
		}
		if !yield(v) {
			return false, nil
		}
	}
	return true, rows.Err()
}

// collect returns all that a query gives.
func collect[T any](ctx context.Context, f *Factory, q queryer, doing, query string, args []any, scan func(pgx.Rows) (T, error)) ([]T, error) {
	var all []T
	for v, err := range stream(ctx, f, q, doing, query, args, scan) {
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// scanText reads a row of one text.
func scanText[T ~string](rows pgx.Rows) (T, error) {
	var s string
	err := rows.Scan(&s)
	return T(s), err
}

// reading returns a context that also ends when the factory is closed.
func (f *Factory) reading(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(f.ended, func() { cancel(errClosed) })
	return ctx, func() { stop(); cancel(nil) }
}

// cause returns why the context ended, or err when it has not.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil || err == nil {
		return err
	}
	return context.Cause(ctx)
}

// texts returns strings as what pgx takes for a text array; nil is an empty one.
func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
