package s3

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

// smallBlob is how large a blob may be that is kept in memory while it is put.
const smallBlob = 8 << 20

// spooled is content whose size and hash are known, and which can be read again.
type spooled struct {
	size int64
	hash string
	mem  []byte
	file *os.File // instead of mem for large content; it has no name
}

// spool takes in the content of r: small content to memory, other to a file.
func spool(ctx context.Context, r io.Reader, dir string) (*spooled, error) {
	hash := xxh3.New()
	r = io.TeeReader(reader{ctx, r}, hash)
	var buf bytes.Buffer
	n, err := io.CopyN(&buf, r, smallBlob+1)
	c := &spooled{size: n, mem: buf.Bytes()}
	switch {
	case err == nil:
		err = c.spill(r, dir)
	case errors.Is(err, io.EOF):
		err = nil
	}
	if err != nil {
		return nil, err
	}
	sum := hash.Sum128().Bytes()
	c.hash = hex.EncodeToString(sum[:])
	return c, nil
}

// spill moves the content to a file, and the rest of r after it.
func (c *spooled) spill(r io.Reader, dir string) error {
	f, err := os.CreateTemp(dir, "specstar-blob-*")
	if err != nil {
		return full(err)
	}
	n, err := io.Copy(f, io.MultiReader(bytes.NewReader(c.mem), r))
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return errors.Join(full(err), f.Close())
	}
	*c = spooled{size: n, file: f}
	return nil
}

// full makes a full disk an error that may pass.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk for temporary files is full: free space there or set TMPDIR: %w (%w)", storage.ErrUnavailable, err)
	}
	return err
}

// part returns a part of the content.
func (c *spooled) part(from, n int64) io.ReadSeeker {
	if c.file != nil {
		return io.NewSectionReader(c.file, from, n)
	}
	return bytes.NewReader(c.mem[from : from+n])
}

func (c *spooled) close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

// reader ends when its context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
