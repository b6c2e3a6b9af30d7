package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/jobs"
)

// DumpsBucket is the bucket of the archives that dumps leave beside the queue.
const DumpsBucket = "DUMPS"

// Downloads are archives beside a queue that dumps have made. It is the
// [jobs.TargetPlace] of "download:".
type Downloads struct{ *Objects }

// NewDownloads returns the archives beside a queue. Nothing is asked of the server.
func NewDownloads(line *Line, q QueueConfig) (Downloads, error) {
	o, err := NewObjects(line, q, DumpsBucket)
	return Downloads{o}, err
}

// Create implements [jobs.TargetPlace]. Each attempt at a job has an object of its own;
// what one that was interrupted has sent is removed by [Objects.Sweep].
func (d Downloads) Create(ctx context.Context, _ string, job, attempt uuid.UUID) (jobs.TargetFile, error) {
	if _, err := d.ensure(ctx); errors.Is(err, ErrNotMade) {
		return nil, jobs.RefuseTarget(jobs.CodeTargetNotFound, jobs.TargetDownload, "%w: worker provision makes it", err)
	} else if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	f := &download{of: d, ctx: ctx, name: job.String() + "-" + attempt.String()[:8], pipe: w, put: make(chan struct{})}
	// The end of ctx ends what is read, and not the sending: cut off, that could not take
	// back what it has sent.
	f.unbind = context.AfterFunc(ctx, func() { _ = w.CloseWithError(context.Cause(ctx)) })
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer close(f.put)
		f.err = caught.Call(func() error {
			_, _, err := d.Put(ctx, f.name, r)
			return err
		})
		_ = r.CloseWithError(errors.Join(f.err, io.ErrClosedPipe)) // nobody reads on
	}()
	return f, nil
}

// download is an archive that is being put beside the queue.
type download struct {
	of   Downloads
	name string
	ctx  context.Context // of the job
	pipe *io.PipeWriter
	put  chan struct{} // closed when err is set
	// unbind ends the watch of the context.
	unbind func() bool
	err    error
}

// errDiscarded ends what is not to be kept.
var errDiscarded = errors.New("the archive was given up")

// Write implements io.Writer.
func (f *download) Write(p []byte) (int, error) {
	n, err := f.pipe.Write(p)
	if err != nil && f.ctx.Err() != nil {
		err = context.Cause(f.ctx)
	}
	return n, err
}

// Name implements [jobs.TargetFile].
func (f *download) Name() string { return jobs.TargetDownload }

// Object is the name of the archive beside the queue.
func (f *download) Object() string { return f.name }

// Commit implements [jobs.TargetFile].
func (f *download) Commit(ctx context.Context) error {
	defer f.unbind()
	if err := f.pipe.Close(); err != nil {
		return err
	}
	return f.wait(ctx)
}

// wait waits until the server has all, or nothing.
func (f *download) wait(ctx context.Context) error {
	select {
	case <-f.put:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Discard implements [jobs.TargetFile].
func (f *download) Discard(ctx context.Context) error {
	defer f.unbind()
	_ = f.pipe.CloseWithError(errDiscarded) // it has no error
	err := f.wait(ctx)
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("give up archive %s: %w", f.name, err)
	case err == nil: // it was put whole, and what came behind that failed
		return f.of.Remove(ctx, f.name)
	}
	return nil
}
