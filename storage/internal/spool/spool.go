// Package spool reads a blob to its end before it is stored: then its size and hash
// are known, and it can be read again.
package spool

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
)

// Content is a content that was read whole: in memory when it is small, else in a
// temporary file.
type Content struct {
	size int64
	hash *xxh3.Hasher
	mem  []byte
	file *os.File // nil when mem is all
}

// Read reads r to its end, or until the context ends. Up to memory bytes stay in
// memory, what is longer goes to a file in dir, "" for os.TempDir. The caller closes
// the content.
func Read(ctx context.Context, r io.Reader, memory int64, dir string) (*Content, error) {
	c := &Content{hash: xxh3.New()}
	r = io.TeeReader(Reader{ctx, r}, c.hash)
	var first bytes.Buffer
	n, err := io.Copy(&first, io.LimitReader(r, memory+1))
	if err != nil {
		return nil, err
	}
	if n <= memory {
		c.size, c.mem = n, first.Bytes()
		return c, nil
	}
	if err := c.spill(io.MultiReader(&first, r), dir); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// spill writes a temporary file. It has no name while it is written: a process that
// dies leaves none behind.
func (c *Content) spill(r io.Reader, dir string) (err error) {
	if c.file, err = os.CreateTemp(dir, "specstar-blob-"); err != nil {
		return explain(err)
	}
	if err := os.Remove(c.file.Name()); err != nil {
		return explain(err)
	}
	c.size, err = io.Copy(fileWriter{c.file}, r)
	return err
}

// fileWriter tells errors of the temporary file from those of what is read.
type fileWriter struct{ file *os.File }

func (w fileWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	return n, explain(err)
}

// explain makes storage.ErrUnavailable of a full disk, which may pass.
func explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space is left for temporary files: free some or set TMPDIR: %w (%w)", storage.ErrUnavailable, err)
	}
	return fmt.Errorf("temporary file: %w", err)
}

// Size is how many bytes the content has.
func (c *Content) Size() int64 { return c.size }

// Hash is the xxh3-128 hash of the content in hex.
func (c *Content) Hash() string {
	sum := c.hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}

// InMemory reports whether the content is in memory.
func (c *Content) InMemory() bool { return c.file == nil }

// Bytes returns a content that is in memory, nil for one that is not.
func (c *Content) Bytes() []byte { return c.mem }

// Part returns n bytes of the content, from the given one on.
func (c *Content) Part(from, n int64) io.ReadSeeker {
	if c.file != nil {
		return io.NewSectionReader(c.file, from, n)
	}
	return bytes.NewReader(c.mem[from : from+n])
}

// Close frees the temporary file.
func (c *Content) Close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

// Reader reads from another one until a context ends.
type Reader struct {
	Context context.Context
	From    io.Reader
}

// Read returns the error of the context once that has ended.
func (r Reader) Read(p []byte) (int, error) {
	if err := r.Context.Err(); err != nil {
		return 0, err
	}
	return r.From.Read(p)
}
