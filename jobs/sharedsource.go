package jobs

import (
	"context"
	"fmt"
	"time"
)

// sharedSource is a source that is open, or being opened, for any number of readers.
type sharedSource struct {
	key string
	// opened is closed when source or err is set.
	opened chan struct{}
	source Source
	err    error

	// Below is what the mutex of Sources guards.

	readers int
	// idle closes the source after a while without readers; nil while it has any.
	idle *time.Timer
}

// sourceKey tells sources and their versions apart.
func sourceKey(l Load) string {
	size, _ := l.Size.Get()
	return fmt.Sprintf("%q %d %s %q", l.Source, size, l.Modified.UTC().Format(time.RFC3339Nano), l.ETag)
}

// take returns the open source of l with one more reader, and begins to open it where
// there is none. One that was written into meanwhile is refused.
func (s *Sources) take(p SourcePlace, l Load) (*sharedSource, error) {
	key := sourceKey(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errSourcesClosed
	}
	shared := s.shared[key]
	if shared != nil {
		if err := shared.unchanged(); err != nil {
			return nil, err
		}
	} else {
		shared = &sharedSource{key: key, opened: make(chan struct{})}
		s.shared[key] = shared
		s.running.Go(func() {
			s.opened(shared, guard(func() error { return s.open(shared, p, l) }))
		})
	}
	if shared.idle != nil {
		shared.idle.Stop()
		shared.idle = nil
	}
	shared.readers++
	return shared, nil
}

// open opens a source for all who wait for it.
func (s *Sources) open(shared *sharedSource, p SourcePlace, l Load) error {
	stored, err := p.Find(s.ctx, l)
	if err == nil {
		shared.source, err = plainSource(s.ctx, l.Source, stored, s.config.Temp)
	}
	return err
}

// opened ends the opening of a source. One that cannot be opened is forgotten: whoever
// comes next tries again.
func (s *Sources) opened(shared *sharedSource, err error) {
	defer close(shared.opened)
	if shared.err = err; err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.shared, shared.key)
	}
}

// await waits until the source is open.
func (shared *sharedSource) await(ctx context.Context) error {
	select {
	case <-shared.opened:
		return shared.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// unchanged refuses a source that was written into since it was opened.
func (shared *sharedSource) unchanged() error {
	select {
	case <-shared.opened:
	default:
		return nil // it is being opened, and looked at then
	}
	if s, ok := shared.source.(interface{ Unchanged() error }); ok {
		return s.Unchanged()
	}
	return nil
}

// release takes a reader away. The last one leaves the source open for a while.
func (s *Sources) release(shared *sharedSource) error {
	s.mu.Lock()
	shared.readers--
	keep := s.config.Idle > 0 && !s.closed && s.shared[shared.key] == shared
	switch {
	case shared.readers > 0:
		s.mu.Unlock()
		return nil
	case keep:
		shared.idle = time.AfterFunc(s.config.Idle, func() { s.expire(shared) })
		s.mu.Unlock()
		return nil
	}
	if s.shared[shared.key] == shared {
		delete(s.shared, shared.key)
	}
	s.mu.Unlock()
	return shared.close()
}

// expire closes a source that had no readers for a while.
func (s *Sources) expire(shared *sharedSource) {
	s.mu.Lock()
	over := shared.readers == 0 && s.shared[shared.key] == shared
	if over {
		delete(s.shared, shared.key)
	}
	s.mu.Unlock()
	if over {
		_ = shared.close() // it was only read
	}
}

// close closes a source that has no readers and is not to be found any more.
func (shared *sharedSource) close() error {
	<-shared.opened
	if shared.source == nil {
		return nil
	}
	return shared.source.Close()
}

// openedSource is what one reader has of a source.
type openedSource struct {
	Source
	ctx     context.Context
	release func() error
}

// ReadAt implements [Source]; it ends with the context with which the source was opened.
func (o *openedSource) ReadAt(p []byte, at int64) (int, error) {
	if o.ctx.Err() != nil {
		return 0, context.Cause(o.ctx)
	}
	return o.Source.ReadAt(p, at)
}

// WillRead implements [archive.Foreseer].
func (o *openedSource) WillRead(from, to int64) { foresee(o.Source, from, to) }

// Close implements [Source]. It may be called again.
func (o *openedSource) Close() error { return o.release() }
