package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// ours is our side of one round, with an embedded store that is empty at first.
type ours struct {
	dir     string
	factory *sqlite.Factory
	catalog *manager.Catalog
	input   string // the archive of the next operation
	// resources is how many resources the last operation was about.
	resources int
	// held are the input's records in memory, for write.
	held []archive.Record
}

func newOurs(ctx context.Context, dir string) (*ours, error) {
	f, err := sqlite.Open(ctx, sqlite.Config{Dir: filepath.Join(dir, "data")})
	if err != nil {
		return nil, err
	}
	blobs, err := storage.BuildBlobStore(ctx, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &ours{dir: dir, factory: f, catalog: manager.NewCatalog(f, blobs, manager.Options{})}, nil
}

func (o *ours) close() error { return o.factory.Close() }

// read decodes every record of the input.
func (o *ours) read(context.Context) error {
	o.resources = 0
	return o.each(func(rec archive.Record) { o.count(rec) })
}

func (o *ours) count(rec archive.Record) {
	if _, ok := rec.(archive.Meta); ok {
		o.resources++
	}
}

// hold keeps the records of the input in memory.
func (o *ours) hold() error {
	return o.each(func(rec archive.Record) { o.held = append(o.held, rec) })
}

func (o *ours) each(do func(archive.Record)) (err error) {
	f, err := os.Open(o.input)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for rec, err := range archive.NewReader(f, archive.Limits{}).Records() {
		if err != nil {
			return err
		}
		do(rec)
	}
	return nil
}

// write writes the held records to a file.
func (o *ours) write(context.Context) (err error) {
	f, err := os.Create(filepath.Join(o.dir, "written.acbak"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	o.resources = 0
	w := archive.NewWriter(f)
	for _, rec := range o.held {
		o.count(rec)
		if err := w.Write(rec); err != nil {
			return err
		}
	}
	return w.Close()
}

// load loads the input as a load job does in one process, refusing duplicates.
func (o *ours) load(ctx context.Context) (err error) {
	f, err := os.Open(o.input)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stat, err := f.Stat()
	if err != nil {
		return err
	}
	job := storage.Job{ID: uuid.New(), Kind: "load", Lane: "bulk", State: storage.JobQueued, Created: time.Now()}
	_, claim, err := o.factory.Ledger().Claim(ctx, job, time.Hour)
	if err != nil {
		return err
	}
	src := source{f, stat.Size()}
	stats, err := o.catalog.Load(ctx, claim, src, manager.LoadOptions{OnDuplicate: manager.RaiseError}, nil)
	o.resources = int(stats[model].Loaded)
	return err
}

// source is a plain archive in a file.
type source struct {
	*os.File
	size int64
}

// Size is the archive's length in bytes.
func (s source) Size() int64 { return s.size }

// dump writes the store's archive to a file.
func (o *ours) dump(ctx context.Context) (err error) {
	f, err := os.Create(filepath.Join(o.dir, "dumped.acbak"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stats, err := o.catalog.DumpTo(ctx, f, manager.DumpOptions{})
	o.resources = int(stats.Models[model].Metas)
	return err
}
