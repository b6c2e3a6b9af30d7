package postgres

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Factory is a store in one PostgreSQL database. It is safe for concurrent use.
type Factory struct {
	place        string
	prefix       string
	readOnly     bool
	noMigrate    bool
	noForeignKey bool
	layout       Layout
	utc          bool // sessions are in UTC
	identity     identity
	version      int // of our own tables; an older one only when read-only
	pool         *pgxpool.Pool
	medium       storage.RevisionMedium // nil: revisions are in tables
	infos        resource.Encoding      // in the medium; empty: as metas
	blobStore    storage.BlobStore
	buffers      buffers

	ended   context.Context
	end     context.CancelFunc
	closing sync.Once

	mu        sync.Mutex // guards models and snapshots
	models    map[string]tables
	snapshots map[*snapshot]struct{} // that are open
}

var (
	_ storage.Factory          = (*Factory)(nil)
	_ storage.BlobStoreBuilder = (*Factory)(nil)
)

// Open connects to the database of c and makes what is not there: our own tables,
// and columns that old tables lack. Models that others made are taken in.
func Open(ctx context.Context, c Config) (*Factory, error) {
	pool, layout, err := c.parse()
	if err != nil {
		if c.Revisions != nil {
			err = errors.Join(err, c.Revisions.Close())
		}
		return nil, err
	}
	f := &Factory{
		prefix:       c.TablePrefix,
		readOnly:     c.ReadOnly,
		noMigrate:    c.NoMigrate,
		noForeignKey: c.NoForeignKey,
		layout:       layout,
		infos:        c.Infos,
		blobStore:    c.Blobs,
		models:       map[string]tables{},
		snapshots:    map[*snapshot]struct{}{},
	}
	if c.Revisions != nil {
		f.medium = markedMedium{c.Revisions}
	}
	f.ended, f.end = context.WithCancel(context.Background())
	err = f.connect(ctx, pool)
	if err == nil {
		err = f.open(ctx, c)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Factory) open(ctx context.Context, c Config) error {
	if f.readOnly {
		return f.openForReading(ctx, c.Encoding)
	}
	return f.openForWriting(ctx, c.Encoding, c.Reached)
}

// ID identifies the store.
func (f *Factory) ID() uuid.UUID { return f.identity.id }

// Unit returns the store's unit of work.
func (f *Factory) Unit() storage.UnitOfWork { return unit{f} }

// Ledger returns the jobs of the store.
func (f *Factory) Ledger() storage.Ledger { return ledger{f} }

// Garbage returns what garbage collection needs.
func (f *Factory) Garbage() storage.Garbage { return garbage{f} }

// Traits: everything holds, but for what a kill may leave beside the tables. More writers
// than processors of the server only make them wait for each other.
func (f *Factory) Traits() storage.Traits {
	writers := max(2, min(runtime.NumCPU(), 4, int(f.pool.Config().MaxConns)-2))
	beside := f.medium != nil
	return storage.Traits{
		AtomicBatch: true, AtomicLoad: true, Durable: true, Writers: writers, NoNUL: true, Metas: f.encoding(),
		FileNames: beside, LiveRevisions: beside, Uncounted: beside,
	}
}

// Close ends all reads and snapshots, waits for running writes and closes the
// connections. A second Close does nothing.
func (f *Factory) Close() error {
	f.end()
	var errs []error
	for _, s := range f.openSnapshots() {
		errs = append(errs, s.Close())
	}
	if f.pool != nil {
		f.pool.Close()
	}
	f.closing.Do(func() {
		if f.medium != nil {
			errs = append(errs, f.medium.Close())
		}
	})
	return errors.Join(errs...)
}

func (f *Factory) openSnapshots() []*snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Keys(f.snapshots))
}

// BuildBlobStore returns the blobs of the configuration, else those in a table.
func (f *Factory) BuildBlobStore(context.Context) (storage.BlobStore, error) {
	if f.blobStore != nil {
		return f.blobStore, nil
	}
	return blobs{f}, nil
}

// encoding is how metas are written.
func (f *Factory) encoding() resource.Encoding { return f.identity.encoding }

// infoEncoding is how infos are written.
func (f *Factory) infoEncoding() resource.Encoding {
	if f.medium != nil && f.infos != "" {
		return f.infos
	}
	return f.encoding()
}
