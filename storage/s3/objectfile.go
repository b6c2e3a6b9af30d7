package s3

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/specstar-worker/worker/internal/caught"
)

// How an object is read at any place: in spans, each by one request.
const (
	// spanFirst is the length of the first span of a run; each one behind it has twice
	// the length of the one before, up to spanMost.
	spanFirst = 256 << 10
	spanMost  = 4 << 20
	// spanAhead is how far ahead of its reader a run is fetched.
	spanAhead = 16 << 20
	// keepRead bounds the spans that have been read to their ends and are kept for others,
	// keepAll all that are there. In bytes.
	keepRead = 8 << 20
	keepAll  = 256 << 20
)

// ObjectFile is one version of an object, read at any place. Who reads on is read ahead
// for, by several requests at a time. It is safe for concurrent use.
type ObjectFile struct {
	s         *Store
	key, etag string
	size      int64
	at        int64 // of Read
	ctx       context.Context
	cancel    context.CancelFunc
	running   sync.WaitGroup

	mu    sync.Mutex
	spans []*span // the one that was used last at the end
}

// Open returns the object with a key, which must be what Look described; nothing is
// asked of the service. ctx is that of all reading. Reading another version than that
// one gives ErrReplaced.
func (o *Objects) Open(ctx context.Context, key string, i ObjectInfo) *ObjectFile {
	f := &ObjectFile{s: o.s, key: key, etag: i.ETag, size: i.Size}
	f.ctx, f.cancel = context.WithCancel(ctx)
	return f
}

// span is a part of an object that is fetched, or being fetched.
type span struct {
	from, to int64
	// run: whoever reads it reads on behind it.
	run bool
	// announced: it ends where the reader does.
	announced bool
	// fetched is closed when data or err is set.
	fetched chan struct{}
	data    []byte
	err     error
	// read: its end has been read. Guarded by the mutex of the file.
	read bool
}

// Size is the object's length in bytes.
func (f *ObjectFile) Size() int64 { return f.size }

// Close ends reading and waits for the requests that run.
func (f *ObjectFile) Close() error {
	f.cancel()
	f.running.Wait()
	return nil
}

// Read reads on from where the Read before ended. It is not for concurrent use.
func (f *ObjectFile) Read(p []byte) (int, error) {
	if f.at == f.size {
		return 0, io.EOF
	}
	n, err := f.ReadAt(p[:min(int64(len(p)), f.size-f.at)], f.at)
	f.at += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (f *ObjectFile) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("read at a negative offset")
	}
	n := 0
	for n < len(p) {
		at := off + int64(n)
		if at >= f.size {
			return n, io.EOF
		}
		s := f.span(at, int64(len(p)-n))
		select {
		case <-s.fetched:
		case <-f.ctx.Done():
			return n, f.ctx.Err()
		}
		if s.err != nil {
			f.drop(s)
			return n, s.err
		}
		n += copy(p[n:], s.data[at-s.from:])
		if off+int64(n) == s.to {
			f.readThrough(s)
		}
	}
	return n, nil
}

// WillRead fetches the bytes from from up to byte to, which are about to be read. What
// lies behind them is not read ahead.
func (f *ObjectFile) WillRead(from, to int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	to = min(to, f.size)
	for from = max(from, 0); from < to; {
		s := f.covering(from)
		if s == nil {
			s = f.fetch(&span{from: from, to: f.until(from, min(to, from+spanMost)), announced: true})
		}
		from = s.to
	}
}

// span returns the span that holds the byte at off, fetching it when it is not there, and
// what is to be read behind it.
func (f *ObjectFile) span(off, wanted int64) *span {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.covering(off)
	if s == nil {
		length := max(spanFirst, min(wanted, spanMost))
		before := f.covering(off - 1)
		run := before != nil && !before.announced
		if run {
			length = max(length, f.next(before))
		}
		s = f.fetch(&span{from: off, to: f.until(off, off+length), run: run})
	}
	f.touch(s)
	if s.run {
		f.ahead(s, off+spanAhead)
	}
	return s
}

// next is the length of the span behind one of a run.
func (f *ObjectFile) next(s *span) int64 { return min(2*(s.to-s.from), spanMost) }

// ahead fetches what is behind a span up to a byte.
func (f *ObjectFile) ahead(s *span, to int64) {
	for to = min(to, f.size); s.to < to; {
		behind := f.covering(s.to)
		if behind == nil {
			behind = f.fetch(&span{from: s.to, to: f.until(s.to, s.to+f.next(s)), run: true})
		}
		s = behind
	}
}

// covering returns the span that holds a byte, nil when there is none.
func (f *ObjectFile) covering(off int64) *span {
	for _, s := range f.spans {
		if s.from <= off && off < s.to {
			return s
		}
	}
	return nil
}

// until shortens a part that begins at from to what is not there yet.
func (f *ObjectFile) until(from, to int64) int64 {
	to = min(to, f.size)
	for _, s := range f.spans {
		if s.from > from {
			to = min(to, s.from)
		}
	}
	return to
}

// fetch begins to fetch a span. The caller holds the mutex, as for the functions above.
func (f *ObjectFile) fetch(s *span) *span {
	s.fetched = make(chan struct{})
	f.spans = append(f.spans, s)
	f.running.Go(func() {
		defer close(s.fetched)
		s.err = caught.Call(func() (err error) {
			s.data, err = f.s.getRange(f.ctx, f.key, f.etag, s.from, s.to)
			return err
		})
	})
	f.evict()
	return s
}

// touch makes a span the last to be forgotten.
func (f *ObjectFile) touch(s *span) {
	if i := slices.Index(f.spans, s); i >= 0 {
		f.spans = append(slices.Delete(f.spans, i, i+1), s)
	}
}

// readThrough notes that the end of a span was read.
func (f *ObjectFile) readThrough(s *span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.read = true
	f.evict()
}

// drop forgets a span that could not be fetched; the next one to read it tries again.
func (f *ObjectFile) drop(s *span) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.spans = slices.DeleteFunc(f.spans, func(o *span) bool { return o == s })
}

// evict forgets the spans that have been read, and were used longest ago, when there are
// too many; in need also those that have not.
func (f *ObjectFile) evict() {
	var all, read int64
	for _, s := range f.spans {
		all += s.to - s.from
		if s.read {
			read += s.to - s.from
		}
	}
	f.spans = slices.DeleteFunc(f.spans, func(s *span) bool {
		length := s.to - s.from
		if over := s.read && read > keepRead || all > keepAll && s.isFetched(); !over {
			return false
		}
		if s.read {
			read -= length
		}
		all -= length
		return true
	})
}

// isFetched reports whether nobody works on a span any more.
func (s *span) isFetched() bool {
	select {
	case <-s.fetched:
		return true
	default:
		return false
	}
}
