package manager

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/storage"
)

// maxDumpReaders is how many goroutines read and encode blocks, unless more are asked
// for: beyond that the one that writes is what the others wait for.
const maxDumpReaders = 8

// DumpTo writes the archive of [Catalog.Dump] to w. Blocks of resources are read and
// encoded by several goroutines, where the store lets them, and written in their order:
// how many there are does not show in the bytes. Memory is bounded by their number. On an
// error what was written is not an archive: its last record is missing.
func (c *Catalog) DumpTo(ctx context.Context, w io.Writer, o DumpOptions) (DumpStats, error) {
	aw := archive.NewWriter(w)
	d := newDumper(c, o)
	d.line = newDumpLine(readersOf(o.Parallel))
	g, ctx := errgroup.WithContext(ctx)
	d.yield = func(r archive.Record) error { return d.line.put(ctx, piece{record: r}) }
	g.Go(guarded(func() error {
		defer close(d.line.pieces)
		return d.run(ctx)
	}))
	g.Go(guarded(func() error { return d.write(ctx, aw) }))
	err := g.Wait()
	if err == nil {
		err = aw.Close()
	}
	if err != nil {
		return d.stats, fmt.Errorf("dump: %w", err)
	}
	d.stats.Bytes = aw.Written()
	return d.stats, nil
}

// readersOf is how many goroutines read when parallel are asked for.
func readersOf(parallel int) int {
	if parallel > 0 {
		return parallel
	}
	return min(runtime.GOMAXPROCS(0), maxDumpReaders)
}

// write writes the pieces of the archive as they come, in order.
func (d *dumper) write(ctx context.Context, aw *archive.Writer) error {
	for p := range d.line.pieces {
		var err error
		switch {
		case p.block != nil:
			if err = d.writeBlock(ctx, aw, p.block); err != nil {
				err = sectionError(p.block.section.model, err)
			}
		case p.reached != nil:
			close(p.reached)
		default:
			if _, begins := p.record.(archive.Header); begins {
				d.report()
			}
			err = aw.Write(p.record)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeBlock writes a block as far as it is read, and to its end.
func (d *dumper) writeBlock(ctx context.Context, aw *archive.Writer, b *dumpBlock) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case part, more := <-b.parts:
			if !more {
				return d.end(b)
			}
			if err := part.write(aw); err != nil {
				return err
			}
			d.line.reuse(part.frames)
		}
	}
}

// end adds up what was written with a block.
func (d *dumper) end(b *dumpBlock) error {
	if b.err != nil {
		return b.err
	}
	s := b.section
	s.stats.Metas += b.stats.Metas
	s.stats.Revisions += b.stats.Revisions
	for id, by := range b.blobs {
		if _, ok := s.blobs[id]; !ok {
			s.blobs[id] = by
		}
	}
	d.done += b.stats.Metas
	d.report()
	return nil
}

// report tells how far the dump is.
func (d *dumper) report() {
	if d.opts.Progress != nil {
		d.opts.Progress(storage.Progress{Done: d.done, Total: max(d.total, d.done)})
	}
}
