package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/filelock"
)

// Where a store keeps what is ours alone when metas and revisions are outside.
const (
	ledgerName = ".worker/ledger.db"
	lockName   = ".worker/write.lock"
)

// beside is the part of a store whose metas and revisions are in files of the
// original: what is in the ledger's file commits first, with a record of what is to
// be done to the others; see pending.
type beside struct {
	f      *Factory
	metas  storage.MetaMedium
	medium storage.RevisionMedium
	infos  resource.Encoding // of new revisions
	lock   *filelock.Lock    // held while a write runs

	mu     sync.Mutex                   // guards what follows
	found  map[string]storage.ModelInfo // of a store that is only read: models that it does not remember
	closed bool
}

// newBeside takes the media of c.
func newBeside(f *Factory, c Config) *beside {
	b := &beside{f: f, metas: c.Metas, medium: c.Revisions, lock: filelock.New(lockName), found: map[string]storage.ModelInfo{}}
	if b.metas == nil {
		b.metas = newMetaFiles(f)
	}
	return b
}

// traits: a unit of work is whole also after a crash. A load that is published becomes
// visible chunk by chunk, so that another program never waits for long.
func (b *beside) traits() storage.Traits {
	return storage.Traits{AtomicBatch: true, Durable: true, Writers: 1, FileNames: true, LiveRevisions: true, Metas: b.f.encoding()}
}

// openBeside opens the store, and takes in the models that the original has made.
func (f *Factory) openBeside(ctx context.Context, c Config) error {
	if c.TablePrefix != "" {
		return fmt.Errorf("open store %s: it has no tables of models: leave the table prefix out", c.Dir)
	}
	models, err := f.beside.metas.Models(ctx)
	if err != nil {
		return err
	}
	if c.ReadOnly && !exists(f.path) && len(models) == 0 {
		return fmt.Errorf("open store %s: %w", c.Dir, storage.ErrNotFound)
	}
	if c.Encoding, err = f.beside.sniffMetas(ctx, models, c.Encoding); err != nil {
		return err
	}
	switch {
	case !c.ReadOnly:
		err = f.openForWriting(ctx, c)
		if err == nil {
			_, err = f.write.db.ExecContext(ctx, pendingTable)
			err = f.explain("make the tables of store", err)
		}
	case exists(f.path):
		err = f.readLedger(ctx)
	default:
		err = f.lendLedger(ctx, c.Encoding)
	}
	if err != nil {
		return err
	}
	if f.beside.infos, err = f.beside.sniffInfos(ctx); err != nil {
		return err
	}
	if !c.ReadOnly {
		if err := f.beside.cleanUp(ctx); err != nil {
			return err
		}
	}
	return f.beside.adopt(ctx, models)
}

// readLedger opens the ledger for reading.
func (f *Factory) readLedger(ctx context.Context) (err error) {
	if f.reads, err = openReads(f.path, nil); err != nil {
		return err
	}
	if f.layout, err = readLayout(ctx, f.reads, f.path); err != nil {
		return err
	}
	f.identity, err = readIdentity(ctx, f.reads, "")
	return f.explain("open store", err)
}

// foreignSpace is the namespace of the ids of stores that have none yet.
var foreignSpace = uuid.MustParse("0f0c8a54-9d0b-5a53-8a53-6f3b7f3a8c11")

// lendLedger gives a store in which only the original has written an empty ledger in
// memory. The store's id follows from its directory until one is made.
func (f *Factory) lendLedger(ctx context.Context, e resource.Encoding) (err error) {
	if f.reads, err = sql.Open("sqlite", ":memory:"); err != nil {
		return err
	}
	f.reads.SetMaxOpenConns(1) // another one would be another memory
	if err = applyMigrations(ctx, f.reads); err == nil {
		_, err = f.reads.ExecContext(ctx, pendingTable)
	}
	if err == nil {
		f.identity, err = makeIdentity(ctx, f.reads, "", e)
	}
	if err != nil {
		return f.explain("open store", err)
	}
	dir, err := filepath.Abs(f.dir)
	f.layout, f.identity.id = layoutVersion, uuid.NewSHA1(foreignSpace, []byte(dir))
	return err
}

func (b *beside) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return errors.Join(b.metas.Close(), b.medium.Close())
}
