package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// SourcePlace is where sources of one kind are.
type SourcePlace interface {
	// Pins looks at the source of l and returns l with its pins filled in. A source that
	// is not what the pins of l say, is gone or may not be read is refused by a
	// *RefusedError; storage.ErrUnavailable when the place does not answer.
	Pins(ctx context.Context, l Load) (Load, error)
	// Find opens the source of l as it is stored, perhaps compressed, for reading from its
	// beginning. One that can be read at any place is a [Source], too. Errors are as
	// those of Pins, of reading too: what is read is what was pinned, or an error. ctx
	// is that of all reading.
	Find(ctx context.Context, l Load) (io.ReadCloser, error)
}

// DefaultSourceIdle is how long a source that nobody reads is kept open.
const DefaultSourceIdle = 30 * time.Second

// SourceConfig says where sources are.
type SourceConfig struct {
	// Places are where sources are, by scheme.
	Places map[string]SourcePlace
	// Temp takes decompressed and downloaded copies; empty means the system's.
	Temp string
	// Idle is how long a source that nobody reads is kept open, for another job or another
	// chunk of the same load; 0 means [DefaultSourceIdle], less means not at all.
	Idle time.Duration
}

// Sources opens sources of all places. Whoever opens the same one, with the same pins,
// while it is open shares it: a compressed archive, or one that cannot be read at any
// place, is copied once for all chunks of a load that are done by this process. It is
// safe for concurrent use.
type Sources struct {
	config SourceConfig
	// ctx is that of everything that is shared, and ends with cancel.
	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu     sync.Mutex
	shared map[string]*sharedSource
	closed bool
}

// NewSources returns the sources of some places, to be closed.
func NewSources(c SourceConfig) *Sources {
	if c.Idle == 0 {
		c.Idle = DefaultSourceIdle
	}
	s := &Sources{config: c, shared: make(map[string]*sharedSource)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// errSourcesClosed: a source is asked for after [Sources.Close].
var errSourcesClosed = errors.New("the sources are closed")

// Pins implements [SourceOpener].
func (s *Sources) Pins(ctx context.Context, l Load) (Load, error) {
	p, err := s.place(l)
	if err != nil {
		return Load{}, err
	}
	return p.Pins(ctx, l)
}

// Open implements [SourceOpener].
func (s *Sources) Open(ctx context.Context, l Load) (Source, error) {
	p, err := s.place(l)
	if err != nil {
		return nil, err
	}
	if !l.pinned() { // or a later one would share what is now there
		if l, err = p.Pins(ctx, l); err != nil {
			return nil, err
		}
	}
	shared, err := s.take(p, l)
	if err != nil {
		return nil, err
	}
	if err := shared.await(ctx); err != nil {
		return nil, errors.Join(err, s.release(shared))
	}
	return &openedSource{Source: shared.source, ctx: ctx, release: sync.OnceValue(func() error { return s.release(shared) })}, nil
}

// pinned reports whether one version of the source is meant.
func (l Load) pinned() bool { return l.ETag != "" || !l.Modified.IsZero() }

// place returns where the source of l is.
func (s *Sources) place(l Load) (SourcePlace, error) {
	scheme, _, err := SplitSource(l.Source)
	if err != nil {
		return nil, &RefusedError{Code: CodeSourceRefused, Err: fmt.Errorf("source %w", err)}
	}
	p, ok := s.config.Places[scheme]
	if !ok {
		return nil, RefuseSource(CodeSourceRefused, l.Source, "this worker reads no sources of this kind")
	}
	return p, nil
}

// Close closes what nobody reads, ends what is being opened, and has what is read
// closed by its readers.
func (s *Sources) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.running.Wait()
	var errs []error
	for _, shared := range s.idle() {
		errs = append(errs, shared.close())
	}
	return errors.Join(errs...)
}

// idle takes out what nobody reads.
func (s *Sources) idle() (idle []*sharedSource) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, shared := range s.shared {
		if shared.readers == 0 {
			delete(s.shared, key)
			idle = append(idle, shared)
		}
	}
	return idle
}
