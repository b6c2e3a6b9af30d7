package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// Buckets are the sources "s3://BUCKET/KEY" that may be read. It is a
// [jobs.SourcePlace], safe for concurrent use; credentials are those of the environment.
type Buckets struct {
	allowed Allowed
	// retryFor is that of [s3.Config].
	retryFor time.Duration

	mu   sync.Mutex
	open map[string]*s3.Objects // by bucket and the way there
}

// NewBuckets returns the sources in the buckets that are allowed, to be closed. Nothing
// is asked of any service.
func NewBuckets(a Allowed) *Buckets {
	return &Buckets{allowed: a, open: make(map[string]*s3.Objects)}
}

// Pins implements [jobs.SourcePlace]: an object is pinned by its length and its ETag.
func (b *Buckets) Pins(ctx context.Context, l jobs.Load) (jobs.Load, error) {
	o, key, err := b.objects(ctx, l.Source)
	if err != nil {
		return jobs.Load{}, err
	}
	info, err := o.Look(ctx, key)
	if err != nil {
		return jobs.Load{}, explain(l.Source, err)
	}
	now := l
	now.Size, now.ETag, now.Modified = opt.Of(info.Size), info.ETag, time.Time{}
	if !l.Modified.IsZero() {
		now.Modified = info.Modified
	}
	return l.Pinned(now), l.ChangedFrom(now)
}

// Find implements [jobs.SourcePlace]. A pinned object is not looked at first: each
// request asks for its version.
func (b *Buckets) Find(ctx context.Context, l jobs.Load) (io.ReadCloser, error) {
	if _, sized := l.Size.Get(); !sized || l.ETag == "" || !l.Modified.IsZero() {
		var err error
		if l, err = b.Pins(ctx, l); err != nil {
			return nil, err
		}
	}
	o, key, err := b.objects(ctx, l.Source)
	if err != nil {
		return nil, err
	}
	size, _ := l.Size.Get()
	return &object{o.Open(ctx, key, s3.ObjectInfo{Size: size, ETag: l.ETag}), l.Source}, nil
}

// objects returns what reads the bucket of a source, and the key there.
func (b *Buckets) objects(ctx context.Context, source string) (*s3.Objects, string, error) {
	c, key, err := b.allowed.bucket(source)
	if err != nil {
		return nil, "", err
	}
	c.RetryFor = b.retryFor
	b.mu.Lock()
	defer b.mu.Unlock()
	way := fmt.Sprintf("%q %q %q %t", c.Bucket, c.Endpoint, c.Region, c.PathStyle)
	if b.open[way] == nil {
		o, err := s3.OpenObjects(ctx, c)
		if err != nil {
			return nil, "", fmt.Errorf("source %s: %w (%w)", shown(source), storage.ErrSetup, err)
		}
		b.open[way] = o
	}
	return b.open[way], key, nil
}

// Close frees connections that are idle.
func (b *Buckets) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var errs []error
	for _, o := range b.open {
		errs = append(errs, o.Close())
	}
	return errors.Join(errs...)
}

// explain says what an error of reading means for the load.
func explain(source string, err error) error {
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return err
	case errors.Is(err, s3.ErrReplaced):
		return jobs.RefuseSource(jobs.CodeSourceChanged, shown(source), "it has changed: another object has its key now; submit the load again")
	case errors.Is(err, storage.ErrNotFound):
		return jobs.RefuseSource(jobs.CodeSourceNotFound, shown(source), "there is no such object; check the name, and that nobody removes it before it is loaded")
	}
	return fmt.Errorf("source %s: %w", shown(source), err)
}

// object is an object whose errors say what they mean for a load.
type object struct {
	*s3.ObjectFile
	source string
}

// Read implements io.Reader.
func (o *object) Read(p []byte) (int, error) {
	n, err := o.ObjectFile.Read(p)
	return n, explain(o.source, err)
}

// ReadAt implements [jobs.Source].
func (o *object) ReadAt(p []byte, at int64) (int, error) {
	n, err := o.ObjectFile.ReadAt(p, at)
	return n, explain(o.source, err)
}
