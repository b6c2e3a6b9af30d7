package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// Defaults of [Options].
const (
	// Timeout is how long one check may take.
	Timeout = time.Minute
	// grace is how long a check whose time is over has to end in order.
	grace = 5 * time.Second
)

// Options say how checks run. The zero value runs all.
type Options struct {
	// Dir is put in front of the places that [Open] gets; empty for none.
	Dir string
	// Timeout is how long one check may take; 0 means [Timeout].
	Timeout time.Duration
	// Select chooses the checks; nil means all.
	Select func(Check) bool
	// Writer returns a command that is not started yet: its process is to call
	// [WriteUntilKilled] with the place, the same Open and its standard output, and
	// it will be killed. nil skips what needs one.
	Writer func(place string) *exec.Cmd
	// Progress, when not nil, is called before each check with how many are done
	// of how many, and once more at the end with no check.
	Progress func(done, total int, next Check)
}

// Run runs the checks one after another, each on a store of its own, which it
// closes. The error is that of the context or of opening the first store; that a
// store breaks its promises is not an error but in the report. What has been
// checked when the context ends is reported too.
func Run(ctx context.Context, open Open, o Options) (Report, error) {
	probe, err := open(ctx, filepath.Join(o.Dir, "probe"))
	if err != nil {
		return Report{}, fmt.Errorf("open the store to check: %w", err)
	}
	lacks := Lacks(ctx, probe)
	if o.Writer == nil || slices.Contains(lacks, Durable) {
		lacks = append(lacks, Process)
	}
	if err := probe.Close(); err != nil {
		return Report{}, fmt.Errorf("close the store to check: %w", err)
	}
	checks := All()
	if o.Select != nil {
		checks = slices.DeleteFunc(checks, func(c Check) bool { return !o.Select(c) })
	}
	progress := o.Progress
	if progress == nil {
		progress = func(int, int, Check) {}
	}
	var report Report
	for i, c := range checks {
		progress(i, len(checks), c)
		if slices.Contains(lacks, c.Needs) {
			report.Results = append(report.Results, c.skip())
			continue
		}
		result := c.Run(ctx, open, fmt.Sprintf("c%03d", i), o)
		if err := ctx.Err(); err != nil {
			return report, err
		}
		report.Results = append(report.Results, result)
	}
	progress(len(checks), len(checks), Check{})
	return report, nil
}

// skip returns the result of a check whose need the store lacks.
func (c Check) skip() Result {
	message := "the store declares " + string(c.Needs) + " false"
	switch c.Needs {
	case Blobs:
		message = "the store owns no place for blobs"
	case Process:
		message = "there is no store that survives its process, or no process to kill"
	}
	return Result{Name: c.Name, State: Skipped, Message: message}
}

// Run runs one check on the store at a place that nobody has used before. It
// does not ask whether the store lacks what the check needs. A check that does
// not end in time is left behind, and has failed.
func (c Check) Run(ctx context.Context, open Open, place string, o Options) Result {
	began := time.Now()
	timeout := cmp.Or(o.Timeout, Timeout)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r := newRecorder(ctx)
	done := make(chan struct{})
	go func() { // Fatalf ends the goroutine of the check
		defer close(done)
		c.on(r, &subject{open: open, place: filepath.Join(o.Dir, place), writer: o.Writer})
	}()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(grace):
		}
	}
	result := Result{Name: c.Name, State: Passed, Took: time.Since(began)}
	if result.Where, result.Message = r.failure(); result.Message != "" {
		result.State = Failed
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		result.State = Failed
		result.Message = fmt.Sprintf("did not end within %v; last: %s", timeout, cmp.Or(result.Message, "nothing failed"))
	}
	return result
}

// on runs the check and closes the store; also when it panics.
func (c Check) on(r *recorder, s *subject) {
	f, err := s.open(r.ctx, s.place)
	if err != nil {
		r.fail("", "open the store: "+err.Error())
		return
	}
	s.Factory = f
	defer func() {
		if p := recover(); p != nil {
			r.fail("", fmt.Sprintf("the store panicked: %v", p))
		}
		if err := s.Close(); err != nil {
			r.fail("", "close the store: "+err.Error())
		}
	}()
	c.run(r, s)
}
