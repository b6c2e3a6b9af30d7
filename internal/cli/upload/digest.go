package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/specstar-worker/worker/archive"
)

// Digest returns what [Hash] returns for the upload of the archive at path, in any form,
// without making one. What does not begin like an archive is refused with an
// *archive.Error.
func Digest(path string) (hash string, err error) {
	f, err := archive.OpenFile(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	// What the reader has taken of the stream has gone through the hash.
	if _, err := archive.NewReader(io.TeeReader(f, h), archive.Limits{}).Next(); err != nil {
		return "", fmt.Errorf("read archive %s: %w", path, err)
	}
	if _, err := f.WriteTo(h); err != nil {
		return "", fmt.Errorf("read archive %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Spool writes a stream into a temporary file, and returns its path and what removes it.
func Spool(ctx context.Context, r io.Reader) (path string, remove func() error, err error) {
	f, err := os.CreateTemp("", "archive-stdin-*")
	if err != nil {
		return "", nil, fmt.Errorf("make room for the archive: %w", err)
	}
	remove = func() error { return os.Remove(f.Name()) }
	_, err = io.Copy(f, &reader{ctx: ctx, r: r})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", nil, errors.Join(fmt.Errorf("read standard input: %w", err), remove())
	}
	return f.Name(), remove, nil
}
