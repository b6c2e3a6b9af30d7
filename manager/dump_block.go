package manager

import (
	"context"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/resource"
)

// The bounds of what is read ahead of a dump.
const (
	// blockResources is how many resources are read and encoded by one goroutine.
	blockResources = 500
	// partBytes is how long the frames are, about, that are passed on at once, and
	// partsAhead how many of them a block may hold before its turn has come.
	partBytes  = 1 << 20
	partsAhead = 2
	// largeRecord is the length from which a payload is passed on as it is, not
	// copied into frames.
	largeRecord = 128 << 10
)

// dumpBlock is some resources of a section, in the order of the archive. It is read and
// encoded by one goroutine.
type dumpBlock struct {
	section *sectionDumper
	metas   []resource.Meta
	parts   chan dumpPart
	open    dumpPart

	// What follows is set when parts is closed.
	err   error
	stats ModelDump
	blobs map[string]resource.ID // as in sectionDumper
}

// dumpPart is encoded frames with, perhaps, one record behind them.
type dumpPart struct {
	frames *archive.Block
	large  archive.Record
}

// write appends a part to the archive.
func (p dumpPart) write(aw *archive.Writer) error {
	if p.frames != nil {
		if err := aw.WriteBlock(p.frames); err != nil {
			return err
		}
	}
	if p.large == nil {
		return nil
	}
	return aw.Write(p.large)
}

// blocks hands the resources over in blocks, and returns when they are written.
func (s *sectionDumper) blocks(ctx context.Context) error {
	var metas []resource.Meta
	hand := func() error {
		if !s.started {
			if err := s.start(); err != nil {
				return err
			}
		}
		b := &dumpBlock{section: s, metas: metas, parts: make(chan dumpPart, partsAhead), blobs: make(map[string]resource.ID)}
		metas = nil
		return s.line.hand(ctx, b)
	}
	for meta, err := range ascending(s.selected(ctx)) {
		if err != nil {
			return err
		}
		if metas = append(metas, meta); len(metas) < blockResources {
			continue
		}
		if err := hand(); err != nil {
			return err
		}
	}
	if len(metas) > 0 {
		if err := hand(); err != nil {
			return err
		}
	}
	return s.line.written(ctx)
}

// read reads and encodes the block.
func (b *dumpBlock) read(ctx context.Context) {
	defer close(b.parts)
	b.err = Caught(func() error {
		waiting := b.metas
		revisions := b.section.revisions.DumpAll(ctx, idsOf(b.metas))
		meta := func(m resource.Meta) error {
			b.stats.Metas++
			return b.append(ctx, archive.Meta{Meta: m}, 0)
		}
		revision := func(rev resource.Revision) error {
			b.stats.Revisions++
			noteBlobs(b.blobs, &rev)
			return b.append(ctx, archive.Revision{Revision: rev}, len(rev.Data))
		}
		if err := interleave(&waiting, revisions, meta, revision); err != nil {
			return err
		}
		return b.flush(ctx)
	})
}

// append appends a record with a payload of the given length.
func (b *dumpBlock) append(ctx context.Context, rec archive.Record, size int) error {
	if size >= largeRecord {
		b.open.large = rec
		return b.flush(ctx)
	}
	if b.open.frames == nil {
		b.open.frames = b.section.line.memory()
	}
	if err := b.open.frames.Append(rec); err != nil {
		return err
	}
	if b.open.frames.Len() < partBytes {
		return nil
	}
	return b.flush(ctx)
}

// flush passes on what there is.
func (b *dumpBlock) flush(ctx context.Context) error {
	part := b.open
	b.open = dumpPart{}
	if part.frames == nil && part.large == nil {
		return nil
	}
	select {
	case b.parts <- part:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
