package postgres

import (
	"context"
	"fmt"
	"io"
	"io/fs"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/storage"
)

// Open returns the content of a blob, to be closed by the caller. It is read part by
// part, each with a query of its own, until the context of Open ends. A blob that is
// removed meanwhile gives an error that wraps storage.ErrNotFound.
func (b blobs) Open(ctx context.Context, fileID string) (io.ReadCloser, storage.BlobInfo, error) {
	query := `SELECT b.file_id, b.size, b.content_type, b.hash, b.content, p.data FROM specstar_blobs AS b
		LEFT JOIN specstar_blob_parts AS p ON p.store = b.store AND p.content = b.content AND p.no = 0
		WHERE b.store = $1 AND b.file_id = $2`
	r, err := queryBlob(ctx, b, "open a blob of", query, fileID, func(rows pgx.Rows) (*blobReader, error) {
		r := &blobReader{ctx: ctx, b: b, no: 1}
		return r, r.scan(rows, &r.part)
	})
	if err != nil {
		return nil, storage.BlobInfo{}, err
	}
	return r, r.info, nil
}

// blobReader reads a blob.
type blobReader struct {
	ctx context.Context
	b   blobs
	blobRow
	part   []byte // what is left of the part before no
	no     int32
	read   int64
	closed bool
}

// Read returns io.EOF only after the whole content.
func (r *blobReader) Read(p []byte) (int, error) {
	switch {
	case r.closed:
		return 0, fs.ErrClosed
	case r.read == r.info.Size && len(r.part) == 0:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if len(r.part) == 0 && r.read > 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.part)
	r.part = r.part[n:]
	r.read += int64(n)
	if n == 0 || r.read > r.info.Size {
		return 0, r.gone()
	}
	return n, nil
}

// next reads a part; none when it is not there.
func (r *blobReader) next() error {
	query := `SELECT data FROM specstar_blob_parts WHERE store = $1 AND content = $2 AND no = $3`
	for data, err := range queryBlobs(r.ctx, r.b, "read a blob of", query, func(rows pgx.Rows) (data []byte, err error) { return data, rows.Scan(&data) },
		[16]byte(r.content), r.no) {
		if err != nil {
			return err
		}
		r.part = data
	}
	r.no++
	return nil
}

func (r *blobReader) gone() error {
	return fmt.Errorf("blob %q in %s: %d of its %d bytes are there: it was removed while it was read: %w",
		r.info.FileID, r.b.f.place, r.read, r.info.Size, storage.ErrNotFound)
}

// Close ends the reads.
func (r *blobReader) Close() error {
	r.closed, r.part = true, nil
	return nil
}
