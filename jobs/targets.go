package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Codes of dumps whose target is refused.
const (
	CodeTargetRefused  = "target_refused"   // not where this worker may write
	CodeTargetNotFound = "target_not_found" // no such directory or bucket
)

// The ways in which a dump names its target: "download:", an object beside the queue that
// `worker jobs fetch` fetches; "file:PATH" and "s3://BUCKET/KEY", where a worker is told
// that it may write.
const TargetDownload = "download:"

// The schemes of targets.
const (
	SchemeDownload = "download"
	SchemeFile     = "file"
	SchemeS3       = "s3"
)

// SplitTarget splits the name of a target into its scheme and what stands behind the
// colon; empty is [TargetDownload]. The error says what is wrong with it.
func SplitTarget(s string) (scheme, rest string, err error) {
	if s == "" {
		s = TargetDownload
	}
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok || !slices.Contains([]string{SchemeDownload, SchemeFile, SchemeS3}, scheme):
		return "", "", fmt.Errorf("%s is none of download:, file:PATH or s3://BUCKET/KEY", quoted(s))
	case scheme == SchemeDownload && rest != "":
		return "", "", errors.New("download: has no name; the job has one")
	case scheme == SchemeFile && rest == "":
		return "", "", errors.New("file: names no file")
	case scheme == SchemeS3 && (!strings.HasPrefix(rest, "//") || len(rest) == len("//")):
		return "", "", fmt.Errorf("%s is not of the form s3://BUCKET/KEY", quoted(s))
	}
	return scheme, rest, nil
}

// TargetPlace is where archives of one kind are put.
type TargetPlace interface {
	// Create begins to write the archive of an attempt at a job. Nothing is visible
	// before its Commit. A target that is not there or may not be written is refused
	// by a *RefusedError; storage.ErrUnavailable when the place does not answer. What
	// an attempt before, which was interrupted, left for the job is removed.
	Create(ctx context.Context, target string, job, attempt uuid.UUID) (TargetFile, error)
}

// TargetFile is an archive that is being written by one goroutine. It ends with Commit or
// with Discard.
type TargetFile interface {
	io.Writer
	// Name is where the archive will be, without what may be secret.
	Name() string
	// Commit makes the archive visible as a whole, in place of what was there. When it
	// fails the archive is to be discarded.
	Commit(ctx context.Context) error
	// Discard removes what was written.
	Discard(ctx context.Context) error
}

// Targets are where dumps may be written, by scheme of their names.
type Targets map[string]TargetPlace

// Create begins to write an archive where the target is.
func (t Targets) Create(ctx context.Context, target string, job, attempt uuid.UUID) (TargetFile, error) {
	scheme, _, err := SplitTarget(target)
	if err != nil {
		return nil, &RefusedError{Code: CodeTargetRefused, Err: fmt.Errorf("target %w", err)}
	}
	place, ok := t[scheme]
	if !ok {
		return nil, RefuseTarget(CodeTargetRefused, target, "this worker writes no targets of this kind; see --targets of worker run")
	}
	return place.Create(ctx, target, job, attempt)
}

// RefuseTarget refuses a target for a reason.
func RefuseTarget(code, target, format string, args ...any) error {
	shown, _, _ := strings.Cut(target, "?") // parameters may hold secrets
	if strings.HasPrefix(shown, SchemeS3) && strings.Contains(shown, "@") {
		shown = SchemeS3 + "://…"
	}
	return &RefusedError{Code: code, Err: fmt.Errorf("target %s: %w", shown, fmt.Errorf(format, args...))}
}
