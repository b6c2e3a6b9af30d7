package storage

import (
	"context"
	"errors"
	"io"
	"iter"
	"time"

	"github.com/specstar-worker/worker/opt"
)

// BlobInfo describes a stored blob.
type BlobInfo struct {
	// FileID is the blob's id: xxh3-128 of the content as 32 hex digits, or the
	// key its writer chose.
	FileID string
	// Size is the content's length in bytes.
	Size int64
	// ContentType is a MIME type; unset when unknown. An empty one counts as unset.
	ContentType opt.Value[string]
}

// PutOptions says how a blob is stored.
type PutOptions struct {
	// Key is the blob's id; empty means the hash of the content.
	Key string
	// ContentType is a MIME type, unset when unknown.
	ContentType opt.Value[string]
}

// BlobStore holds the blobs of all models of a store. A blob put twice with
// equal content stays as first put, its content type too.
type BlobStore interface {
	// Put stores the content of r and returns its description. When Put returns,
	// the blob is durable; on an error nothing is visible.
	Put(ctx context.Context, r io.Reader, o PutOptions) (BlobInfo, error)
	// Open returns the content, to be closed by the caller; ErrNotFound.
	Open(ctx context.Context, fileID string) (io.ReadCloser, BlobInfo, error)
	// Stat describes a blob; ErrNotFound.
	Stat(ctx context.Context, fileID string) (BlobInfo, error)
	// Delete removes a blob; an absent one is no error.
	Delete(ctx context.Context, fileID string) error
	// List returns all blobs by ascending id.
	List(ctx context.Context) iter.Seq2[BlobInfo, error]

	// Touch describes a blob and makes it as new as a Put does; ErrNotFound. Who is
	// about to write a reference to a blob that was put before touches it first.
	Touch(ctx context.Context, fileID string) (BlobInfo, error)
	// Old returns the blobs that were last put or touched before a time, in any
	// order. Memory does not grow with their number.
	Old(ctx context.Context, before time.Time) iter.Seq2[OldBlob, error]
	// DeleteOld removes those blobs that were last put or touched before a time,
	// and reports for each whether it is gone; one that was not there is. It
	// excludes a Put and a Touch of the same blob: see G25.
	DeleteOld(ctx context.Context, fileIDs []string, before time.Time) ([]bool, error)
	// Sweep counts, and with remove also removes, what interrupted writes before a
	// time left that is no blob.
	Sweep(ctx context.Context, before time.Time, remove bool) (Tally, error)
}

// OldBlob is a blob with its age.
type OldBlob struct {
	FileID string
	// Size is how many bytes the content takes on the medium.
	Size int64
	// Time is when the blob was last put or touched.
	Time time.Time
}

// BlobStoreBuilder is the optional hook of a [Factory] that owns a place for
// blobs (upgrade page, "IStorageFactory.build_blob_store() hook").
type BlobStoreBuilder interface {
	// BuildBlobStore returns the factory's blob store; the factory closes it.
	BuildBlobStore(ctx context.Context) (BlobStore, error)
}

// BuildBlobStore returns the blob store that f owns, or an error wrapping
// errors.ErrUnsupported when it has none. It is the only place that asks.
func BuildBlobStore(ctx context.Context, f Factory) (BlobStore, error) {
	b, ok := f.(BlobStoreBuilder)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return b.BuildBlobStore(ctx)
}
