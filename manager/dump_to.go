package manager

import (
	"context"
	"fmt"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
)

// The records are handed from the goroutine that reads the store to the one
// that encodes them in batches, of which a few are under way.
const (
	dumpBatch  = 256
	dumpAhead  = 4
	blobsAhead = 4 << 20 // bytes of blobs in a batch
)

// DumpTo writes the archive of [Catalog.Dump] to w, reading the store and
// encoding at the same time. On an error what was written is not an archive:
// its last record is missing.
func (c *Catalog) DumpTo(ctx context.Context, w io.Writer, o DumpOptions) (DumpStats, error) {
	d := &dumper{catalog: c, opts: o, stats: DumpStats{Models: map[string]ModelDump{}}}
	aw := archive.NewWriter(w)
	batches := make(chan []archive.Record, dumpAhead)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(guarded(func() error {
		defer close(batches)
		return d.into(ctx, batches)
	}))
	g.Go(guarded(func() error { return writeBatches(aw, batches) }))
	if err := g.Wait(); err != nil {
		return d.stats, fmt.Errorf("dump: %w", err)
	}
	if err := aw.Close(); err != nil {
		return d.stats, fmt.Errorf("dump: %w", err)
	}
	d.stats.Bytes = aw.Written()
	return d.stats, nil
}

// into hands the records over in batches.
func (d *dumper) into(ctx context.Context, batches chan<- []archive.Record) error {
	var batch []archive.Record
	size := 0
	flush := func() error {
		select {
		case batches <- batch:
			batch, size = nil, 0
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	d.yield = func(r archive.Record) error {
		if batch == nil {
			batch = make([]archive.Record, 0, dumpBatch)
		}
		batch = append(batch, r)
		size += bulkOf(r)
		if len(batch) == dumpBatch || size >= blobsAhead {
			return flush()
		}
		return nil
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	return flush()
}

// bulkOf is the length of what may be large in a record.
func bulkOf(r archive.Record) int {
	switch r := r.(type) {
	case archive.Blob:
		return len(r.Data)
	case archive.Revision:
		return len(r.Revision.Data)
	}
	return 0
}

func writeBatches(aw *archive.Writer, batches <-chan []archive.Record) error {
	for batch := range batches {
		for _, r := range batch {
			if err := aw.Write(r); err != nil {
				return err
			}
		}
	}
	return nil
}
