package jobs

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// A message in the binary form:
//
//	C1 53 4A   the mark: C1 begins no JSON, no UTF-8 text and no msgpack; then "SJ"
//	01         the version of the frame
//	4 bytes    length of the head, big endian
//	head       the envelope in JSON, whose operations may name sizes
//	payloads   in the order in which the head names their sizes, nothing between or behind
const (
	frameMark    = 0xC1
	frameVersion = 1
	frameStart   = 8
)

var frameMagic = [3]byte{frameMark, 'S', 'J'}

// payloads are what stands behind the head of a message in the binary form.
type payloads struct {
	rest []byte
	// at is where rest begins in the message.
	at int64
}

// openFrame returns the head of a message and what stands behind it.
func openFrame(message []byte) (head []byte, p *payloads, err error) {
	bad := func(offset int64, format string, args ...any) ([]byte, *payloads, error) {
		return nil, nil, &EnvelopeError{Offset: offset, Err: fmt.Errorf(format, args...)}
	}
	if len(message) < frameStart {
		return bad(int64(len(message)), "the message ends too early")
	}
	if !bytes.HasPrefix(message, frameMagic[:]) {
		return bad(0, "neither JSON nor the binary form of a job: it begins with % x", message[:len(frameMagic)])
	}
	if v := message[len(frameMagic)]; v != frameVersion {
		return bad(int64(len(frameMagic)), "version %d of the binary form is not known; this worker reads %d", v, frameVersion)
	}
	size := int64(binary.BigEndian.Uint32(message[4:]))
	if left := int64(len(message) - frameStart); size > left {
		return bad(4, "the head is said to have %d bytes, %d are left", size, left)
	}
	end := frameStart + size
	return message[frameStart:end], &payloads{rest: message[end:], at: end}, nil
}

// payload takes the payload whose size is the next value. It shares the memory of the
// message.
func (d *decoder) payload(b *[]byte) error {
	if d.behind == nil {
		return d.unknown()
	}
	size, err := d.integer()
	if err != nil {
		return err
	}
	if size < 0 || size > int64(len(d.behind.rest)) {
		return d.errorf("%d bytes are said to follow the head here, %d are left", size, len(d.behind.rest))
	}
	*b = d.behind.rest[:size:size]
	d.behind.rest, d.behind.at = d.behind.rest[size:], d.behind.at+size
	return nil
}

// jsonPayload is payload for JSON text. Whether it is JSON the manager finds out, who
// reads it: only its operation is refused then.
func (d *decoder) jsonPayload(b *[]byte) error {
	if err := d.payload(b); err != nil {
		return err
	}
	if len(*b) == 0 {
		return d.errorf("JSON text has at least one byte")
	}
	return nil
}

// end refuses payloads that no operation named.
func (p *payloads) end() error {
	if p == nil || len(p.rest) == 0 {
		return nil
	}
	return &EnvelopeError{Offset: p.at, Err: fmt.Errorf("%d bytes more follow behind the payloads", len(p.rest))}
}
