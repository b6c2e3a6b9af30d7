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

	mu   sync.Mutex
	root *pgxpool.Conn   // nil when the snapshot is closed
	idle []*pgxpool.Conn // that read nothing now
}

var _ storage.Snapshot = (*snapshot)(nil)

// Snapshot returns a view of all models as they are now.
func (f *Factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	conn, err := f.acquire(ctx)
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

// errSnapshotClosed ends reads of a closed snapshot.
var errSnapshotClosed = errors.New("the snapshot was closed")

// take returns an idle connection that has the snapshot's view, or makes one. While
// it waits for one of the pool, others may give theirs back.
func (s *snapshot) take(ctx context.Context) (*pgxpool.Conn, error) {
	conn, err := s.takeIdle()
	if conn != nil || err != nil {
		return conn, err
	}
	if conn, err = s.f.acquire(ctx); err != nil {
		return nil, err
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '`+s.name+`'`).ReadAll(); err != nil {
		return nil, errors.Join(err, end(conn))
	}
	return conn, nil
}

// takeIdle returns an idle connection, nil when there is none.
func (s *snapshot) takeIdle() (*pgxpool.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil, errSnapshotClosed
	}
	n := len(s.idle)
	if n == 0 {
		return nil, nil
	}
	conn := s.idle[n-1]
	s.idle = s.idle[:n-1]
	return conn, nil
}

// give takes a connection back that reads no more. Where the snapshot was closed
// meanwhile, or the connection broke, its transaction ends here.
func (s *snapshot) give(conn *pgxpool.Conn) {
	s.mu.Lock()
	keep := s.root != nil && !conn.Conn().IsClosed()
	if keep {
		s.idle = append(s.idle, conn)
	}
	s.mu.Unlock()
	if !keep {
		_ = end(conn) // nothing was written
	}
}

// Close ends the transactions and gives the connections back, those that are being
// read from when that ends. A second Close does nothing.
func (s *snapshot) Close() error {
	s.f.mu.Lock()
	delete(s.f.snapshots, s)
	s.f.mu.Unlock()
	s.mu.Lock()
	ours := s.idle
	if s.root != nil {
		ours = append(ours, s.root)
	}
	s.root, s.idle = nil, nil
	s.mu.Unlock()
	var errs []error
	for _, conn := range ours {
		errs = append(errs, end(conn))
	}
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
