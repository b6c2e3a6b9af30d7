package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	lib "modernc.org/sqlite/lib"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
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
	medium storage.RevisionMedium
	infos  resource.Encoding // of new revisions
	turn   chan struct{}     // holds one element while a write runs

	mu    sync.Mutex                   // guards what follows
	files map[string]*metaFile         // by model
	found map[string]storage.ModelInfo // of a store that is only read: models that it does not remember
}

func newBeside(f *Factory, m storage.RevisionMedium) *beside {
	return &beside{f: f, medium: m, turn: make(chan struct{}, 1), files: map[string]*metaFile{}, found: map[string]storage.ModelInfo{}}
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
	models, err := f.beside.directories()
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
	var errs []error
	for _, m := range b.files {
		errs = append(errs, m.close())
	}
	clear(b.files)
	if b.medium != nil {
		errs = append(errs, b.medium.Close())
		b.medium = nil
	}
	return errors.Join(errs...)
}

// alone runs fn while no other process of ours writes to the store. What an earlier
// one left undone is done first.
func (b *beside) alone(ctx context.Context, doing string, fn func() error) error {
	_, err := b.aloneIf(ctx, doing, true, fn)
	return err
}

// apart is alone where metas and revisions are outside; elsewhere a transaction does.
func (f *Factory) apart(ctx context.Context, doing string, fn func() error) error {
	if f.beside == nil {
		return fn()
	}
	return f.beside.alone(ctx, doing, fn)
}

