package payload

import (
	"errors"
	"fmt"
	"time"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
)

// msgpackReader walks one msgpack value.
type msgpackReader struct {
	b     []byte
	r     msgpack.Reader[[]byte]
	depth int
	to    events
}

// document walks the payload, which must hold one value and nothing else.
func (m *msgpackReader) document() error {
	m.r = msgpack.NewReader(m.b)
	if err := m.value(); err != nil {
		return located(err)
	}
	return located(m.r.End())
}

// located gives errors of the packages that read encodings this package's type.
func located(err error) error {
	if e, ok := errors.AsType[*jsonlex.Error](err); ok {
		return &SyntaxError{Offset: e.Offset, Reason: e.Reason}
	}
	if e, ok := errors.AsType[*msgpack.Error](err); ok {
		return &SyntaxError{Offset: e.Offset, Reason: e.Msg}
	}
	return err
}

func (m *msgpackReader) value() error {
	start := m.r.Offset()
	if start < len(m.b) {
		switch c := m.b[start]; {
		case c >= 0x80 && c <= 0x8f || c == 0xde || c == 0xdf:
			return m.nested(m.object)
		case c >= 0x90 && c <= 0x9f || c == 0xdc || c == 0xdd:
			return m.nested(m.array)
		}
	}
	return at(start, m.scalar())
}

func (m *msgpackReader) nested(walk func() error) error {
	if m.depth == maxStoredDepth {
		return &SyntaxError{Offset: m.r.Offset(), Reason: fmt.Sprintf("nested deeper than %d", maxStoredDepth)}
	}
	m.depth++
	err := walk()
	m.depth--
	return err
}

func (m *msgpackReader) scalar() error {
	switch {
	case m.r.IsStr():
		s, err := m.r.Str()
		if err != nil {
			return err
		}
		return m.to.text(s)
	case m.r.IsBin():
		v, err := m.r.Bin()
		if err != nil {
			return err
		}
		return m.to.bytes(v)
	}
	v, err := m.r.Value()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case bool:
		return m.to.boolean(v)
	case int64:
		return m.to.integer(v < 0, magnitude(v))
	case uint64:
		return m.to.integer(false, v)
	case float64:
		return m.to.float(v)
	case time.Time:
		return m.to.timestamp(v)
	}
	return m.to.null()
}

// magnitude is |v|, also for the smallest int64.
func magnitude(v int64) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func (m *msgpackReader) array() error {
	start := m.r.Offset()
	n, err := m.r.ArrayLen()
	if err != nil {
		return err
	}
	if err := m.to.beginArray(); err != nil {
		return at(start, err)
	}
	for range n {
		if err := m.value(); err != nil {
			return err
		}
	}
	return at(start, m.to.endArray(n))
}

func (m *msgpackReader) object() error {
	start := m.r.Offset()
	n, err := m.r.MapLen()
	if err != nil {
		return err
	}
	if err := m.to.beginObject(); err != nil {
		return at(start, err)
	}
	for range n {
		pos := m.r.Offset()
		k, err := m.r.Str()
		if err != nil {
			return err
		}
		if err := m.to.key(k); err != nil {
			return at(pos, err)
		}
		if err := m.value(); err != nil {
			return err
		}
	}
	return at(start, m.to.endObject(n))
}
