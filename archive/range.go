package archive

import (
	"io"
	"iter"
)

// Foreseer is what an archive may implement that is far away: WillRead tells it that
// the bytes from from up to byte to are about to be read in their order.
type Foreseer interface{ WillRead(from, to int64) }

// ReadAt yields the records of the frames from byte from up to byte to, which
// must be the borders of frames. The place of the records in the archive is not
// checked; offsets in errors are those of the archive.
func ReadAt(r io.ReaderAt, from, to int64, l Limits) iter.Seq2[Record, error] {
	return NewRangeReader(r, from, to, l).Records()
}

// NewRangeReader returns a [Reader] of the frames that [ReadAt] yields. Its
// [Reader.Next] ends with io.EOF at byte to.
func NewRangeReader(r io.ReaderAt, from, to int64, l Limits) *Reader {
	if f, ok := r.(Foreseer); ok {
		f.WillRead(from, to)
	}
	rd := newReader(io.NewSectionReader(r, from, to-from), l, int(min(bufferBytes, max(to-from, lengthBytes))))
	rd.ranged = true
	rd.frames.start, rd.frames.end = from, from
	return rd
}