// aloneIf is alone; without wait it does nothing when somebody else writes.
func (b *beside) aloneIf(ctx context.Context, doing string, wait bool, fn func() error) (ran bool, err error) {
	if b.f.readOnly {
		return false, fmt.Errorf("%s %s: %w", doing, b.f.dir, errReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	default:
		if !wait {
			return false, nil
		}
		select {
		case b.turn <- struct{}{}:
			defer func() { <-b.turn }()
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
	lock, err := os.OpenFile(filepath.Join(b.f.dir, lockName), os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return false, b.f.explain(doing, err)
	}
	defer func() { err = withUndone(err, lock.Close()) }() // which gives the lock up
	if held, err := flock(ctx, lock, wait); !held || err != nil {
		return false, err
	}
	if err := b.recover(ctx); err != nil {
		return false, err
	}
	return true, fn()
}

// lockPause is how long a process waits before it asks for a held lock again.
const lockPause = 2 * time.Millisecond

// flock takes the lock of a file and reports whether it has it; it waits for it as
// long as ctx lasts.
func flock(ctx context.Context, file *os.File, wait bool) (bool, error) {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err == nil, err
		}
		if !wait {
			return false, nil
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// settledWithin is how long a reader waits for a write of another process to be whole.
const settledWithin = 10 * time.Second

// settled returns when what was committed can be read: a unit of work that another
// process is just bringing to the files is waited for, and one that was left undone is
// done. A load that is being published is seen as far as it is.
func (b *beside) settled(ctx context.Context) error {
	limit := time.Now().Add(settledWithin)
	for {
		kind, err := b.undone(ctx)
		if kind == "" || err != nil {
			return err
		}
		if !b.f.readOnly {
			_, err := b.aloneIf(ctx, "finish a write in", kind != kindPublish, func() error { return nil })
			return err
		}
		if kind == kindPublish {
			return nil
		}
		if time.Now().After(limit) {
			return fmt.Errorf("read store %s: a write was cut: open the store once for writing, which finishes it: %w", b.f.dir, storage.ErrUnavailable)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// undone returns the kind of what was committed and is not in the files yet, "" for
// nothing.
func (b *beside) undone(ctx context.Context) (kind string, err error) {
	ctx, stop := b.f.reading(ctx)
	defer stop()
	err = b.f.reads.QueryRowContext(ctx, `SELECT kind FROM specstar_pending WHERE kind <> 'intent' LIMIT 1`).Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", nil
	case code(err) == lib.SQLITE_ERROR: // there is no such table in what nobody has written to
		return "", nil
	}
	return kind, b.f.explain("read", cause(ctx, err))
}

// Unfinished reports whether a store with metas and revisions outside holds a write
// that was committed and then cut, which opening it for writing finishes.
func Unfinished(ctx context.Context, dir string) (cut bool, err error) {
	f := &Factory{dir: dir, path: filepath.Join(dir, ledgerName)}
	f.ended, f.end = context.WithCancel(context.Background())
	defer f.end()
	if !exists(f.path) {
		return false, nil
	}
	if f.reads, err = openReads(f.path, nil); err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.reads.Close()) }()
	kind, err := (&beside{f: f}).undone(ctx)
	if kind == "" || err != nil {
		return false, err
	}
	lock, err := os.Open(filepath.Join(dir, lockName))
	if err != nil {
		return true, nil
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return flock(ctx, lock, false)
}

// directories returns the models that have a file of metas, by ascending name.
func (b *beside) directories() ([]string, error) {
	list, err := os.ReadDir(b.f.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list models of %s: %w", b.f.dir, err)
	}
	var models []string
	for _, e := range list {
		if e.IsDir() && checkDirectory(e.Name()) == nil && exists(b.metaPath(e.Name())) {
			models = append(models, e.Name())
		}
	}
	return models, nil
}

// metaPath is where the metas of a model are.
func (b *beside) metaPath(model string) string { return filepath.Join(b.f.dir, model, "meta.db") }

// checkDirectory reports why no directory of metas can have a model's name.
func checkDirectory(model string) error {
	switch {
	case model == "" || strings.HasPrefix(model, ".") || model == blobsDir || strings.ContainsAny(model, "/\x00") || len(model) > 255:
		return fmt.Errorf("model %q cannot be a directory of the store: %w", model, storage.ErrUnusableName)
	}
	return nil
}

// foundModels returns the models that only the files know.
func (b *beside) foundModels() []storage.ModelInfo {
	b.mu.Lock()
	defer b.mu.Unlock()
	models := make([]storage.ModelInfo, 0, len(b.found))
	for _, m := range b.found {
		models = append(models, m)
	}
	return models
}

// known returns the names of a model that was made, where it is: tables, or a
// directory.
func (f *Factory) known(ctx context.Context, model string) (tables, error) {
	if f.beside == nil {
		return f.tables(ctx, model)
	}
	return tables{model: model}, f.beside.know(ctx, model)
}

// know returns ErrNotFound for a model that was not made. One that the original has
// made meanwhile is taken in.
func (b *beside) know(ctx context.Context, model string) error {
	b.mu.Lock()
	_, ok := b.found[model]
	b.mu.Unlock()
	if ok {
		return nil
	}
	_, err := b.f.tables(ctx, model)
	if !errors.Is(err, storage.ErrNotFound) || checkDirectory(model) != nil || !exists(b.metaPath(model)) {
		return err
	}
	return b.adopt(ctx, []string{model})
}

// file returns the metas of a model.
func (b *beside) file(ctx context.Context, model string) (*metaFile, error) {
	if err := b.know(ctx, model); err != nil {
		return nil, err
	}
	return b.openFile(ctx, model, false)
}

// openFile opens the file of a model; make makes it when it is not there.
func (b *beside) openFile(ctx context.Context, model string, makes bool) (*metaFile, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.files[model]; m != nil {
		return m, nil
	}
	if b.f.ended.Err() != nil {
		return nil, errClosed
	}
	m, err := openMetaFile(ctx, b.metaPath(model), b.f.readOnly, makes)
	if err == nil {
		b.files[model] = m
	}
	return m, err
}

// models returns the names of all models, ascending.
func (b *beside) models(ctx context.Context) ([]string, error) {
	infos, err := b.f.listModels(ctx)
	names := make([]string, len(infos))
	for i, m := range infos {
		names[i] = m.Name
	}
	slices.Sort(names)
	return names, err
}
