package upload

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/specstar-worker/worker/jobs"
)

// The codes of loads whose source cannot be used.
const (
	CodeSourceChanged = "source_changed" // not what was submitted
	CodeSourceMissing = "source_missing" // gone, or not below an allowed root
)

// Opener opens the sources of loads: uploads in Dir. It is a [jobs.SourceOpener].
type Opener struct{ Dir string }

// Open implements [jobs.SourceOpener].
func (o Opener) Open(_ context.Context, l jobs.Load) (jobs.Source, error) {
	name, ok := strings.CutPrefix(l.Source, "upload:")
	if !ok {
		return nil, refuse(CodeSourceMissing, "source %s: only uploads can be loaded; use worker load or worker submit load", l.Source)
	}
	root, err := os.OpenRoot(o.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeSourceMissing, "source %s: there are no uploads in %s", l.Source, o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open uploads: %w", err)
	}
	defer root.Close()
	f, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, refuse(CodeSourceMissing, "source %s: it is no longer in %s; submit the load again", l.Source, o.Dir)
	}
	if err != nil {
		return nil, fmt.Errorf("open upload: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open upload: %w", err), f.Close())
	}
	if err := checkPins(l, info); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &source{File: f, size: info.Size()}, nil
}

// checkPins refuses a source that changed since the job was submitted.
func checkPins(l jobs.Load, info fs.FileInfo) error {
	if size, ok := l.Size.Get(); ok && size != info.Size() {
		return refuse(CodeSourceChanged, "source %s: it has %d bytes and had %d when the load was submitted", l.Source, info.Size(), size)
	}
	if !l.Modified.IsZero() && !l.Modified.Equal(info.ModTime()) {
		return refuse(CodeSourceChanged, "source %s: it was changed after the load was submitted", l.Source)
	}
	return nil
}

func refuse(code, format string, args ...any) error {
	return &jobs.RefusedError{Code: code, Err: fmt.Errorf(format, args...)}
}

type source struct {
	*os.File
	size int64
}

// Size implements [jobs.Source].
func (s *source) Size() int64 { return s.size }
