package payload

import (
	"bytes"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
)

// span is a part of a text, from start up to end; empty where there is none.
type span struct{ start, end uint32 }

func (at span) empty() bool { return at.end == at.start }

func (at span) size() int { return int(at.end - at.start) }

// skipJSON steps over the value at i of a text that was checked, and reports how
// deep its containers are nested: 0 for a scalar.
func skipJSON(b []byte, i int) (end, height int) {
	depth := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipText(b, i)
			if depth == 0 {
				return i, height
			}
			continue
		case '{', '[':
			depth++
			height = max(height, depth)
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1, height
			}
		case ',', ':', ' ', '\t', '\r', '\n':
		default:
			if depth == 0 {
				return skipWord(b, i), 0
			}
		}
		i++
	}
	return i, height
}

// skipText steps over the string at i.
func skipText(b []byte, i int) int {
	for i++; i < len(b); i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		slashes := 0
		for n-slashes > 0 && b[i+n-slashes-1] == '\\' {
			slashes++
		}
		if i += n; slashes%2 == 0 {
			return i + 1
		}
	}
	return i
}

// skipWord steps over the number or literal at i.
func skipWord(b []byte, i int) int {
	for i < len(b) && bytes.IndexByte([]byte(",:]} \t\r\n"), b[i]) < 0 {
		i++
	}
	return i
}

// textIs reports whether a JSON string, with its quotes, is the given text. It
// looks at no more of a string than a text of that length can need.
func textIs(raw, text []byte) bool {
	inner := raw[1 : len(raw)-1]
	if len(inner) < len(text) || len(inner) > 6*len(text) { // an escape stands for a byte or more, and has at most 6 for one
		return false
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return bytes.Equal(inner, text)
	}
	s := jsonlex.Scanner{B: raw}
	got, err := s.Str()
	return err == nil && bytes.Equal(got, text)
}

// skipMsgpack steps over one value that was checked.
func skipMsgpack(r *msgpack.Reader[[]byte], b []byte) error {
	for pending := 1; pending > 0; pending-- {
		n, err := enterMsgpack(r, b)
		if err != nil {
			return err
		}
		pending += n
	}
	return nil
}

// enterMsgpack steps over a scalar or the head of a container, and returns how
// many values, keys included, are in it.
func enterMsgpack(r *msgpack.Reader[[]byte], b []byte) (int, error) {
	switch kindOfMsgpack(b[r.Offset()]) {
	case objectKind:
		n, err := r.MapLen()
		return 2 * n, err
	case arrayKind:
		return r.ArrayLen()
	}
	return 0, r.Skip()
}

// heightOfMsgpack is how deep the containers of a checked value are nested.
func heightOfMsgpack(b []byte) (int, error) {
	r := msgpack.NewReader(b)
	height := 0
	open := []int{1} // how many values are left at each level
	for len(open) > 0 {
		last := len(open) - 1
		if open[last] == 0 {
			open = open[:last]
			continue
		}
		open[last]--
		container := kindOfMsgpack(b[r.Offset()]) != scalarKind
		n, err := enterMsgpack(&r, b)
		if err != nil {
			return 0, err
		}
		if container {
			height = max(height, len(open))
			open = append(open, n)
		}
	}
	return height, nil
}

// bodyOfText is the text of a msgpack string with its head.
func bodyOfText(raw []byte) []byte {
	switch raw[0] {
	case 0xd9:
		return raw[2:]
	case 0xda:
		return raw[3:]
	case 0xdb:
		return raw[5:]
	}
	return raw[1:]
}

// kind is what a value is for a pointer.
type kind uint8

const (
	scalarKind kind = iota
	arrayKind
	objectKind
)

// kindOfMsgpack is the kind that the first byte of a value announces.
func kindOfMsgpack(c byte) kind {
	switch {
	case c >= 0x80 && c <= 0x8f || c == 0xde || c == 0xdf:
		return objectKind
	case c >= 0x90 && c <= 0x9f || c == 0xdc || c == 0xdd:
		return arrayKind
	}
	return scalarKind
}
