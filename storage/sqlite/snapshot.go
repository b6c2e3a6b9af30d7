package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/specstar-worker/worker/storage"
)

// snapshot is a read transaction on a connection of its own: the write-ahead
// log keeps what it sees for as long as it is open.
type snapshot struct {
	f    *Factory
	conn *sql.Conn
}

// Snapshot returns a view of all models as they are now.
func (f *Factory) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	if f.beside != nil {
		return f.beside.snapshot(ctx)
	}
	return f.begin(ctx)
}

// begin begins a read transaction on a connection of its own.
func (f *Factory) begin(ctx context.Context) (*snapshot, error) {
	conn, err := f.reads.Conn(ctx)
	if err != nil {
		return nil, f.explain("open snapshot of", err)
	}
	_, err = conn.ExecContext(ctx, `BEGIN`)
	if err == nil {
		// A transaction sees the state at its first read.
		_, err = conn.ExecContext(ctx, `SELECT number FROM specstar_store LIMIT 1`)
	}
	s := &snapshot{f: f, conn: conn}
	if err != nil {
		return nil, errors.Join(f.explain("open snapshot of", err), s.Close())
	}
	return s, nil
}

// Build returns the readers of a model.
func (s *snapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	t, err := s.f.findTables(ctx, s.conn, model)
	if err != nil {
		return nil, nil, err
	}
	return metaReader{f: s.f, q: s.conn, t: t}, revisionReader{f: s.f, q: s.conn, t: t}, nil
}

// Close ends the transaction and gives the connection back. A second Close
// does nothing.
func (s *snapshot) Close() error {
	if s.conn == nil {
		return nil
	}
	_, err := s.conn.ExecContext(context.Background(), `ROLLBACK`)
	err = errors.Join(err, s.conn.Close())
	s.conn = nil
	return err
}
