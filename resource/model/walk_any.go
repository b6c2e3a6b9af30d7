package model

import (
	"bytes"
	"slices"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
)

// anyNode is the type of a value of any type.
var anyNode = newAny()

func newAny() *node {
	n := &node{kind: kindAny, expect: "any value"}
	n.elem = n
	return n
}

// dynamic reads a value whose type only the text tells.
func (w *walker) dynamic(n *node, c byte) error {
	switch {
	case c == '{' && n.given != nil && n.given.binary != nil:
		return w.reference(n.given.binary)
	case c == '{' && n.kind == kindGiven:
		return w.asGiven(n)
	case c == '{':
		return w.mapping(n)
	case c == '[':
		return w.list(n)
	case c == '"':
		return w.str(n)
	case c == '-' || c >= '0' && c <= '9':
		return w.number(n)
	case w.Take("null"):
		w.writeNull()
	case c == 't' || c == 'f':
		return w.boolean(n)
	case w.Pos >= len(w.B):
		return w.Fail("the text ends where a value is expected")
	default:
		return w.Failf("%q does not begin a value", c)
	}
	return nil
}

// asGiven reads an object and leaves its keys in the order they come.
func (w *walker) asGiven(n *node) error {
	if err := w.enter(); err != nil {
		return err
	}
	base, start := len(w.members), w.open('{')
	for done := w.Closes('}'); !done; {
		if _, err := w.entry(n); err != nil {
			return err
		}
		var err error
		if done, err = w.Next('}'); err != nil {
			return err
		}
	}
	w.depth--
	all := w.members[base:]
	count := len(all)
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < count; i++ {
		if bytes.Equal(all[i-1].key, all[i].key) {
			return repeated(w.Pos, string(all[i].key))
		}
	}
	w.members = w.members[:base]
	w.closeMap(start, count)
	return nil
}

// at returns the node of a member.
func (g *given) at(key []byte) *node {
	if n, ok := g.members[string(key)]; ok {
		return n
	}
	return g.other
}

// number reads a number of either kind.
func (w *walker) number(n *node) error {
	start := w.Pos
	digits, integer, err := w.Number()
	if err != nil {
		return err
	}
	if integer {
		return w.writeInteger(start, digits)
	}
	return w.writeFloat(start, digits)
}

// writeInteger writes the integer with the given digits, which begin at start.
func (w *walker) writeInteger(start int, digits []byte) error {
	if w.ranked {
		w.rank = rankOfNumber(string(digits))
	}
	if !w.packed {
		if string(digits) == "-0" {
			digits = digits[1:]
		}
		w.out = append(w.out, digits...)
		return nil
	}
	negative, magnitude, ok := jsonlex.Integer(digits)
	switch {
	case !ok:
		return refusedAt(start, "the integer needs more than 64 bits, msgpack has no form for it")
	case negative:
		w.out = msgpack.AppendInt(w.out, -int64(magnitude))
	default:
		w.out = msgpack.AppendUint(w.out, magnitude)
	}
	return nil
}

// writeFloat writes the number with the given digits as a float.
func (w *walker) writeFloat(start int, digits []byte) error {
	if string(digits) == "-0" {
		digits = digits[1:] // the integer has no sign
	}
	v, ok := jsonlex.Float(digits)
	if !ok {
		return refusedAt(start, "the number is out of the range of a float")
	}
	if w.ranked {
		w.rank = rankOfFloat(v)
	}
	if w.packed {
		w.out = msgpack.AppendFloat(w.out, v)
	} else {
		w.out = jsonlex.AppendFloat(w.out, v)
	}
	return nil
}

func (w *walker) writeNull() {
	if w.ranked {
		w.rank = rank{class: rankNull}
	}
	if w.packed {
		w.out = msgpack.AppendNil(w.out)
	} else {
		w.out = append(w.out, "null"...)
	}
}
