package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/sources"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// opened are the sources of loads that a command reads, and what they need.
type opened struct {
	*jobs.Sources
	buckets *sources.Buckets
}

// sourcesOf returns the sources that --sources allows, those that the command itself
// names, uploads in a directory and, unless objects is nil, archives beside the queue.
func (a *app) sourcesOf(uploads string, objects *consumer.Objects, named ...string) (*opened, error) {
	allowed, err := a.global.allowed(named...)
	if err != nil {
		return nil, err
	}
	files, buckets := jobs.FileSources{Uploads: uploads, Roots: allowed.Dirs}, sources.NewBuckets(allowed)
	c := jobs.SourceConfig{Places: map[string]jobs.SourcePlace{
		jobs.SourceUpload: files, jobs.SourceFile: files, jobs.SourceS3: buckets,
	}}
	if objects != nil {
		c.Places[jobs.SourceObject] = objects
	}
	return &opened{jobs.NewSources(c), buckets}, nil
}

// Close closes the sources that nobody reads.
func (o *opened) Close() error { return errors.Join(o.Sources.Close(), o.buckets.Close()) }

// allowed returns what may be read of directories and buckets.
func (g *global) allowed(named ...string) (sources.Allowed, error) {
	a, err := sources.Parse(g.sources)
	if err != nil {
		return a, usage("--sources %w", err)
	}
	for _, n := range named {
		if err := a.Add(n); err != nil {
			return a, usage("%w", err)
		}
	}
	return a, nil
}

// namedSources returns the argument of a command when it names a source.
func namedSources(arg string) []string {
	if sources.Named(arg) {
		return []string{arg}
	}
	return nil
}

// archiveSource is an archive that a command reads itself.
type archiveSource interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// openArchive opens an archive in any form for reading at any place: a file, or
// s3://BUCKET/KEY. A compressed one is written out to a temporary file that goes with
// Close.
func (a *app) openArchive(ctx context.Context, name string) (archiveSource, error) {
	if !sources.Named(name) {
		return openPlain(name)
	}
	source, err := sources.Name(name)
	if err != nil {
		return nil, usage("%w", err)
	}
	all, err := a.sourcesOf("", nil, source)
	if err != nil {
		return nil, err
	}
	src, err := all.Open(ctx, jobs.Load{Source: source})
	if err != nil {
		return nil, errors.Join(err, all.Close())
	}
	return &namedArchive{src, all}, nil
}

// namedArchive is an archive with the sources that it was opened from.
type namedArchive struct {
	jobs.Source
	all *opened
}

// Close implements [io.Closer].
func (n *namedArchive) Close() error { return errors.Join(n.Source.Close(), n.all.Close()) }

// openPlain is openArchive for a file.
func openPlain(path string) (*archive.Plain, error) {
	f, err := archive.OpenFile(path)
	if err != nil {
		return nil, err
	}
	plain, err := f.Plain(os.TempDir())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read archive %s: %w", path, err), f.Close())
	}
	return plain, nil
}

// neededBy says which archives beside the queue a ledger may yet need.
func neededBy(ctx context.Context, ledger storage.Ledger) func(string, time.Time) (bool, error) {
	return func(name string, put time.Time) (bool, error) { return upload.Needed(ctx, ledger, name, put) }
}
