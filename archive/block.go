package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Block holds the frames of some records of a section, encoded before their place in
// the archive is reached. Several goroutines may fill blocks of one archive at the same
// time, each its own; a [Writer] takes them in the order of the archive. The zero value
// is empty.
type Block struct {
	frames []byte
	enc    encoder
}

// Append encodes a meta, revision or blob behind those that are there. A record that is
// refused leaves the block as it was.
func (b *Block) Append(rec Record) error {
	switch rec.(type) {
	case Meta, Revision, Blob:
	default:
		return fmt.Errorf("encode archive: a %s does not belong into a block", name(rec))
	}
	e, err := b.enc.encode(rec)
	if err != nil {
		return fmt.Errorf("encode archive: %w", err)
	}
	if err := checkSize(rec, e); err != nil {
		return fmt.Errorf("encode archive: %w", err)
	}
	b.frames = binary.BigEndian.AppendUint32(b.frames, uint32(e.size()))
	b.frames = append(append(append(b.frames, e.head...), e.bulk...), e.tail...)
	return nil
}

// Grow makes room for so many bytes more, which are not moved when they are appended.
func (b *Block) Grow(n int) { b.frames = slices.Grow(b.frames, n) }

// Len is the length of the frames in bytes.
func (b *Block) Len() int { return len(b.frames) }

// Reset empties the block and keeps its memory.
func (b *Block) Reset() { b.frames = b.frames[:0] }

// checkSize refuses a record that is longer than a frame can be.
func checkSize(rec Record, e encoded) error {
	if uint64(e.size()) > math.MaxUint32 {
		return fmt.Errorf("%s of %d bytes is longer than a frame can be", name(rec), e.size())
	}
	return nil
}

// WriteBlock appends the frames of a block, which must be inside a section.
func (w *Writer) WriteBlock(b *Block) error {
	if w.err != nil || b.Len() == 0 {
		return w.err
	}
	if !w.section.open {
		w.err = errors.New("write archive: block outside of a section")
		return w.err
	}
	n, err := w.w.Write(b.frames)
	w.written += int64(n)
	if err != nil {
		w.err = fmt.Errorf("write archive: %w", err)
	}
	return w.err
}
