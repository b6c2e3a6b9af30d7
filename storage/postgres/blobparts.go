package postgres

import (
	"encoding/binary"
	"io"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage/internal/spool"
)

// copyParts writes the parts of a content.
func (t *tx) copyParts(content uuid.UUID, c *spool.Content) error {
	rows := &partRows{store: t.f.identity.number, content: content, src: c.Part(0, c.Size()), left: c.Size(), head: copyHeader}
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
