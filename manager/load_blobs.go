package manager

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// placeForBlobs refuses an archive with n blobs when the store has no place for any.
func (c *Catalog) placeForBlobs(n int64) error {
	if n > 0 && c.blobs == nil {
		return &RefusedError{Code: CodeInvalid, Message: "the archive holds blobs, but this store has no place for them"}
	}
	return nil
}

// putBlobs stores the blobs of a load. Nothing refers to them yet, unless their
// writer chose their keys: then a blob that is there with other content belongs
// to somebody, and only [Overwrite] replaces it.
func (c *Catalog) putBlobs(ctx context.Context, on OnDuplicate, blobs []archive.Blob) error {
	for i := range blobs {
		b := &blobs[i]
		if on != Overwrite && !isContentHash(b.FileID) {
			keep, err := c.keepsBlob(ctx, on, b)
			if err != nil {
				return err
			}
			if keep {
				continue
			}
		}
		o := storage.PutOptions{Key: b.FileID}
		if b.ContentType != "" {
			o.ContentType = opt.Of(b.ContentType)
		}
		if _, err := c.blobs.Put(ctx, bytes.NewReader(b.Data), o); err != nil {
			return fmt.Errorf("put blob %s: %w", b.FileID, err)
		}
	}
	return nil
}

// keepsBlob reports whether the store has a blob of that key, which then stays;
// with [RaiseError] one of other content is refused.
func (c *Catalog) keepsBlob(ctx context.Context, on OnDuplicate, b *archive.Blob) (bool, error) {
	local, err := c.readBlob(ctx, b.FileID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if on == RaiseError && !bytes.Equal(local.Data, b.Data) {
		return false, &RefusedError{
			Code:    CodeDuplicate,
			Message: fmt.Sprintf("blob %s is in the store with other content: load with overwrite to replace it, or with skip to keep it", b.FileID),
		}
	}
	return true, nil
}

// touchBlobs makes blobs new that a load is about to refer to, so that a garbage
// collection leaves them. One that went away meanwhile is a reference to nothing.
func (c *Catalog) touchBlobs(ctx context.Context, ids []string) error {
	for _, id := range ids {
		if _, err := c.blobs.Touch(ctx, id); err != nil && !errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("touch blob %.80s: %w", id, err)
		}
	}
	return nil
}
