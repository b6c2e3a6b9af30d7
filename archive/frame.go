package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	// lengthBytes is the size of a frame's length in front of its payload.
	lengthBytes = 4
	// bufferBytes is the read and write buffer; frames within it are not copied.
	bufferBytes = 128 << 10
)

// errFrame is wrapped by every error that is about the frames and not about the
// reader below them; errCut says that the input ends inside a frame.
var (
	errFrame = errors.New("bad frame")
	errCut   = fmt.Errorf("%w: the input ends inside it", errFrame)
)

// frames cuts a stream into the payloads of its frames.
type frames struct {
	r     *bufio.Reader
	limit int64
	// start and end are the bytes of the last frame, its length included.
	start, end int64
	pending    int // bytes of the last frame still in the buffer
}

// next returns the payload of the next frame and whether the caller owns it; a
// payload not owned is valid until the next call. io.EOF means the stream ended
// between frames.
func (f *frames) next() (data []byte, owned bool, err error) {
	if _, err := f.r.Discard(f.pending); err != nil {
		return nil, false, err
	}
	f.start, f.pending = f.end, 0
	head, err := f.r.Peek(lengthBytes)
	if err != nil {
		return nil, false, cut(err, len(head) > 0)
	}
	n := int64(binary.BigEndian.Uint32(head))
	if n > f.limit {
		if f.start == 0 {
			return nil, false, notArchive(head)
		}
		return nil, false, f.overLimit(n)
	}
	f.end = f.start + lengthBytes + n
	if size := lengthBytes + int(n); size <= f.r.Size() {
		b, err := f.r.Peek(size)
		f.pending = len(b)
		if err != nil {
			return nil, false, cut(err, true)
		}
		return b[lengthBytes:], false, nil
	}
	_, _ = f.r.Discard(lengthBytes)
	data, err = readGrowing(f.r, int(n))
	return data, true, err
}

// overLimit tells a frame that is really there from a length that lies: only
// the input's end can, so the frame is read over.
func (f *frames) overLimit(n int64) error {
	_, _ = f.r.Discard(lengthBytes)
	if _, err := io.CopyN(io.Discard, f.r, n); err != nil {
		return cut(err, true)
	}
	return fmt.Errorf("%w: its %d bytes are over the limit of %d", errFrame, n, f.limit)
}

// readGrowing reads n bytes; memory grows with what arrives, not with n.
func readGrowing(r io.Reader, n int) ([]byte, error) {
	buf := make([]byte, min(n, 2*bufferBytes))
	for filled := 0; ; {
		m, err := io.ReadFull(r, buf[filled:])
		if err != nil {
			return nil, cut(err, true)
		}
		if filled += m; filled == n {
			return buf, nil
		}
		grown := make([]byte, min(n, 2*filled))
		copy(grown, buf)
		buf = grown
	}
}

// cut turns the end of the input into errCut when it is inside a frame.
func cut(err error, inside bool) error {
	switch {
	case err == io.EOF && !inside:
		return io.EOF
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return errCut
	}
	return err
}
