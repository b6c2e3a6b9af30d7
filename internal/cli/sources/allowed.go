// Package sources says which archives a process may load besides uploads: those in
// directories and buckets that its user names. What a job names has no say in it, since
// whoever can publish a job could have files read and requests signed otherwise.
package sources

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage/s3"
)

// Allowed is what may be read.
type Allowed struct {
	// Dirs are directories, and files, with all that is below.
	Dirs []string
	// buckets are buckets, or the objects below a prefix, and how they are reached.
	buckets []s3.Config
}

// Parse understands a list of directories (PATH or file:PATH) and of buckets:
// s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true]. Nothing is looked at.
func Parse(texts []string) (Allowed, error) {
	var a Allowed
	for _, text := range texts {
		if err := a.Add(text); err != nil {
			return Allowed{}, err
		}
	}
	return a, nil
}

// Add allows one more directory, file, bucket or object.
func (a *Allowed) Add(text string) error {
	if strings.HasPrefix(text, jobs.SourceS3+":") {
		c, err := s3.ParseURL(text)
		if err != nil {
			return fmt.Errorf("%s: %w; use s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true]", shown(text), err)
		}
		a.buckets = append(a.buckets, c)
		return nil
	}
	path := strings.TrimPrefix(text, jobs.SourceFile+":")
	if path == "" {
		return errors.New("an empty name is no directory; leave it out, or name one")
	}
	if strings.Contains(path, "://") {
		return fmt.Errorf("%s: it is neither a directory nor s3://BUCKET[/PREFIX]", shown(text))
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("find %s: %w", text, err)
	}
	a.Dirs = append(a.Dirs, path)
	return nil
}

// Name returns the name of a source as workers elsewhere understand it: a path becomes
// one from the root.
func Name(source string) (string, error) {
	scheme, rest, err := jobs.SplitSource(source)
	if err != nil || scheme != jobs.SourceFile {
		return source, err
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", source, err)
	}
	return jobs.SourceFile + ":" + path, nil
}

// Named reports whether a command's argument is the name of a source that workers read
// where it is, and not of a file that is to be uploaded.
func Named(arg string) bool {
	return strings.HasPrefix(arg, jobs.SourceS3+"://") || strings.HasPrefix(arg, jobs.SourceFile+":")
}

// bucket returns how the object is reached that a source names, and its key. The way
// there is that of the allowed bucket: a source may repeat it, and not choose another.
func (a Allowed) bucket(source string) (s3.Config, string, error) {
	want, err := s3.ParseURL(source)
	if err != nil {
		return want, "", jobs.RefuseSource(jobs.CodeSourceRefused, shown(source), "%w", err)
	}
	key := want.Prefix
	if key == "" {
		return want, "", jobs.RefuseSource(jobs.CodeSourceRefused, shown(source), "it names a bucket and no object; use s3://%s/KEY", want.Bucket)
	}
	if c, ok := a.Way(want); ok {
		return c, key, nil
	}
	return want, "", jobs.RefuseSource(jobs.CodeSourceRefused, shown(source),
		"this worker may not read it; start the worker with --sources s3://%s, with the endpoint that the source names, if any", want.Bucket)
}

// Way returns how the object is reached that want names as its prefix, when it is in a
// bucket that is allowed.
func (a Allowed) Way(want s3.Config) (s3.Config, bool) {
	for _, c := range a.buckets {
		if c.Bucket == want.Bucket && below(want.Prefix, c.Prefix) && sameWay(c, want) {
			return c, true
		}
	}
	return s3.Config{}, false
}

// below reports whether an object is what a prefix names, or below it.
func below(key, prefix string) bool {
	return prefix == "" || key == prefix || strings.HasPrefix(key, prefix+"/")
}

// sameWay reports whether what a source says about the way to its bucket is so.
func sameWay(c, want s3.Config) bool {
	return (want.Endpoint == "" || want.Endpoint == c.Endpoint) &&
		(want.Region == "" || want.Region == c.Region) &&
		(!want.PathStyle || c.PathStyle)
}

// shown is what may be shown of the name of a source: parameters may hold secrets.
func shown(source string) string {
	name, _, _ := strings.Cut(source, "?")
	if strings.Contains(name, "@") {
		return jobs.SourceS3 + "://…"
	}
	return name
}
