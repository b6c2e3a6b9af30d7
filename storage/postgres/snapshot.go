package postgres

import (
	"context"
	"errors"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/storage"
)

// snapshot is a set of read transactions that see the same: the first one lends its
// view to others, since a connection answers one query at a time and a reader may
// ask again while it reads.
type snapshot struct {
	f    *Factory
	name string // under which the first one's view can be taken
	root *pgxpool.Conn

	mu   sync.Mutex
	idle []*pgxpool.Conn
	all  []*pgxpool.Conn
}

var _ storage.Snapshot = (*snapshot)(nil)

// Snapshot returns a view of all models as they are now.
func (f *Factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	conn, err := f.pool.Acquire(ctx)
	if err != nil {
		return nil, f.explain("open snapshot of", err)
	}
	s := &snapshot{f: f, root: conn}
	_, err = conn.Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`)
	if err == nil {
		err = conn.QueryRow(ctx, `SELECT pg_export_snapshot()`).Scan(&s.name)
	}
	if err != nil {
		return nil, errors.Join(f.explain("open snapshot of", err), s.Close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.snapshots[s] = struct{}{}
	return s, nil
}

// Build returns the readers of a model.
func (s *snapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	t, err := s.f.tablesIn(ctx, s, model)
	if err != nil {
		return nil, nil, err
	}
	metas := metaReader{f: s.f, q: s, t: t}
	if s.f.medium != nil {
		return metas, s.f.outerReader(t), nil
	}
	return metas, revisionReader{f: s.f, s: innerSource{f: s.f, q: s}, t: t}, nil
}

// Query reads on a connection of its own, which goes back when the rows are closed.
func (s *snapshot) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	conn, err := s.take(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		s.give(conn)
		return nil, err
	}
	return &lentRows{Rows: rows, back: func() { s.give(conn) }}, nil
}

// take returns an idle connection that has the snapshot's view, or makes one.
func (s *snapshot) take(ctx context.Context) (*pgxpool.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil, errors.New("the snapshot was closed")
	}
	if n := len(s.idle); n > 0 {
		conn := s.idle[n-1]
		s.idle = s.idle[:n-1]
		return conn, nil
	}
	conn, err := s.f.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '`+s.name+`'`).ReadAll(); err != nil {
		return nil, errors.Join(err, end(conn))
	}
	s.all = append(s.all, conn)
	return conn, nil
}

func (s *snapshot) give(conn *pgxpool.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !conn.Conn().IsClosed() {
		s.idle = append(s.idle, conn)
	}
}

// Close ends the transactions and gives the connections back. A second Close does
// nothing.
func (s *snapshot) Close() error {
	s.f.mu.Lock()
	delete(s.f.snapshots, s)
	s.f.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	var errs []error
	for _, conn := range append(s.all, s.root) {
		errs = append(errs, end(conn))
	}
	s.root, s.idle, s.all = nil, nil, nil
	return s.f.explain("close snapshot of", errors.Join(errs...))
}

// end rolls a transaction back and gives its connection back. One that is gone took
// its transaction with it.
func end(conn *pgxpool.Conn) error {
	defer conn.Release()
	if conn.Conn().IsClosed() {
		return nil
	}
	ctx, stop := context.WithTimeout(context.Background(), endWithin)
	defer stop()
	if _, err := conn.Exec(ctx, `ROLLBACK`); err != nil {
		return conn.Conn().Close(ctx)
	}
	return nil
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
