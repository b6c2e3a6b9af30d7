package archive

import (
	"encoding/binary"
	"runtime"
	"sync"

	"github.com/specstar-worker/worker/internal/caught"
)

const (
	// usualFrame is the size of a small frame, from which the number of frames in
	// a block is guessed.
	usualFrame = 512
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

	decoded chan struct{} // closed when those below are set
	records []Record
	made    []any // of the records, see [Reader.Prepare]
	err     error // of the frame behind the last record
	failed  error // of the decoder itself
}

// span is a frame of a batch: its borders in the archive and its payload.
type span struct {
	start, end int64
	data       []byte
}

// readAhead cuts and decodes frames in goroutines of its own and calls fn with
// the batches in order, on the caller's. It returns when fn returned false or
// after the last batch, and its goroutines have ended then.
// prepare, which may be nil, is called where frames are decoded.
func (f *frames) readAhead(prepare func(Record) any, fn func(*batch) bool) {
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
				b.decode(prepare)
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

// cutBatch cuts the frames that one filling of the buffer holds. A frame that is
// larger than the buffer has memory of its own.
func (f *frames) cutBatch() *batch {
	b := &batch{decoded: make(chan struct{})}
	b.end = caught.Call(func() error {
		data, owned, err := f.next()
		switch {
		case err != nil:
			return err
		case owned:
			b.frames = []span{{f.start, f.end, data}}
		default:
			b.frames = f.buffered()
		}
		return nil
	})
	b.endStart = f.start
	return b
}

// buffered returns the frame last read and those that are in the buffer behind
// it, in one copy that the caller owns.
func (f *frames) buffered() []span {
	held, _ := f.r.Peek(f.r.Buffered()) // what is buffered is there
	block := append([]byte(nil), held...)
	spans := make([]span, 0, len(block)/usualFrame+1)
	at, start := 0, f.start
	for len(block)-at >= lengthBytes {
		n := int64(binary.BigEndian.Uint32(block[at:]))
		if n > f.limit || n > int64(len(block)-at-lengthBytes) {
			break // of which next finds out what to say
		}
		from, to := at+lengthBytes, at+lengthBytes+int(n)
		spans = append(spans, span{start, start + int64(to-at), block[from:to]})
		at, start = to, start+int64(to-at)
	}
	f.start, f.end, f.pending = spans[len(spans)-1].start, start, at
	return spans
}

// decode decodes the frames up to the first bad one.
func (b *batch) decode(prepare func(Record) any) {
	defer close(b.decoded)
	b.failed = caught.Call(func() error {
		b.records = make([]Record, 0, len(b.frames))
		for _, s := range b.frames {
			var rec Record
			if rec, b.err = decodeRecord(s.data, true); b.err != nil {
				return nil
			}
			b.records = append(b.records, rec)
			if prepare != nil {
				b.made = append(b.made, prepare(rec))
			}
		}
		return nil
	})
}
