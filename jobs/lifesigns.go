package jobs

import (
	"sync"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// lifeSigns reports the progress of a load, and that it still reads: the pass that
// checks the archive makes no progress that could be resumed.
type lifeSigns struct {
	report func(storage.Progress)

	mu   sync.Mutex
	last storage.Progress
	at   time.Time
}

// progress reports how far the load is.
func (l *lifeSigns) progress(p storage.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.at = p, time.Now()
	l.report(p)
}

// sign reports the same progress again, at most once in beatEvery.
func (l *lifeSigns) sign() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.at) >= beatEvery {
		l.at = now
		l.report(l.last)
	}
}

// liveSource is a source whose reads are signs of life.
type liveSource struct {
	manager.Source
	life *lifeSigns
}

// ReadAt implements [manager.Source].
func (s liveSource) ReadAt(p []byte, at int64) (int, error) {
	n, err := s.Source.ReadAt(p, at)
	if n > 0 {
		s.life.sign()
	}
	return n, err
}

// WillRead implements [archive.Foreseer].
func (s liveSource) WillRead(from, to int64) { foresee(s.Source, from, to) }

// foresee tells a source that is far away what is about to be read.
func foresee(s manager.Source, from, to int64) {
	if f, ok := s.(archive.Foreseer); ok {
		f.WillRead(from, to)
	}
}

// Write takes note that something is written.
func (l *lifeSigns) Write(p []byte) (int, error) {
	l.sign()
	return len(p), nil
}
