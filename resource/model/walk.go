package model

import (
	"bytes"
	"fmt"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource/payload"
)

// walker reads one JSON text by its type and writes the original's form as it
// goes. What comes in another order than it is stored in is put in order at the
// end of its container.
type walker struct {
	jsonlex.Scanner
	out []byte
	// packed: the output is msgpack. form is the index of forms kept for both.
	packed bool
	form   int
	depth  int
	// loose: an integer in a float field stays one, as in defaults.
	loose bool
	// binary, when not nil, says what is stored for a reference to a blob.
	binary func(BinaryInput) (BinaryInput, error)

	// Scratch, used as stacks: spans of the fields of open structs, members of
	// open maps, elements of open sets.
	spans    []span
	members  []member
	elements []element
	swap     []byte
	// ranked: scalars leave their place in the order of sets in rank.
	ranked bool
	rank   rank
}

// span is a part of the output.
type span struct{ from, to int }

// reset makes the walker ready for a text.
func (w *walker) reset(text []byte, packed bool) {
	w.B, w.Pos, w.depth, w.packed, w.form = text, 0, 0, packed, asJSON
	if packed {
		w.form = asMsgpack
	}
	w.spans, w.members, w.elements = w.spans[:0], w.members[:0], w.elements[:0]
	w.out = make([]byte, 0, len(text)+len(text)/4+32)
	w.loose, w.ranked, w.binary = false, false, nil
}

// document walks the whole text, which must hold one value and nothing else.
func (w *walker) document(n *node) error {
	if len(w.B) > payload.MaxBytes {
		return &payload.SyntaxError{Offset: payload.MaxBytes, Reason: fmt.Sprintf("the text is longer than %d bytes", payload.MaxBytes)}
	}
	if err := w.value(n); err != nil {
		return located(err)
	}
	if w.Space(); w.Pos < len(w.B) {
		return located(w.Fail("there is more behind the value"))
	}
	return nil
}

// value reads a value of a type.
func (w *walker) value(n *node) error {
	c := w.Peek()
	if c == 'n' && (n.null || n.kind == kindNull) && w.Take("null") {
		w.writeNull()
		return nil
	}
	switch n.kind {
	case kindStr:
		return w.str(n)
	case kindInt:
		return w.integer(n)
	case kindFloat:
		return w.float(n)
	case kindBool:
		return w.boolean(n)
	case kindStruct:
		return w.structure(n)
	case kindList:
		return w.list(n)
	case kindMap:
		return w.mapping(n)
	case kindAny, kindGiven:
		return w.dynamic(n, c)
	case kindUnion:
		return w.choose(n, c)
	case kindSet:
		return w.set(n)
	case kindTuple:
		return w.tuple(n)
	case kindBinary:
		return w.reference(n)
	case kindEnum:
		return w.enumerated(n, c)
	case kindNull:
		return w.mismatch(n)
	default:
		return w.special(n, c)
	}
}

// mismatch refuses the value that comes next. A text that is no JSON there is
// told as such.
func (w *walker) mismatch(n *node) error {
	start := w.Pos
	found, err := w.found()
	if err != nil {
		return err
	}
	return refusedAt(start, "expected %s, found %s", n.expect, found)
}

// found describes the value that comes next, for people.
func (w *walker) found() (string, error) {
	switch c := w.Peek(); {
	case c == '{':
		return "an object", nil
	case c == '[':
		return "an array", nil
	case c == '"':
		s, err := w.Str()
		return fmt.Sprintf("the text %.40q", s), err
	case c == '-' || c >= '0' && c <= '9':
		digits, _, err := w.Number()
		return fmt.Sprintf("the number %.40s", digits), err
	default:
		start := w.Pos
		err := w.Skip(1)
		return string(w.B[start:w.Pos]), err
	}
}

// enter steps over the opening bracket of a container.
func (w *walker) enter() error {
	if w.depth == payload.MaxDepth {
		return w.Failf("nested deeper than %d", payload.MaxDepth)
	}
	w.depth++
	w.Pos++
	return nil
}

// open writes what begins a container and returns where. In msgpack one byte is
// kept for the head, which is enough for up to 15 members.
func (w *walker) open(bracket byte) int {
	start := len(w.out)
	w.out = append(w.out, bracket)
	return start
}

// closeArray writes what ends an array of n elements that began at start.
func (w *walker) closeArray(start, n int) {
	if !w.packed {
		w.closeJSON(']')
		return
	}
	var head [5]byte
	w.setHead(start, msgpack.AppendArrayHead(head[:0], n))
}

// closeMap writes what ends a map of n members that began at start.
func (w *walker) closeMap(start, n int) {
	if !w.packed {
		w.closeJSON('}')
		return
	}
	var head [5]byte
	w.setHead(start, msgpack.AppendMapHead(head[:0], n))
}

// closeJSON ends a JSON container, each of whose members ends with a comma.
func (w *walker) closeJSON(bracket byte) {
	if last := len(w.out) - 1; w.out[last] == ',' {
		w.out[last] = bracket
	} else {
		w.out = append(w.out, bracket)
	}
}

// setHead writes the head of a msgpack container in the byte kept for it, and
// makes room where it is longer.
func (w *walker) setHead(start int, head []byte) {
	w.out[start] = head[0]
	if more := len(head) - 1; more > 0 {
		w.out = append(w.out, head[1:]...)
		copy(w.out[start+1+more:], w.out[start+1:len(w.out)-more])
		copy(w.out[start+1:], head[1:])
	}
}

// comma ends a member of a JSON container.
func (w *walker) comma() {
	if !w.packed {
		w.out = append(w.out, ',')
	}
}

// moved copies the output from start on to the scratch and cuts it off there.
func (w *walker) moved(start int) []byte {
	w.swap = append(w.swap[:0], w.out[start:]...)
	w.out = w.out[:start]
	return w.swap
}

// nextIs reports whether the key that comes next is written as quoted, and steps
// over it then.
func (w *walker) nextIs(quoted string) bool {
	if rest := w.B[w.Pos:]; len(rest) < len(quoted) || string(rest[:len(quoted)]) != quoted {
		return false
	}
	w.Pos += len(quoted)
	return true
}

// sameKey reports whether two keys are equal.
func sameKey(a, b []byte) bool { return bytes.Equal(a, b) }
