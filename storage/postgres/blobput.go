package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/spool"
)

// Put stores the content of r. No transaction is open while r is read: what is longer
// than one part waits in a temporary file.
func (b blobs) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (info storage.BlobInfo, err error) {
	const doing = "put a blob in"
	if err := b.writable(doing); err != nil {
		return storage.BlobInfo{}, err
	}
	if err := checkPut(o); err != nil {
		return storage.BlobInfo{}, err
	}
	s, err := spool.Read(ctx, r, partSize, "")
	if err != nil {
		return storage.BlobInfo{}, fmt.Errorf("%s %s: %w", doing, b.f.place, err)
	}
	defer func() { _ = s.Close() }() // it was not to be kept
	p := newBlob{read: s}
	p.hash = s.Hash()
	p.info = storage.BlobInfo{FileID: o.Key, Size: s.Size(), ContentType: o.ContentType}
	if p.info.FileID == "" {
		p.info.FileID = p.hash
	}
	if o.ContentType.Or("") == "" {
		p.info.ContentType = opt.Value[string]{}
	}
	if p.content, err = uuid.NewV7(); err != nil {
		return storage.BlobInfo{}, err
	}
	err = b.f.write(ctx, doing, func(t *tx) (err error) {
		info, err = t.putBlob(p)
		return err
	})
	if err != nil {
		return storage.BlobInfo{}, err
	}
	return info, nil
}

func checkPut(o storage.PutOptions) error {
	if kind := o.ContentType.Or(""); !utf8.ValidString(kind) || strings.ContainsRune(kind, 0) {
		return fmt.Errorf("content type %q of a blob is not UTF-8 or contains a NUL", kind)
	}
	if o.Key == "" {
		return nil
	}
	return checkBlobID(o.Key)
}

// newBlob is a blob that is being put.
type newBlob struct {
	blobRow
	read *spool.Content
}

// same reports whether a stored blob has the content.
func (p newBlob) same(have blobRow) bool {
	return have.info.Size == p.info.Size && have.hash == p.hash
}

// hashBytes is the hash as the table has it.
func (p newBlob) hashBytes() []byte {
	b, err := hex.DecodeString(p.hash)
	if err != nil {
		return nil // it is hex
	}
	return b
}

// onlyPart is a content of one part; nil when it has none or several.
func (p newBlob) onlyPart() []byte {
	if p.read.Size() == 0 {
		return nil
	}
	return p.read.Bytes()
}

// contentType is what the table has for the content type.
func (p newBlob) contentType() *string {
	if kind, ok := p.info.ContentType.Get(); ok {
		return &kind
	}
	return nil
}

// insertBlob inserts the row of a blob, or makes the one that is there new, and
// returns it. A content that has no more than one part comes with it.
const insertBlob = `WITH put AS (
	INSERT INTO specstar_blobs AS b (store, file_id, size, content_type, hash, content, touched) VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
	ON CONFLICT (store, file_id) DO UPDATE SET touched = clock_timestamp() RETURNING ` + blobColumns + `
), part AS (
	INSERT INTO specstar_blob_parts (store, content, no, data) SELECT $1, $6, 0, $7 FROM put WHERE put.content = $6 AND $7::bytea IS NOT NULL
) SELECT ` + blobColumns + ` FROM put`

// refreshBlob makes a blob new when it is there with the content.
const refreshBlob = `UPDATE specstar_blobs SET touched = clock_timestamp() WHERE store = $1 AND file_id = $2 AND size = $3 AND hash = $4 RETURNING ` + blobColumns

// putBlob makes a blob visible and returns it: as it was first put, when it is there
// with equal content.
func (t *tx) putBlob(p newBlob) (storage.BlobInfo, error) {
	store := t.f.identity.number
	if !p.read.InMemory() {
		have, err := t.blobRow(refreshBlob, store, p.info.FileID, p.info.Size, p.hashBytes())
		if err != nil || have.info.FileID != "" {
			return have.info, err
		}
		if err := t.copyParts(p.content, p.read); err != nil {
			return storage.BlobInfo{}, err
		}
	}
	have, err := t.blobRow(insertBlob, store, p.info.FileID, p.info.Size, p.contentType(), p.hashBytes(), p.content, p.onlyPart())
	switch {
	case err != nil:
		return storage.BlobInfo{}, err
	case have.content == p.content:
		return p.info, nil
	case p.same(have):
		if p.read.InMemory() {
			return have.info, nil
		}
		return have.info, t.deleteParts(p.content)
	}
	return p.info, t.replaceBlob(p, have)
}

// replaceBlob gives a blob that is there, and locked, another content.
func (t *tx) replaceBlob(p newBlob, have blobRow) error {
	if err := t.deleteParts(have.content); err != nil {
		return err
	}
	if p.read.InMemory() {
		if err := t.copyParts(p.content, p.read); err != nil {
			return err
		}
	}
	_, err := t.exec(`UPDATE specstar_blobs SET size = $3, content_type = $4, hash = $5, content = $6 WHERE store = $1 AND file_id = $2`,
		t.f.identity.number, p.info.FileID, p.info.Size, p.contentType(), p.hashBytes(), p.content)
	return err
}

// blobRow returns the row that a statement gives, none when it gives none.
func (t *tx) blobRow(query string, args ...any) (row blobRow, err error) {
	err = t.each(query, args, func(rows pgx.Rows) error { return row.scan(rows) })
	return row, err
}

// deleteParts removes contents.
func (t *tx) deleteParts(contents ...uuid.UUID) error {
	if len(contents) == 0 {
		return nil
	}
	ids := make([][16]byte, len(contents))
	for i, c := range contents {
		ids[i] = c
	}
	_, err := t.exec(`DELETE FROM specstar_blob_parts WHERE store = $1 AND content = ANY($2::uuid[])`, t.f.identity.number, ids)
	return err
}
