package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
)

// blobs keeps the blobs of a store in two tables: specstar_blobs has a row for each
// blob, which names its content; specstar_blob_parts has the contents in parts. A
// content is written once, with or before the row that names it, and goes with it.
type blobs struct{ f *Factory }

var _ storage.BlobStore = blobs{}

// partSize is how many bytes a part of a content has; only the last one has fewer.
const partSize = 256 << 10

// maxBlobID is how many bytes an id may have: it is a key, and beside a model's name
// a part of one.
const maxBlobID = 2048

// checkBlobID reports why no blob can have an id.
func checkBlobID(id string) error {
	switch {
	case id == "":
		return fmt.Errorf("blob id is empty: %w", storage.ErrUnusableName)
	case !utf8.ValidString(id):
		return fmt.Errorf("blob id %q is not UTF-8: %w", id, storage.ErrUnusableName)
	case strings.ContainsRune(id, 0):
		return fmt.Errorf("blob id %q contains a NUL: %w", id, storage.ErrUnusableName)
	case len(id) > maxBlobID:
		return fmt.Errorf("blob id of %d bytes is longer than %d: %w", len(id), maxBlobID, storage.ErrUnusableName)
	}
	return nil
}

// blobRow is the row of a blob.
type blobRow struct {
	info    storage.BlobInfo
	hash    string // xxh3-128 of the content in hex
	content uuid.UUID
}

// blobColumns are the columns of a blob in the order of scanBlob.
const blobColumns = `file_id, size, content_type, hash, content`

func scanBlob(rows pgx.Rows) (blobRow, error) {
	var b blobRow
	return b, b.scan(rows)
}

// scan reads blobColumns, and what follows them.
func (b *blobRow) scan(rows pgx.Rows, more ...any) error {
	var kind *string
	var hash []byte
	err := rows.Scan(append([]any{&b.info.FileID, &b.info.Size, &kind, &hash, (*[16]byte)(&b.content)}, more...)...)
	if kind != nil {
		b.info.ContentType = opt.Of(*kind)
	}
	b.hash = hex.EncodeToString(hash)
	return err
}

// queryBlobs runs a query about blobs whose first argument is the store.
func queryBlobs[T any](ctx context.Context, b blobs, doing, query string, scan func(pgx.Rows) (T, error), args ...any) iter.Seq2[T, error] {
	if b.f.foreign() {
		return func(yield func(T, error) bool) {
			if err := ctx.Err(); err != nil {
				var none T
				yield(none, err)
			}
		}
	}
	return stream(ctx, b.f, pooled{b.f}, doing, query, append([]any{b.f.identity.number}, args...), scan)
}

// queryBlob returns the only row of a query about one blob; storage.ErrNotFound. The query
// is read to its end: a statement that writes has then taken effect.
func queryBlob[T any](ctx context.Context, b blobs, doing, query, fileID string, scan func(pgx.Rows) (T, error)) (found T, err error) {
	absent := fmt.Errorf("blob %q in %s: %w", fileID, b.f.place, storage.ErrNotFound)
	if checkBlobID(fileID) != nil {
		return found, absent
	}
	n := 0
	for v, err := range queryBlobs(ctx, b, doing, query, scan, fileID) {
		if err != nil {
			return found, err
		}
		found, n = v, n+1
	}
	if n == 0 {
		return found, absent
	}
	return found, nil
}

// writable refuses to write where the store was opened for reading.
func (b blobs) writable(doing string) error {
	if b.f.readOnly {
		return fmt.Errorf("%s %s: %w", doing, b.f.place, errReadOnly)
	}
	return nil
}

// Stat describes a blob.
func (b blobs) Stat(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	row, err := queryBlob(ctx, b, "look for a blob in", `SELECT `+blobColumns+` FROM specstar_blobs WHERE store = $1 AND file_id = $2`, fileID, scanBlob)
	return row.info, err
}

// Touch describes a blob and makes it as new as a Put does. It waits for a DeleteOld
// that has the row locked, and then finds none.
func (b blobs) Touch(ctx context.Context, fileID string) (storage.BlobInfo, error) {
	if err := b.writable("touch a blob in"); err != nil {
		return storage.BlobInfo{}, err
	}
	row, err := queryBlob(ctx, b, "touch a blob in", `UPDATE specstar_blobs SET touched = clock_timestamp() WHERE store = $1 AND file_id = $2 RETURNING `+blobColumns, fileID, scanBlob)
	return row.info, err
}

// List returns all blobs by ascending id.
func (b blobs) List(ctx context.Context) iter.Seq2[storage.BlobInfo, error] {
	return queryBlobs(ctx, b, "list blobs in", `SELECT `+blobColumns+` FROM specstar_blobs WHERE store = $1 ORDER BY file_id`, func(r pgx.Rows) (storage.BlobInfo, error) {
		row, err := scanBlob(r)
		return row.info, err
	})
}

// Old returns the blobs that were last put or touched before a time, by the clock of
// the server.
func (b blobs) Old(ctx context.Context, before time.Time) iter.Seq2[storage.OldBlob, error] {
	return queryBlobs(ctx, b, "look for old blobs in", `SELECT file_id, size, touched FROM specstar_blobs WHERE store = $1 AND touched < $2`, func(r pgx.Rows) (storage.OldBlob, error) {
		var old storage.OldBlob
		err := r.Scan(&old.FileID, &old.Size, &old.Time)
		old.Time = old.Time.UTC()
		return old, err
	}, before)
}
