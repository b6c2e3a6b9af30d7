package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/google/uuid"
	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
)

// spool is a content that was read whole: in memory when it has one part, else in a
// temporary file.
type spool struct {
	size int64
	hash *xxh3.Hasher
	part []byte
	file *os.File
}

// readSpool reads r to its end, or until the context ends. The caller closes the spool.
func readSpool(ctx context.Context, r io.Reader) (*spool, error) {
	s := &spool{hash: xxh3.New()}
	r = io.TeeReader(untilDone{ctx, r}, s.hash)
	var first bytes.Buffer
	n, err := io.CopyN(&first, r, partSize+1)
	s.size = n
	if err == nil {
		err = s.spill(&first, r)
	} else if errors.Is(err, io.EOF) {
		s.part, err = first.Bytes(), nil
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// untilDone ends when its context does.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (r untilDone) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// spill moves what has been read, and the rest, to a temporary file. It has no name:
// a process that dies leaves none behind.
func (s *spool) spill(first, rest io.Reader) error {
	file, err := os.CreateTemp("", "specstar-blob-")
	if err != nil {
		return explainSpool(err)
	}
	s.file = file
	if err := os.Remove(file.Name()); err != nil {
		return explainSpool(err)
	}
	s.size, err = io.Copy(spoolWriter{file}, io.MultiReader(first, rest))
	return err
}

// spoolWriter tells errors of the temporary file from those of what is read.
type spoolWriter struct{ file *os.File }

func (w spoolWriter) Write(p []byte) (int, error) {
	n, err := w.file.Write(p)
	return n, explainSpool(err)
}

func explainSpool(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("no space is left for a temporary file in %s: free some there: %w (%w)", os.TempDir(), storage.ErrUnavailable, err)
	}
	return fmt.Errorf("temporary file in %s: %w", os.TempDir(), err)
}

// sum is the hash of the content in hex.
func (s *spool) sum() string {
	sum := s.hash.Sum128().Bytes()
	return hex.EncodeToString(sum[:])
}

// small returns a content of one part; nil when it has none or several.
func (s *spool) small() []byte {
	if s.file != nil || s.size == 0 {
		return nil
	}
	return s.part
}

// open returns a reader of the content from its beginning.
func (s *spool) open() io.Reader {
	if s.file == nil {
		return bytes.NewReader(s.part)
	}
	return io.NewSectionReader(s.file, 0, s.size)
}

// close frees the temporary file. It was not to be kept, so no error matters.
func (s *spool) close() {
	if s.file != nil {
		_ = s.file.Close()
	}
}

// copyParts writes the parts of a content.
func (t *tx) copyParts(content uuid.UUID, s *spool) error {
	rows := &partRows{store: t.f.identity.number, content: content, src: s.open(), left: s.size, head: copyHeader}
	_, err := t.conn.PgConn().CopyFrom(t.ctx, rows, `COPY specstar_blob_parts (store, content, no, data) FROM STDIN BINARY`)
	return err
}

// partRows reads the parts of a content as rows in the binary format of COPY.
type partRows struct {
	store   int32
	content uuid.UUID
	src     io.Reader
	left    int64 // of the content, beyond the current part
	part    int64 // of the current part
	no      int32 // of the next part
	head    []byte
	ended   bool
}

func (p *partRows) Read(b []byte) (int, error) {
	switch {
	case len(p.head) > 0:
	case p.part > 0:
		n, err := p.src.Read(b[:min(int64(len(b)), p.part)])
		p.part -= int64(n)
		if err == io.EOF && p.part+p.left > 0 {
			err = io.ErrUnexpectedEOF
		}
		if err == io.EOF {
			err = nil
		}
		return n, err
	case p.left > 0:
		p.next()
	case !p.ended:
		p.head, p.ended = copyTrailer, true
	default:
		return 0, io.EOF
	}
	n := copy(b, p.head)
	p.head = p.head[n:]
	return n, nil
}

// next begins the row of the next part.
func (p *partRows) next() {
	p.part = min(p.left, partSize)
	p.left -= p.part
	h := binary.BigEndian.AppendUint16(nil, 4)
	h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, 4), uint32(p.store))
	h = append(binary.BigEndian.AppendUint32(h, 16), p.content[:]...)
	h = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(h, 4), uint32(p.no))
	p.head = binary.BigEndian.AppendUint32(h, uint32(p.part))
	p.no++
}
