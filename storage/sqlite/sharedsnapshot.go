package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"github.com/specstar-worker/worker/storage"
)

// sharedFrom is how long the file must be for more connections to be worth their opening.
const sharedFrom = 4 << 20

// sharedTries is how often connections are made to see the same while somebody writes.
const sharedTries = 8

// sharedSnapshot is a snapshot of which several connections have the view.
type sharedSnapshot struct {
	snapshot // whose connection reads metas
	others   []*snapshot
	// idle are the connections of others that read nothing now.
	idle chan queryer
}

// SharedSnapshot returns a view of all models as they are now for several goroutines.
// There is no such thing in SQLite: as many transactions begin, and they see the same
// when nobody has committed meanwhile, which another connection is asked for.
func (f *Factory) SharedSnapshot(ctx context.Context, readers int) (storage.Snapshot, int, error) {
	if f.beside != nil { // copies of metas, and revisions that anybody may read
		s, err := f.beside.snapshot(ctx)
		return s, readers, err
	}
	if f.length() < sharedFrom {
		s, err := f.Snapshot(ctx)
		return s, 0, err
	}
	watch, err := f.reads.Conn(ctx)
	if err != nil {
		return nil, 0, f.explain("open snapshot of", err)
	}
	defer func() { _ = watch.Close() }() // it was only asked
	for range sharedTries {
		s, same, err := f.beginTogether(ctx, watch, readers)
		if err != nil {
			return nil, 0, err
		}
		if same {
			return s, readers, nil
		}
		if err := s.Close(); err != nil {
			return nil, 0, err
		}
	}
	s, err := f.Snapshot(ctx)
	return s, 0, err
}

// length is how long the file is, with what was not yet brought into it.
func (f *Factory) length() (n int64) {
	for _, path := range []string{f.path, f.path + "-wal"} {
		if info, err := os.Stat(path); err == nil {
			n += info.Size()
		}
	}
	return n
}

// beginTogether begins transactions, and reports whether they see the same.
func (f *Factory) beginTogether(ctx context.Context, watch *sql.Conn, readers int) (s *sharedSnapshot, same bool, err error) {
	before, err := version(ctx, watch)
	if err != nil {
		return nil, false, f.explain("open snapshot of", err)
	}
	first, err := f.begin(ctx)
	if err != nil {
		return nil, false, err
	}
	s = &sharedSnapshot{snapshot: *first, idle: make(chan queryer, readers)}
	for range readers {
		other, err := f.begin(ctx)
		if err != nil {
			return nil, false, errors.Join(err, s.Close())
		}
		s.others = append(s.others, other)
		s.idle <- other.conn
	}
	after, err := version(ctx, watch)
	if err != nil {
		return nil, false, errors.Join(f.explain("open snapshot of", err), s.Close())
	}
	return s, before == after, nil
}

// version is a number that changes when another connection commits.
func version(ctx context.Context, conn *sql.Conn) (n int64, err error) {
	return n, conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&n)
}

// Build returns the readers of a model.
func (s *sharedSnapshot) Build(ctx context.Context, model string) (storage.MetaReader, storage.RevisionReader, error) {
	t, err := s.f.findTables(ctx, s.conn, model)
	if err != nil {
		return nil, nil, err
	}
	return metaReader{f: s.f, q: s.conn, t: t}, revisionReader{f: s.f, q: s.conn, t: t, idle: s.idle}, nil
}

// Close ends the transactions and gives the connections back. A second Close does
// nothing.
func (s *sharedSnapshot) Close() error {
	errs := []error{s.snapshot.Close()}
	for _, other := range s.others {
		errs = append(errs, other.Close())
	}
	return errors.Join(errs...)
}
