package jobs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Codes of loads whose source is refused.
const (
	CodeSourceNotFound = "source_not_found" // no such file, upload or object
	CodeSourceRefused  = "source_refused"   // not where this worker may read
	CodeSourceChanged  = "source_changed"   // not what it was when the job was submitted or planned
)

// The ways in which a load names its source: "upload:NAME", a file in the data directory
// of the worker; "object:NAME", an object beside the queue; "file:PATH" and
// "s3://BUCKET/KEY", what a worker is told that it may read.
const (
	SourceUpload = "upload"
	SourceObject = "object"
	SourceFile   = "file"
	SourceS3     = "s3"
)

// sourceForms are those ways for messages.
const sourceForms = "upload:NAME, object:NAME, file:PATH or s3://BUCKET/KEY"

// SplitSource splits the name of a source into its scheme and what stands behind the
// colon. The error says what is wrong with it.
func SplitSource(s string) (scheme, rest string, err error) {
	scheme, rest, ok := strings.Cut(s, ":")
	switch {
	case !ok || !slices.Contains([]string{SourceUpload, SourceObject, SourceFile, SourceS3}, scheme):
		return "", "", fmt.Errorf("%s is none of %s", quoted(s), sourceForms)
	case rest == "":
		return "", "", errors.New("names nothing")
	case (scheme == SourceUpload || scheme == SourceObject) && strings.ContainsAny(rest, "/\\"):
		return "", "", fmt.Errorf("%s holds a path; an %s has a plain name", quoted(s), scheme)
	case scheme == SourceS3 && !strings.HasPrefix(rest, "//"):
		return "", "", fmt.Errorf("%s is not of the form s3://BUCKET/KEY", quoted(s))
	}
	return scheme, rest, nil
}

// RefuseSource returns the refusal of a load's source for a reason that begins behind
// its name.
func RefuseSource(code, source, format string, args ...any) error {
	return &RefusedError{Code: code, Err: fmt.Errorf("source %s: %w", source, fmt.Errorf(format, args...))}
}

// ChangedFrom refuses a source that is not what its pins say. now has the pins of the
// source as it is; those that l does not have are not compared.
func (l Load) ChangedFrom(now Load) error {
	size, had := l.Size.Get()
	is, _ := now.Size.Get()
	switch {
	case had && size != is:
		return RefuseSource(CodeSourceChanged, l.Source, "it has changed: it has %d bytes and had %d when it was pinned", is, size)
	case !l.Modified.IsZero() && !l.Modified.Equal(now.Modified):
		return RefuseSource(CodeSourceChanged, l.Source, "it has changed: it was written at %s, after it was pinned (%s)", now.Modified.UTC(), l.Modified.UTC())
	case l.ETag != "" && l.ETag != now.ETag:
		return RefuseSource(CodeSourceChanged, l.Source, "it has changed: it is another one (%q) than was pinned (%q)", now.ETag, l.ETag)
	}
	return nil
}

// Pinned returns l with the pins of now, which is the same source as it was found.
func (l Load) Pinned(now Load) Load {
	l.Size, l.Modified, l.ETag = now.Size, now.Modified, now.ETag
	return l
}
