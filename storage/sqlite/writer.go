package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// writer owns the one connection that writes, and its prepared statements.
type writer struct {
	path string
	turn chan struct{} // holds one element while a transaction runs
	db   *sql.DB
	conn *sql.Conn // nil until first used, and after it broke
	stmt map[string]*sql.Stmt
}

func newWriter(path string, db *sql.DB) *writer {
	return &writer{path: path, turn: make(chan struct{}, 1), db: db}
}

// tx is a write transaction. Statements run without the caller's context: a
// watcher for each of thousands of statements would cost more than they do.
// Long loops call check instead.
type tx struct {
	w   *writer
	ctx context.Context // of the caller
	run context.Context // never cancelled
}

// check returns the error of a context that has ended.
func (t *tx) check() error { return t.ctx.Err() }

// do runs fn in a transaction, which commits when fn returns nil and the
// context has not ended.
func (w *writer) do(ctx context.Context, doing string, fn func(*tx) error) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := w.begin(ctx); err != nil {
		// A context that ends meanwhile may hide that the transaction began.
		if w.conn != nil {
			w.rollback()
		}
		return explain(w.path, doing, err)
	}
	t := &tx{w: w, ctx: ctx, run: context.WithoutCancel(ctx)}
	committed := false
	defer func() {
		if !committed {
			w.rollback()
		}
	}()
	err := fn(t)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		_, err = t.exec(`COMMIT`)
	}
	committed = err == nil
	if code(err) != 0 {
		return explain(w.path, doing, err)
	}
	return err
}

// begin takes the file's write lock; it waits for other processes.
func (w *writer) begin(ctx context.Context) error {
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return err
		}
		w.conn, w.stmt = conn, map[string]*sql.Stmt{}
	}
	_, err := w.conn.ExecContext(ctx, `BEGIN IMMEDIATE`)
	return err
}

// rollback undoes the transaction. SQLite may have done so by itself (disk
// full), or never begun it; then one that begins and ends tells that the
// connection is in order. One that is not is given up.
func (w *writer) rollback() {
	ctx := context.Background()
	if _, err := w.conn.ExecContext(ctx, `ROLLBACK`); err == nil {
		return
	}
	if _, err := w.conn.ExecContext(ctx, `BEGIN; ROLLBACK`); err != nil {
		_ = w.drop() // what made the transaction fail is what the caller needs
	}
}

// drop closes the connection; the next transaction opens another.
func (w *writer) drop() error {
	if w.conn == nil {
		return nil
	}
	var errs []error
	for _, s := range w.stmt {
		errs = append(errs, s.Close())
	}
	errs = append(errs, w.conn.Close())
	w.conn, w.stmt = nil, nil
	return errors.Join(errs...)
}

// close waits for the running transaction and closes the file.
func (w *writer) close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	return errors.Join(w.drop(), w.db.Close())
}

// prepared returns the statement for a query, made once for a connection.
func (t *tx) prepared(query string) (*sql.Stmt, error) {
	if s, ok := t.w.stmt[query]; ok {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.run, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	t.w.stmt[query] = s
	return s, nil
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	s, err := t.prepared(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.run, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// query runs a query; the rows must be closed before the next statement that
// writes what they read.
func (t *tx) query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepared(query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(t.run, args...)
}

// each calls fn for every row of a query.
func (t *tx) each(query string, args []any, fn func(*sql.Rows) error) error {
	rows, err := t.query(query, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := fn(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
