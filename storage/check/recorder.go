package check

import (
	"context"
	"fmt"
	"path"
	"runtime"
	"sync"
)

// recorder is the T of a check that runs: it remembers the first failure. It is
// read while a check that does not end may still write to it.
type recorder struct {
	ctx context.Context

	mu             sync.Mutex
	message, where string
	helpers        map[string]bool
}

func newRecorder(ctx context.Context) *recorder {
	return &recorder{ctx: ctx, helpers: map[string]bool{}}
}

// Context ends with the time that the check has.
func (r *recorder) Context() context.Context { return r.ctx }

// Helper keeps its caller out of what is told of a failure.
func (r *recorder) Helper() {
	frame := callers(3)[0]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.helpers[frame.Function] = true
}

// Fatalf ends the goroutine of the check.
func (r *recorder) Fatalf(format string, args ...any) {
	frames := callers(3)
	r.mu.Lock()
	for len(frames) > 1 && r.helpers[frames[0].Function] {
		frames = frames[1:]
	}
	r.mu.Unlock()
	r.fail(fmt.Sprintf("%s:%d", path.Base(frames[0].File), frames[0].Line), fmt.Sprintf(format, args...))
	runtime.Goexit()
}

// fail records a failure unless there is one already.
func (r *recorder) fail(where, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.message == "" {
		r.where, r.message = where, message
	}
}

// failure returns the message of the first failure, empty when there is none.
func (r *recorder) failure() (where, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.where, r.message
}

// callers returns the calls that led here, the skip nearest left out.
func callers(skip int) []runtime.Frame {
	pcs := make([]uintptr, 16)
	iter := runtime.CallersFrames(pcs[:runtime.Callers(skip, pcs)])
	var frames []runtime.Frame
	for more := true; more; {
		var f runtime.Frame
		f, more = iter.Next()
		frames = append(frames, f)
	}
	return frames
}
