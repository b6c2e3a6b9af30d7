// Package targets says where a process may put the archives of dumps: in directories and
// buckets that its user names. What a job names has no say in it.
package targets

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/cli/sources"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// Of returns the targets in the directories and buckets that are allowed.
func Of(a sources.Allowed) jobs.Targets {
	return jobs.Targets{jobs.SchemeFile: jobs.FileTargets{Roots: a.Dirs}, jobs.SchemeS3: buckets{a}}
}

// Name returns the name of a target as workers elsewhere understand it: a path becomes
// one from the root.
func Name(target string) (string, error) {
	scheme, rest, err := jobs.SplitTarget(target)
	if err != nil || scheme != jobs.SchemeFile {
		return target, err
	}
	path, err := filepath.Abs(rest)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", target, err)
	}
	return jobs.SchemeFile + ":" + path, nil
}

// buckets are the targets "s3://BUCKET/KEY". Credentials are those of the environment.
type buckets struct{ allowed sources.Allowed }

// Create implements [jobs.TargetPlace].
func (b buckets) Create(ctx context.Context, target string, _, _ uuid.UUID) (jobs.TargetFile, error) {
	want, err := s3.ParseURL(target)
	if err != nil {
		return nil, jobs.RefuseTarget(jobs.CodeTargetRefused, target, "%w", err)
	}
	key := want.Prefix
	if key == "" {
		return nil, jobs.RefuseTarget(jobs.CodeTargetRefused, target, "it names a bucket and no object; use s3://%s/KEY", want.Bucket)
	}
	way, ok := b.allowed.Way(want)
	if !ok {
		return nil, jobs.RefuseTarget(jobs.CodeTargetRefused, target,
			"this worker may not write it; start the worker with --targets s3://%s, with the endpoint that the target names, if any", want.Bucket)
	}
	o, err := s3.OpenObjects(ctx, way)
	if err != nil {
		return nil, fmt.Errorf("target %s: %w (%w)", nameOf(want), storage.ErrSetup, err)
	}
	u, err := o.Create(ctx, key)
	if err != nil {
		return nil, errors.Join(explain(nameOf(want), err), o.Close())
	}
	return &object{upload: u, objects: o, name: nameOf(want)}, nil
}

// nameOf is an object without what may be secret.
func nameOf(c s3.Config) string { return "s3://" + c.Bucket + "/" + c.Prefix }

// object is an archive on its way to its bucket.
type object struct {
	upload  *s3.Upload
	objects *s3.Objects
	name    string
}

// Name implements [jobs.TargetFile].
func (o *object) Name() string { return o.name }

// Write implements io.Writer.
func (o *object) Write(p []byte) (int, error) {
	n, err := o.upload.Write(p)
	return n, explain(o.name, err)
}

// Commit implements [jobs.TargetFile].
func (o *object) Commit(ctx context.Context) error {
	if err := o.upload.Commit(ctx); err != nil {
		return explain(o.name, err)
	}
	return o.objects.Close()
}

// Discard implements [jobs.TargetFile].
func (o *object) Discard(ctx context.Context) error {
	return errors.Join(o.upload.Discard(ctx), o.objects.Close())
}

// explain says what an error of writing means for the dump. A bucket that is not there,
// or is not to be written, is the target's trouble and not the store's.
func explain(name string, err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, storage.ErrSetup):
		return jobs.RefuseTarget(jobs.CodeTargetRefused, name, "it cannot be written: %w", errors.New(err.Error()))
	case errors.Is(err, storage.ErrUnusableName):
		return jobs.RefuseTarget(jobs.CodeTargetRefused, name, "its bucket cannot have such a name: %w", errors.New(err.Error()))
	}
	return fmt.Errorf("target %s: %w", name, err)
}
