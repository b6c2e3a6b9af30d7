package postgres

import (
	"context"
	"errors"
	"slices"
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

	mu     sync.Mutex
	closed bool
	// idle are the connections that read nothing now, the first one among them; keyed
	// those of them that look rows up by arrays of keys.
	idle, keyed []*pgxpool.Conn
}

var _ storage.Snapshot = (*snapshot)(nil)

const beginSnapshot = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`

// byKey are the settings of transactions that look rows up by arrays of keys: beyond
// some size the planner would rather read whole tables, and plan each array anew.
const byKey = `SET LOCAL jit = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_hashjoin = off;
	SET LOCAL enable_mergejoin = off; SET LOCAL plan_cache_mode = force_generic_plan`

// Snapshot returns a view of all models as they are now.
func (f *Factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	conn, err := f.acquire(ctx)
	if err != nil {
		return nil, f.explain("open snapshot of", err)
	}
	results, err := conn.Conn().PgConn().Exec(ctx, beginSnapshot+`; SELECT pg_export_snapshot()`).ReadAll()
	if err != nil {
		return nil, errors.Join(f.explain("open snapshot of", err), end(conn))
	}
	s := &snapshot{f: f, name: string(results[1].Rows[0][0]), idle: []*pgxpool.Conn{conn}}
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
	metas.dumps = new(dumpSizes)
	return metas, revisionReader{f: s.f, s: snapshotSource{innerSource{f: s.f, q: s}}, t: t, sizes: metas.dumps}, nil
}

// SharedSnapshot is Snapshot: each query has a connection of its own. Half of the pool is
// left to others.
func (f *Factory) SharedSnapshot(ctx context.Context, readers int) (storage.Snapshot, int, error) {
	s, err := f.Snapshot(ctx)
	return s, max(1, min(readers, int(f.pool.Config().MaxConns)/2-1)), err
}

// Query reads on a connection of its own, which goes back when the rows are closed.
func (s *snapshot) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.query(ctx, &s.idle, "", sql, args)
}

// queryKeys is Query for rows that are looked up by an array of keys. It never uses the
// first connection: a reader that stops early breaks the one that it uses, and without
// the first one no other can take its view.
func (s *snapshot) queryKeys(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.query(ctx, &s.keyed, byKey, sql, args)
}

func (s *snapshot) query(ctx context.Context, from *[]*pgxpool.Conn, settings, sql string, args []any) (pgx.Rows, error) {
	conn, err := s.take(ctx, from, settings)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		s.give(from, conn)
		return nil, err
	}
	return &lentRows{Rows: rows, back: func() { s.give(from, conn) }}, nil
}

// errSnapshotClosed ends reads of a closed snapshot.
var errSnapshotClosed = errors.New("the snapshot was closed")

// take returns an idle connection that has the snapshot's view, or makes one. While
// it waits for one of the pool, others may give theirs back.
func (s *snapshot) take(ctx context.Context, from *[]*pgxpool.Conn, settings string) (*pgxpool.Conn, error) {
	conn, err := s.takeIdle(from)
	if conn != nil || err != nil {
		return conn, err
	}
	if conn, err = s.f.acquire(ctx); err != nil {
		return nil, err
	}
	if _, err := conn.Conn().PgConn().Exec(ctx, beginSnapshot+`; SET TRANSACTION SNAPSHOT '`+s.name+`'; `+settings).ReadAll(); err != nil {
		return nil, errors.Join(err, end(conn))
	}
	return conn, nil
}

// takeIdle returns an idle connection, nil when there is none.
func (s *snapshot) takeIdle(from *[]*pgxpool.Conn) (*pgxpool.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errSnapshotClosed
	}
	n := len(*from)
	if n == 0 {
		return nil, nil
	}
	conn := (*from)[n-1]
	*from = (*from)[:n-1]
	return conn, nil
}

// give takes a connection back that reads no more. Where the snapshot was closed
// meanwhile, or the connection broke, its transaction ends here.
func (s *snapshot) give(to *[]*pgxpool.Conn, conn *pgxpool.Conn) {
	s.mu.Lock()
	keep := !s.closed && !conn.Conn().IsClosed()
	if keep {
		*to = append(*to, conn)
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
	ours := slices.Concat(s.idle, s.keyed)
	s.closed, s.idle, s.keyed = true, nil, nil
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
