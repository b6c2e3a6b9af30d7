package jobs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/specstar-worker/worker/archive"
)

// Codes of loads whose source is refused.
const (
	CodeSourceNotFound = "source_not_found" // no such file or upload
	CodeSourceRefused  = "source_refused"   // outside the directories that may be read
	CodeSourceChanged  = "source_changed"   // not what it was when the job was submitted
)

// The ways in which a load names its source.
const (
	sourceUpload = "upload"
	sourceFile   = "file"
)

// splitSource splits "upload:NAME" or "file:PATH".
func splitSource(s string) (scheme, rest string, err error) {
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok || scheme != sourceUpload && scheme != sourceFile:
		return "", "", fmt.Errorf("%s is neither upload:NAME nor file:PATH", quoted(s))
	case rest == "":
		return "", "", errors.New("names nothing")
	case scheme == sourceUpload && strings.ContainsAny(rest, "/\\"):
		return "", "", fmt.Errorf("%s holds a path; an upload has a plain name", quoted(s))
	}
	return scheme, rest, nil
}

// FileSources opens archives in directories of this machine.
type FileSources struct {
	// Uploads is the directory of "upload:NAME"; empty when there is none.
	Uploads string
	// Roots are the directories below which "file:PATH" may read.
	Roots []string
	// Temp takes decompressed copies; empty means the system's.
	Temp string
}

// Open implements [SourceOpener]. A compressed archive is decompressed once,
// into a file that Close removes.
func (s FileSources) Open(_ context.Context, l Load) (Source, error) {
	path, err := s.path(l.Source)
	if err != nil {
		return nil, err
	}
	if err := checkPins(path, l); err != nil {
		return nil, err
	}
	f, err := archive.OpenFile(path)
	if err != nil {
		return nil, err
	}
	plain, err := f.Plain(s.Temp)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return plain, nil
}

// path returns the real path of a source, symbolic links followed, when it lies
// in a directory that may be read.
func (s FileSources) path(source string) (string, error) {
	scheme, rest, err := splitSource(source)
	if err != nil {
		return "", &RefusedError{Code: CodeSourceRefused, Err: fmt.Errorf("source %w", err)}
	}
	roots := s.Roots
	if scheme == sourceUpload {
		if s.Uploads == "" {
			return "", &RefusedError{Code: CodeSourceRefused, Err: fmt.Errorf("source %s: this worker has no uploads", source)}
		}
		roots, rest = []string{s.Uploads}, filepath.Join(s.Uploads, rest)
	}
	path, err := filepath.EvalSymlinks(rest)
	if errors.Is(err, os.ErrNotExist) {
		return "", &RefusedError{Code: CodeSourceNotFound, Err: fmt.Errorf("source %s: %w", source, err)}
	}
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return "", fmt.Errorf("source %s: %w", source, err)
	}
	for _, root := range roots {
		if below(path, root) {
			return path, nil
		}
	}
	return "", &RefusedError{Code: CodeSourceRefused, Err: fmt.Errorf("source %s is not in a directory that may be read: %q", source, roots)}
}

func below(path, root string) bool {
	root, err := filepath.EvalSymlinks(root)
	if err == nil {
		root, err = filepath.Abs(root)
	}
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, path)
	return err == nil && filepath.IsLocal(rel)
}

// checkPins refuses a file that is not what it was when the job was submitted.
func checkPins(path string, l Load) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("source %s: %w", l.Source, err)
	}
	changed := func(format string, args ...any) error {
		return &RefusedError{Code: CodeSourceChanged, Err: fmt.Errorf("source %s has changed: %s", l.Source, fmt.Sprintf(format, args...))}
	}
	if want, ok := l.Size.Get(); ok && want != info.Size() {
		return changed("%d bytes instead of %d", info.Size(), want)
	}
	if !l.Modified.IsZero() && !l.Modified.Equal(info.ModTime()) {
		return changed("modified %s instead of %s", info.ModTime().UTC(), l.Modified.UTC())
	}
	if l.ETag != "" {
		return changed("a file has no ETag %q", l.ETag)
	}
	return nil
}
