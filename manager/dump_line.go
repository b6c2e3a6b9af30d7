package manager

import (
	"context"
	"sync"

	"github.com/specstar-worker/worker/archive"
)

// dumpLine joins the goroutines of a dump: one cuts the archive into pieces, others read
// and encode those that are blocks of resources, and one writes them all in order.
type dumpLine struct {
	readers int
	pieces  chan piece      // in the order of the archive
	work    chan *dumpBlock // those of them that are blocks
	free    chan *archive.Block
	// most is how many goroutines may read blocks, handed how many blocks there were. If
	// none may, who cuts the archive reads them as well.
	most, handed int
	running      sync.WaitGroup
	started      int
}

// piece is a part of an archive: a record, a block, or a place of which somebody wants
// to know when it is reached.
type piece struct {
	record  archive.Record
	block   *dumpBlock
	reached chan<- struct{}
}

// blocksAhead is how many blocks for each reader may be cut and not yet written.
const blocksAhead = 2

func newDumpLine(readers int) *dumpLine {
	return &dumpLine{
		readers: readers,
		pieces:  make(chan piece, blocksAhead*readers),
		work:    make(chan *dumpBlock),
		free:    make(chan *archive.Block, blocksAhead*readers),
	}
}

// put appends a piece to the archive.
func (l *dumpLine) put(ctx context.Context, p piece) error {
	select {
	case l.pieces <- p:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hand appends a block and has it read.
func (l *dumpLine) hand(ctx context.Context, b *dumpBlock) error {
	if err := l.put(ctx, piece{block: b}); err != nil {
		return err
	}
	if l.most == 0 {
		b.read(ctx)
		return nil
	}
	l.start(ctx)
	select {
	case l.work <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// start has another goroutine read blocks until the end of settle, unless there are
// enough. Each needs a connection, perhaps, which does not pay for a few blocks.
func (l *dumpLine) start(ctx context.Context) {
	l.handed++
	if l.started == l.most || l.handed <= blocksAhead*l.started {
		return
	}
	l.started++
	l.running.Go(func() {
		for b := range l.work {
			b.read(ctx)
		}
	})
}

// written waits until everything before it is written.
func (l *dumpLine) written(ctx context.Context) error {
	reached := make(chan struct{})
	if err := l.put(ctx, piece{reached: reached}); err != nil {
		return err
	}
	select {
	case <-reached:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// settle says that no block follows, and waits until none is being read.
func (l *dumpLine) settle() {
	close(l.work)
	l.running.Wait()
}

// memory returns an empty block of frames.
func (l *dumpLine) memory() *archive.Block {
	select {
	case b := <-l.free:
		return b
	default:
		b := new(archive.Block)
		b.Grow(partBytes + partBytes/8) // and what is behind the last record that fits
		return b
	}
}

// reuse takes a block of frames back that was written.
func (l *dumpLine) reuse(b *archive.Block) {
	if b == nil || b.Len() > 2*partBytes {
		return
	}
	b.Reset()
	select {
	case l.free <- b:
	default:
	}
}
