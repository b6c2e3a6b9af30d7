package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"iter"
)

// stream runs a query and yields what scan makes of each row. An error is
// yielded once, last. The rows are closed when the loop ends, however it ends.
func stream[T any](ctx context.Context, f *Factory, q queryer, doing string, query string, args []any, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		ctx, stop := f.reading(ctx)
		defer stop()
		// Contexts end rows from another goroutine; asked here, not one row comes after.
		open := func(rows *sql.Rows) (T, error) {
			var none T
			if f.ended.Err() != nil {
				return none, errClosed
			}
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
func scanRows[T any](ctx context.Context, q queryer, query string, args []any, scan func(*sql.Rows) (T, error), yield func(T) bool) (more bool, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return true, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
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

// cause returns why the context ended, or err when it has not.
func cause(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}
