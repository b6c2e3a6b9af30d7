package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/diskblob"
)

// Factory is a store in one SQLite file. It is safe for concurrent use.
type Factory struct {
	path     string
	dir      string
	prefix   string
	readOnly bool
	now      func() time.Time
	layout   int // of the file; an older one only when read-only
	identity identity
	beside   *beside // nil: metas and revisions are in the file, too

	write *writer // nil when read-only
	reads *sql.DB
	ended context.Context
	end   context.CancelFunc

	mu     sync.Mutex // guards models and blobs
	models map[string]tables
	blobs  *diskblob.Store
}

var (
	_ storage.Factory          = (*Factory)(nil)
	_ storage.BlobStoreBuilder = (*Factory)(nil)
)

// errReadOnly is the reason why a read-only factory refuses to write.
var errReadOnly = errors.New("the store was opened for reading only")

// Open opens the store in c.Dir and makes it when it is not there. With
// ReadOnly a store that is not there gives storage.ErrNotFound.
func Open(ctx context.Context, c Config) (*Factory, error) {
	f := &Factory{
		path:     filepath.Join(c.Dir, fileName),
		dir:      c.Dir,
		prefix:   c.TablePrefix,
		readOnly: c.ReadOnly,
		now:      c.Now,
		models:   map[string]tables{},
	}
	if c.Revisions != nil {
		f.path = filepath.Join(c.Dir, ledgerName)
		f.beside = newBeside(f, c)
	}
	if f.now == nil {
		f.now = time.Now
	}
	f.ended, f.end = context.WithCancel(context.Background())
	open := f.openForWriting
	switch {
	case f.beside != nil:
		open = f.openBeside
	case c.ReadOnly:
		open = f.openForReading
	}
	if err := open(ctx, c); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if e := f.identity.encoding; c.Encoding != "" && c.Encoding != e {
		err := fmt.Errorf("open store %s: its metas are written as %s, not as %s: leave the encoding out", f.path, e, c.Encoding)
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Factory) openForWriting(ctx context.Context, c Config) error {
	if err := os.MkdirAll(filepath.Dir(f.path), 0o777); err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	db, err := sql.Open("sqlite", writeDSN(f.path))
	if err != nil {
		return explain(f.path, "open store", err)
	}
	db.SetMaxOpenConns(1)
	f.write = newWriter(f.path, db)
	if err := migrate(ctx, db, f.path); err != nil {
		return err
	}
	f.layout = layoutVersion
	if f.identity, err = makeIdentity(ctx, db, f.prefix, c.Encoding); err != nil {
		return explain(f.path, "open store", err)
	}
	f.reads, err = openReads(f.path, nil)
	return err
}

// ID identifies the store.
func (f *Factory) ID() uuid.UUID { return f.identity.id }

// Unit returns the store's unit of work.
func (f *Factory) Unit() storage.UnitOfWork { return unit{f} }

// Ledger returns the jobs of the store.
func (f *Factory) Ledger() storage.Ledger { return ledger{f} }

// Garbage returns what garbage collection needs. The blobs belong to all stores of
// the file.
func (f *Factory) Garbage() storage.Garbage { return garbage{f} }

// Traits: everything holds, and one unit of work runs at a time.
func (f *Factory) Traits() storage.Traits {
	if f.beside != nil {
		return f.beside.traits()
	}
	return storage.Traits{AtomicBatch: true, AtomicLoad: true, Durable: true, Writers: 1, Metas: f.encoding()}
}

// Close ends all reads, waits for the running unit of work and closes the file.
// A second Close does nothing.
func (f *Factory) Close() error {
	f.end()
	var errs []error
	if f.reads != nil {
		errs = append(errs, f.reads.Close())
	}
	if f.write != nil {
		errs = append(errs, f.write.close())
	}
	if f.beside != nil {
		errs = append(errs, f.beside.close())
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blobs != nil {
		errs = append(errs, f.blobs.Close())
		f.blobs = nil
	}
	return f.explain("close store", errors.Join(errs...))
}

// BuildBlobStore returns the store of the files under DIR/_blobs. The directory
// is made by the first Put.
func (f *Factory) BuildBlobStore(ctx context.Context) (storage.BlobStore, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.blobs == nil {
		b, err := diskblob.Open(ctx, diskblob.Config{Dir: filepath.Join(f.dir, blobsDir), ReadOnly: f.readOnly, Now: f.now})
		if err != nil {
			return nil, err
		}
		f.blobs = b
	}
	return f.blobs, nil
}

// encoding is how metas and infos are written.
func (f *Factory) encoding() resource.Encoding { return f.identity.encoding }
