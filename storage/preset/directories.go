package preset

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// SQLiteDisk opens a store in a directory with metas, revisions and blobs as the
// original's FileSqliteMetaStore, DiskResourceStore and DiskBlobStore have them:
// DIR/<model>/meta.db, DIR/<model>/data and DIR/_blobs. Jobs are in
// DIR/.worker/ledger.db. The original has no factory for it: its app pairs the two.
func SQLiteDisk(ctx context.Context, dir string, o Options) (storage.Factory, error) {
	return files{dir, o}.open(ctx, InSQLiteFiles)
}

// Disk opens a store in a directory, the original's DiskStorageFactory: metas are in
// DIR/<model>/meta, revisions in DIR/<model>/data, blobs in DIR/_blobs. Jobs are in
// DIR/.worker/ledger.db.
func Disk(ctx context.Context, dir string, o Options) (storage.Factory, error) {
	return files{dir, o}.open(ctx, InFiles)
}

// files is a store whose metas and revisions are in files of the original.
type files struct {
	dir string
	o   Options
}

func (s files) open(ctx context.Context, kind Kind) (storage.Factory, error) {
	if err := s.check(ctx, kind); err != nil {
		return nil, err
	}
	if s.o.ReadOnly {
		if err := s.finish(ctx, kind); err != nil {
			return nil, err
		}
	}
	return s.openAs(ctx, kind)
}

// check refuses a directory whose metas are of the other kind: the store would be an
// empty one beside them.
func (s files) check(ctx context.Context, kind Kind) error {
	metas, err := disk.OpenMetas(ctx, disk.Config{Dir: s.dir, ReadOnly: true})
	if err != nil {
		return err
	}
	inFiles, err := metas.Models(ctx)
	if err := errors.Join(err, metas.Close()); err != nil {
		return err
	}
	inSQLite, err := sqlite.ModelsInFiles(s.dir)
	if err != nil {
		return err
	}
	mine, others, other := inFiles, inSQLite, InSQLiteFiles
	if kind == InSQLiteFiles {
		mine, others, other = inSQLite, inFiles, InFiles
	}
	if len(mine) == 0 && len(others) > 0 {
		return fmt.Errorf("open store %s: it is a %s store, with the metas of %s: use --store %[2]s:DIR", s.dir, other, strings.Join(others, ", "))
	}
	return nil
}

// finish finishes a write that was committed and cut by the death of its process: a
// reader could not.
func (s files) finish(ctx context.Context, kind Kind) error {
	cut, err := sqlite.Unfinished(ctx, s.dir)
	if !cut || err != nil {
		return err
	}
	s.o.ReadOnly = false
	f, err := s.openAs(ctx, kind)
	if err != nil {
		return err
	}
	return f.Close()
}

func (s files) openAs(ctx context.Context, kind Kind) (storage.Factory, error) {
	c := sqlite.Config{Dir: s.dir, TablePrefix: s.o.TablePrefix, Encoding: s.o.Encoding, ReadOnly: s.o.ReadOnly}
	var err error
	if c.Revisions, err = openDisk(ctx, s.dir, s.o.ReadOnly); err != nil {
		return nil, err
	}
	if kind == InFiles {
		if c.Metas, err = openMetas(ctx, s.dir, s.o.ReadOnly); err != nil {
			return nil, errors.Join(err, c.Revisions.Close())
		}
	}
	f, err := sqlite.Open(ctx, c) // which closes both when it fails
	if err != nil {
		return nil, err
	}
	return f, nil
}

// openMetas opens the metas below a directory.
func openMetas(ctx context.Context, dir string, readOnly bool) (storage.MetaMedium, error) {
	m, err := disk.OpenMetas(ctx, disk.Config{Dir: dir, ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	return m, nil
}
