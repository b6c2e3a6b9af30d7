package archive

import (
	"runtime"
	"sync"
)

const (
	// batchBytes is about how much a batch holds: enough to make handing it over
	// cheap, little enough to stay in a processor's cache.
	batchBytes = 64 << 10
	// smallFrame is the room a block has when it takes another frame; a larger one
	// makes it grow.
	smallFrame = 4 << 10
	// maxDecoders bounds the goroutines that decode; more of them wait for the
	// one that cuts frames.
	maxDecoders = 4
)

// batch is a run of frames that one goroutine cuts and another decodes.
type batch struct {
	frames []span // their payloads lie in one block, which the records share
	// end is why no frame follows this batch, nil when more may.
	end      error
	endStart int64

	decoded chan struct{} // closed when the two below are set
	records []Record
	err     error // of the frame behind the last record
}

// span is a frame of a batch: its borders in the archive and its payload.
type span struct {
	start, end int64
	data       []byte
}

// readAhead cuts and decodes frames in goroutines of its own and calls fn with
// the batches in order, on the caller's. It returns when fn returned false or
// after the last batch, and its goroutines have ended then.
func (f *frames) readAhead(fn func(*batch) bool) {
	decoders := min(runtime.GOMAXPROCS(0), maxDecoders)
	work := make(chan *batch, 2*decoders)
	inOrder := make(chan *batch, 2*decoders)
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		defer close(work)
		defer close(inOrder)
		f.cutBatches(work, inOrder, stop)
	})
	for range decoders {
		running.Go(func() {
			for b := range work {
				b.decode()
			}
		})
	}
	defer running.Wait()
	defer close(stop)
	for b := range inOrder {
		<-b.decoded
		if !fn(b) {
			return
		}
	}
}

// cutBatches hands out batches until the stream or the caller's interest ends.
func (f *frames) cutBatches(work, inOrder chan<- *batch, stop <-chan struct{}) {
	for {
		b := f.cutBatch()
		for _, to := range []chan<- *batch{work, inOrder} {
			select {
			case to <- b:
			case <-stop:
				return
			}
		}
		if b.end != nil {
			return
		}
	}
}

// cutBatch reads frames until they fill a block. A frame that is larger than
// the buffer has memory of its own.
func (f *frames) cutBatch() *batch {
	b := &batch{decoded: make(chan struct{})}
	block := make([]byte, 0, batchBytes)
	for len(block) < batchBytes-smallFrame {
		data, owned, err := f.next()
		if err != nil {
			b.end, b.endStart = err, f.start
			return b
		}
		if owned {
			b.frames = append(b.frames, span{f.start, f.end, data})
			return b
		}
		// A block that must grow moves; the payloads in the old one stay valid.
		at := len(block)
		block = append(block, data...)
		b.frames = append(b.frames, span{f.start, f.end, block[at:]})
	}
	return b
}

// decode decodes the frames up to the first bad one.
func (b *batch) decode() {
	defer close(b.decoded)
	b.records = make([]Record, 0, len(b.frames))
	for _, s := range b.frames {
		rec, err := decodeRecord(s.data, true)
		if err != nil {
			b.err = err
			return
		}
		b.records = append(b.records, rec)
	}
}
