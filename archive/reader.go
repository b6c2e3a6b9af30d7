package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Reader reads an archive record by record in constant memory: what it holds is
// its buffer and the frame at hand. It checks frames, fields and structure;
// whether ids, hashes and references are right is the caller's business.
type Reader struct {
	frames  frames
	limits  Limits
	section section
	ranged  bool // reads part of an archive, without structure
	records int64
	err     error
}

// NewReader returns a Reader of the plain (decompressed) stream r.
func NewReader(r io.Reader, l Limits) *Reader {
	l = l.withDefaults()
	return &Reader{
		frames: frames{r: bufio.NewReaderSize(r, bufferBytes), limit: l.FrameBytes},
		limits: l,
	}
}

// Next returns the next record; the last one is [EOF], and behind it, when
// nothing follows, comes io.EOF. A bad archive gives an [*Error], a reader that
// fails an error wrapping its own. After an error every call returns it.
func (r *Reader) Next() (Record, error) {
	if r.err != nil {
		return nil, r.err
	}
	rec, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	return rec, nil
}

// Records yields what [Reader.Next] returns, without the final io.EOF. An error
// is yielded once, last, with a nil record.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.Next()
			if err == io.EOF {
				return
			}
			if !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Offset is the first byte of the frame last read.
func (r *Reader) Offset() int64 { return r.frames.start }

// End is the byte behind the frame last read.
func (r *Reader) End() int64 { return r.frames.end }

func (r *Reader) next() (Record, error) {
	data, owned, err := r.frames.next()
	if err != nil {
		return nil, r.frameError(err)
	}
	if r.section.ended {
		return nil, r.bad(CodeStructure, errors.New("bytes behind the "+tagEOF))
	}
	if r.records++; r.records > r.limits.Records {
		return nil, r.bad(CodeCorrupt, fmt.Errorf("more than %d records", r.limits.Records))
	}
	rec, err := decodeRecord(data, owned)
	if err != nil {
		return nil, r.bad(CodeCorrupt, err)
	}
	if r.ranged {
		return rec, nil
	}
	if err := r.section.admit(rec); err != nil {
		return nil, r.bad(CodeStructure, err)
	}
	if h, ok := rec.(Header); ok && h.Version != Version {
		return nil, r.bad(CodeVersion, fmt.Errorf("version %d is not %d", h.Version, Version))
	}
	return rec, nil
}

func (r *Reader) bad(code string, err error) error {
	return &Error{Code: code, Offset: r.frames.start, Err: err}
}

// frameError says what an error of the frame layer means for the archive.
func (r *Reader) frameError(err error) error {
	complete := r.section.ended || r.ranged
	switch {
	case err == io.EOF && complete:
		return io.EOF
	case err == io.EOF:
		return r.bad(CodeTruncated, errors.New("the input ends without an "+tagEOF))
	case r.section.ended && errors.Is(err, errFrame):
		return r.bad(CodeStructure, errors.New("bytes behind the "+tagEOF))
	case errors.Is(err, errCut):
		return r.bad(CodeTruncated, err)
	case errors.Is(err, errFrame), errors.Is(err, errCompressed):
		return r.bad(CodeCorrupt, err)
	}
	return fmt.Errorf("read archive at byte %d: %w", r.frames.start, err)
}
