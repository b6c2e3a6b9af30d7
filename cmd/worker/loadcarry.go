package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/specstar-worker/worker/internal/cli/sources"
	"github.com/specstar-worker/worker/internal/cli/upload"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// carrier brings the archive of a load to where workers read it.
type carrier interface {
	// put does so for a job, unless it is there already, and returns the source, pinned.
	put(ctx context.Context, s *session, job string) (jobs.Load, error)
	// content tells the archive that was put from others.
	content() (string, error)
	// remove takes away what was put for a job; it need not be there.
	remove(ctx context.Context, s *session, job string) error
	// adopt is told that another job that does the same has the archive already.
	adopt(job string)
}

// carrierOf returns what carries the archive that a command names: nothing is to be done
// for one that workers read where it is; others go beside the queue of a server that
// --nats names, or into the data directory.
func (a *app) carrierOf(name string, stdin io.Reader, unique bool) carrier {
	switch {
	case sources.Named(name):
		return &namedCarrier{app: a, name: name}
	case a.global.nats != "":
		return &objectCarrier{path: name, stdin: stdin}
	}
	c := &dirCarrier{path: name, stdin: stdin}
	if unique {
		c.ahead = upload.HashAhead(name)
	}
	return c
}

// dirCarrier puts an archive into the data directory.
type dirCarrier struct {
	path  string
	stdin io.Reader
	// ahead is the hash of the archive, worked out while the session is opened.
	ahead *upload.Ahead
	// done is the upload, once made, and dir where it is.
	done *upload.Upload
	dir  string
}

func (c *dirCarrier) put(ctx context.Context, s *session, job string) (jobs.Load, error) {
	if c.done == nil || c.dir != s.uploads {
		path := c.path
		if c.done != nil {
			path = filepath.Join(c.dir, c.done.Name)
		}
		up, err := upload.Put(ctx, path, c.stdin, s.uploads, job)
		if err != nil {
			return jobs.Load{}, err
		}
		c.done, c.dir = &up, s.uploads
	}
	return jobs.Load{Source: jobs.SourceUpload + ":" + c.done.Name, Size: opt.Of(c.done.Size), Modified: c.done.Modified.UTC()}, nil
}

func (c *dirCarrier) content() (string, error) { return c.ahead.Hash(c.dir, c.done.Name) }

func (c *dirCarrier) remove(_ context.Context, _ *session, job string) error {
	return upload.Remove(c.dir, job)
}

func (c *dirCarrier) adopt(job string) { c.done.Name = upload.Name(job) }

// objectCarrier puts an archive beside the queue, in the form that it has.
type objectCarrier struct {
	path  string
	stdin io.Reader
	hash  string // of the plain archive
	// done is the source, once put.
	done *jobs.Load
}

func (c *objectCarrier) put(ctx context.Context, s *session, job string) (l jobs.Load, err error) {
	if c.done != nil {
		return *c.done, nil
	}
	path := c.path
	if path == upload.Stdin {
		var remove func() error
		if path, remove, err = upload.Spool(ctx, c.stdin); err != nil {
			return l, err
		}
		defer func() { err = errors.Join(err, remove()) }()
	}
	if c.hash, err = upload.Digest(path); err != nil {
		return l, err
	}
	f, err := os.Open(path)
	if err != nil {
		return l, fmt.Errorf("read archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, digest, err := s.objects.Put(ctx, upload.Name(job), f)
	if err != nil {
		return l, fmt.Errorf("put the archive beside the queue: %w", s.app.provisionHint(err))
	}
	c.done = &jobs.Load{Source: jobs.SourceObject + ":" + upload.Name(job), Size: opt.Of(size), ETag: digest}
	return *c.done, nil
}

func (c *objectCarrier) content() (string, error) { return c.hash, nil }

func (c *objectCarrier) remove(ctx context.Context, s *session, job string) error {
	return s.objects.Remove(ctx, upload.Name(job))
}

func (c *objectCarrier) adopt(string) {}

// namedCarrier leaves an archive where it is: workers read it there.
type namedCarrier struct {
	app  *app
	name string
	done *jobs.Load
}

// put looks at the source, so that a mistake is told at once and the load is of what is
// there now. Where workers may read what this process cannot, they pin it.
func (c *namedCarrier) put(ctx context.Context, s *session, _ string) (jobs.Load, error) {
	if c.done != nil {
		return *c.done, nil
	}
	source, err := sources.Name(c.name)
	if err != nil {
		return jobs.Load{}, usage("%w", err)
	}
	l := jobs.Load{Source: source}
	pinned, err := s.sources.Pins(ctx, l)
	switch elsewhere := s.worker == nil && s.app.global.nats != ""; {
	case err == nil:
		l = pinned
	case elsewhere && cannotTell(err):
		c.app.note("%v; the worker that takes the job looks for it", err)
	default:
		return jobs.Load{}, err
	}
	c.done = &l
	return l, nil
}

// cannotTell reports whether a source that cannot be looked at here may be there for
// workers: they may have other credentials, and other files.
func cannotTell(err error) bool {
	if r, refused := errors.AsType[*jobs.RefusedError](err); refused {
		return r.Code == jobs.CodeSourceNotFound
	}
	return errors.Is(err, storage.ErrSetup) || errors.Is(err, storage.ErrUnavailable)
}

func (c *namedCarrier) content() (string, error) {
	size, _ := c.done.Size.Get()
	return fmt.Sprintf("%s %d %s %s", c.done.Source, size, c.done.Modified, c.done.ETag), nil
}

func (c *namedCarrier) remove(context.Context, *session, string) error { return nil }
func (c *namedCarrier) adopt(string)                                   {}
