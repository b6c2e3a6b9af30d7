package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Writer writes an archive in the bytes the original writes. It refuses a
// record that a [Reader] would refuse in that place. After an error every call
// returns it.
type Writer struct {
	w       *bufio.Writer
	enc     encoder
	section section
	written int64
	err     error
}

// NewWriter returns a Writer to w. Nothing is written before the first record.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, bufferBytes)}
}

// Write appends the frame of rec. A [Header] with version 0 gets [Version]; no
// other is written. The payload of a frame is at most 4 GiB - 1.
func (w *Writer) Write(rec Record) error {
	if w.err == nil {
		if err := w.write(rec); err != nil {
			w.err = fmt.Errorf("write archive: %w", err)
		}
	}
	return w.err
}

func (w *Writer) write(rec Record) error {
	if h, ok := rec.(Header); ok {
		if h.Version != 0 && h.Version != Version {
			return fmt.Errorf("version %d is not %d", h.Version, Version)
		}
		rec = Header{Version: Version}
	}
	e, err := w.enc.encode(rec)
	if err != nil {
		return err
	}
	if err := checkSize(rec, e); err != nil {
		return err
	}
	if err := w.section.admit(rec); err != nil {
		return err
	}
	var length [lengthBytes]byte
	binary.BigEndian.PutUint32(length[:], uint32(e.size()))
	for _, part := range [...][]byte{length[:], e.head, e.bulk, e.tail} {
		n, err := w.w.Write(part)
		w.written += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// Written is the number of bytes of all frames so far, buffered ones included.
func (w *Writer) Written() int64 { return w.written }

// Close writes out what is buffered. It requires that an [EOF] was written and
// does not close the underlying writer.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if !w.section.ended {
		w.err = errors.New("write archive: closed without an EOF record")
		return w.err
	}
	if err := w.w.Flush(); err != nil {
		w.err = fmt.Errorf("write archive: %w", err)
	}
	return w.err
}
