package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// blobsDir is where the original's factories keep blobs.
const blobsDir = "blobs/"

// What is beside the blobs and is none. The original has the first two.
const (
	uploadsDir  = "_uploads"
	sessionsDir = "_sessions"
	touchedDir  = "_touched"
	gateName    = "_deleting"
)

// Blobs are the blobs of a bucket. They implement [storage.BlobStore].
type Blobs struct {
	s *Store
	// dir is the beginning of the keys of blobs, marks that of the marks of touched ones.
	dir, marks string
	gate       *gate
}

var _ storage.BlobStore = (*Blobs)(nil)

// Blobs returns the blobs. All that are taken from one store are the same.
func (s *Store) Blobs() *Blobs { return s.blobs }

func newBlobs(s *Store) *Blobs {
	dir := s.cfg.Prefix + blobsDir
	return &Blobs{
		s: s, dir: dir, marks: dir + touchedDir + "/",
		gate: &gate{s: s, key: dir + gateName, life: gateLife, work: gateWork, turn: make(chan struct{}, 1)},
	}
}

// checkBlobID refuses ids that no key can hold.
func checkBlobID(id string) error {
	if err := checkKeyPart("blob id", id); err != nil {
		return err
	}
	if strings.HasSuffix(id, "/") {
		return unusable("blob id", id, `ends with a "/"`)
	}
	if !isBlobID(id) {
		return unusable("blob id", id, "is where what is no blob is kept")
	}
	return nil
}

// isBlobID reports whether the object of a name is a blob.
func isBlobID(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return first != uploadsDir && first != sessionsDir && first != touchedDir && first != gateName
}

// describe says what is known of a blob from its object.
func describe(id string, f found) storage.BlobInfo {
	info := storage.BlobInfo{FileID: id, Size: f.size}
	if f.contentType != "" && f.contentType != unsetType {
		info.ContentType = opt.Of(f.contentType)
	}
	return info
}

// find looks a blob up; ErrNotFound.
func (b *Blobs) find(ctx context.Context, id string) (found, error) {
	if err := checkBlobID(id); err != nil {
		return found{}, fmt.Errorf("%w: %w", err, storage.ErrNotFound)
	}
	return b.s.head(ctx, b.dir+id)
}

// Stat describes a blob.
func (b *Blobs) Stat(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	f, err := b.find(ctx, fileID)
	if err != nil {
		return storage.BlobInfo{}, err
	}
	return describe(fileID, f), nil
}

// Delete removes a blob; an absent one is no error.
func (b *Blobs) Delete(ctx context.Context, fileID string) error {
	if b.s.cfg.ReadOnly {
		return errReadOnly
	}
	if err := ctx.Err(); err != nil || checkBlobID(fileID) != nil {
		return err // no blob can have such an id
	}
	if err := b.s.remove(ctx, b.dir+fileID); err != nil {
		return err
	}
	return b.s.remove(ctx, b.marks+fileID)
}

// blobObjects lists the objects of blobs by ascending id.
func (b *Blobs) blobObjects(ctx context.Context) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		for o, err := range b.s.list(ctx, b.dir) {
			if err == nil && !isBlobID(o.key) {
				continue
			}
			if !yield(o, err) || err != nil {
				return
			}
		}
	}
}

// List returns all blobs by ascending id. A listing of S3 tells no content type, so
// each blob is looked at, many at a time.
func (b *Blobs) List(ctx context.Context) iter.Seq2[storage.BlobInfo, error] {
	return flat(ahead(ctx, b.s.cfg.Parallel, b.blobObjects(ctx), func(ctx context.Context, o listed) ([]storage.BlobInfo, error) {
		info, err := b.Stat(ctx, o.key)
		if errors.Is(err, storage.ErrNotFound) {
			return nil, nil // deleted since
		}
		return []storage.BlobInfo{info}, err
	}))
}
