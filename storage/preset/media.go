package preset

import (
	"context"
	"errors"
	"strings"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/disk"
	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/s3"
)

// checkObjects reports what is wrong with a URL of objects.
func checkObjects(url string) error {
	_, err := s3.ParseURL(url)
	return err
}

// openObjects opens the bucket and prefix that a URL of objects names.
func openObjects(ctx context.Context, url string, readOnly bool) (*s3.Store, error) {
	c, err := s3.ParseURL(url)
	if err != nil {
		return nil, err
	}
	c.ReadOnly = readOnly
	return s3.Open(ctx, c)
}

// owned is a medium that closes more than itself: a factory closes its medium, and
// with it the bucket that a preset has opened.
type owned struct {
	storage.RevisionMedium
	bucket *s3.Store
}

// Close closes the medium, then the bucket.
func (o owned) Close() error { return errors.Join(o.RevisionMedium.Close(), o.bucket.Close()) }

// openDisk opens the revisions below a directory.
func openDisk(ctx context.Context, dir string, readOnly bool) (storage.RevisionMedium, error) {
	r, err := disk.Open(ctx, disk.Config{Dir: dir, ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// disk returns the configuration of a store with these revisions on disk. Their
// infos are JSON there: the original's factory lets nobody choose.
func (o Options) disk(dsn string, revisions storage.RevisionMedium) postgres.Config {
	c := o.postgres(dsn)
	c.Revisions, c.Infos = revisions, resource.JSON
	return c
}

// Below returns the URL of objects whose prefix is extended by a name.
func Below(objects, name string) string {
	base, query, found := strings.Cut(objects, "?")
	base = strings.TrimRight(base, "/") + "/" + name
	if found {
		base += "?" + query
	}
	return base
}

// RemoveObjects removes every object below a URL of objects: what was tried out
// there. One without a prefix is refused.
func RemoveObjects(ctx context.Context, objects string) (err error) {
	bucket, err := openObjects(ctx, objects, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bucket.Close()) }()
	return bucket.RemoveAll(ctx)
}
