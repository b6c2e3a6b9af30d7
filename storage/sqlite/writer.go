package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// writer owns the one connection that writes, and its prepared statements.
type writer struct {
	path string
	turn chan struct{} // holds one element while a transaction runs
	db   *sql.DB
	conn *sql.Conn // nil until first used, and after it broke
	// reads and execs are the statements prepared on conn. Those that write go to
	// the driver itself: thousands run in a transaction, and what database/sql does
	// around each one costs a tenth of it.
	reads map[string]*sql.Stmt
	execs map[string]driver.StmtExecContext
	args  []driver.NamedValue // of the statement that runs
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
	return w.run(ctx, doing, fn, "")
}

// run is do; a prelude that is not empty runs before the transaction begins.
func (w *writer) run(ctx context.Context, doing string, fn func(*tx) error, prelude string) error {
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := w.begin(ctx, prelude, `BEGIN IMMEDIATE`); err != nil {
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
func (w *writer) begin(ctx context.Context, prelude, begin string) error {
	if w.conn == nil {
		conn, err := w.db.Conn(ctx)
		if err != nil {
			return err
		}
		w.conn, w.reads, w.execs = conn, map[string]*sql.Stmt{}, map[string]driver.StmtExecContext{}
	}
	if prelude != "" {
		if _, err := w.conn.ExecContext(ctx, prelude); err != nil {
			return err
		}
	}
	_, err := w.conn.ExecContext(ctx, begin)
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
	for _, s := range w.reads {
		errs = append(errs, s.Close())
	}
	errs = append(errs, w.conn.Raw(func(any) error { return w.closeExecs() }), w.conn.Close())
	w.conn, w.reads, w.execs = nil, nil, nil
	return errors.Join(errs...)
}

// close waits for the running transaction and closes the file.
func (w *writer) close() error {
	w.turn <- struct{}{}
	defer func() { <-w.turn }()
	return errors.Join(w.drop(), w.db.Close())
}

func (w *writer) closeExecs() error {
	var errs []error
	for _, s := range w.execs {
		errs = append(errs, s.(driver.Stmt).Close())
	}
	return errors.Join(errs...)
}

// prepared returns the statement for a query, made once for a connection.
func (t *tx) prepared(query string) (*sql.Stmt, error) {
	if s, ok := t.w.reads[query]; ok {
		return s, nil
	}
	s, err := t.w.conn.PrepareContext(t.run, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	t.w.reads[query] = s
	return s, nil
}

// preparedExec is prepared for statements that write.
func (t *tx) preparedExec(conn any, query string) (driver.StmtExecContext, error) {
	if s, ok := t.w.execs[query]; ok {
		return s, nil
	}
	s, err := conn.(driver.ConnPrepareContext).PrepareContext(t.run, query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	exec := s.(driver.StmtExecContext)
	t.w.execs[query] = exec
	return exec, nil
}

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(query string, args ...any) (changed int64, err error) {
	if err := t.w.setArgs(args); err != nil {
		return 0, err
	}
	err = t.w.conn.Raw(func(conn any) error {
		s, err := t.preparedExec(conn, query)
		if err != nil {
			return err
		}
		r, err := s.ExecContext(t.run, t.w.args)
		if err != nil {
			return err
		}
		changed, err = r.RowsAffected()
		return err
	})
	return changed, err
}

// setArgs converts arguments to the types that a driver takes.
func (w *writer) setArgs(args []any) error {
	w.args = w.args[:0]
	for i, a := range args {
		v := driver.NamedValue{Ordinal: i + 1}
		switch a := a.(type) {
		case string, int64, []byte, nil:
			v.Value = a
		case int:
			v.Value = int64(a)
		default:
			var err error
			if v.Value, err = driver.DefaultParameterConverter.ConvertValue(a); err != nil {
				return fmt.Errorf("parameter %d: %w", i+1, err)
			}
		}
		w.args = append(w.args, v)
	}
	return nil
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
