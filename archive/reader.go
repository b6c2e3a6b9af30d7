package archive

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
)

// Reader reads an archive record by record in constant memory: what it holds is
// its buffer and the frames at hand. It checks frames, fields and structure;
// whether ids, hashes and references are right is the caller's business.
type Reader struct {
	frames frames
	limits Limits
	// start and end are the borders of the frame last returned.
	start, end int64
	section    section
	ranged     bool // reads part of an archive, without structure
	records    int64
	err        error
	prepare    func(Record) any
	made       any // of the record last returned
}

// NewReader returns a Reader of the plain (decompressed) stream r.
func NewReader(r io.Reader, l Limits) *Reader { return newReader(r, l, bufferBytes) }

func newReader(r io.Reader, l Limits, buffer int) *Reader {
	l = l.withDefaults()
	return &Reader{
		frames: frames{r: bufio.NewReaderSize(r, buffer), limit: l.FrameBytes},
		limits: l,
	}
}

// Prepare has fn called with each record before it is returned, on several processors
// and in any order where [Reader.Records] reads ahead: fn must be safe for that, and for
// records that are never returned since an earlier one is bad. [Reader.Prepared] has what
// it returned. It is to be called before the first record is read.
func (r *Reader) Prepare(fn func(Record) any) { r.prepare = fn }

// Prepared is what the function of [Reader.Prepare] made of the record last returned.
func (r *Reader) Prepared() any { return r.made }

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
	if r.prepare != nil {
		r.made = r.prepare(rec)
	}
	return rec, nil
}

// Records yields what [Reader.Next] returns, without the final io.EOF. An error
// is yielded once, last, with a nil record. It reads ahead and decodes on
// several processors, so that after an early end of the loop the place in the
// stream is undefined. Neighbouring records may share memory.
func (r *Reader) Records() iter.Seq2[Record, error] {
	if r.ranged {
		return r.oneByOne()
	}
	return func(yield func(Record, error) bool) {
		if r.err != nil {
			yieldEnd(yield, r.err)
			return
		}
		r.frames.readAhead(r.prepare, func(b *batch) bool {
			more := r.yieldBatch(b, yield)
			if r.err != nil {
				yieldEnd(yield, r.err)
			}
			return more
		})
	}
}

// yieldBatch yields the records of a batch and reports whether to go on.
func (r *Reader) yieldBatch(b *batch, yield func(Record, error) bool) bool {
	if b.failed != nil {
		r.start = b.frames[0].start
		r.err = r.frameError(b.failed)
		return false
	}
	for i, s := range b.frames {
		r.start, r.end = s.start, s.end
		var rec Record
		if rec, r.err = r.admit(func() (Record, error) {
			if i == len(b.records) {
				return nil, b.err
			}
			return b.records[i], nil
		}); r.err != nil {
			return false
		}
		if i < len(b.made) {
			r.made = b.made[i]
		}
		if !yield(rec, nil) {
			return false
		}
	}
	if b.end != nil {
		r.start = b.endStart
		r.err = r.frameError(b.end)
	}
	return b.end == nil
}

// yieldEnd yields the error that ends a stream, unless it is its regular end.
func yieldEnd(yield func(Record, error) bool, err error) {
	if err != io.EOF {
		yield(nil, err)
	}
}

// oneByOne yields without reading ahead, which does not pay for a few frames.
func (r *Reader) oneByOne() iter.Seq2[Record, error] {
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

// Offset is the first byte of the frame last returned.
func (r *Reader) Offset() int64 { return r.start }

// End is the byte behind the frame last returned.
func (r *Reader) End() int64 { return r.end }

func (r *Reader) next() (Record, error) {
	data, owned, err := r.frames.next()
	r.start, r.end = r.frames.start, r.frames.end
	if err != nil {
		return nil, r.frameError(err)
	}
	return r.admit(func() (Record, error) { return decodeRecord(data, owned) })
}

// admit checks that the record that decode gives may stand where it does.
func (r *Reader) admit(decode func() (Record, error)) (Record, error) {
	if r.section.ended {
		return nil, r.bad(CodeStructure, errors.New("bytes behind the "+tagEOF))
	}
	if r.records++; r.records > r.limits.Records {
		return nil, r.bad(CodeCorrupt, fmt.Errorf("more than %d records", r.limits.Records))
	}
	rec, err := decode()
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
	return &Error{Code: code, Offset: r.start, Err: err}
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
	return fmt.Errorf("read archive at byte %d: %w", r.start, err)
}
