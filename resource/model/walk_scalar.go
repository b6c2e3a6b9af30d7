package model

import (
	"strconv"

	"github.com/specstar-worker/worker/internal/msgpack"
)

func (w *walker) str(n *node) error {
	if w.Peek() != '"' {
		return w.mismatch(n)
	}
	s, err := w.Str()
	if err != nil {
		return err
	}
	if w.ranked {
		w.rank = rankOfText(s)
	}
	w.writeText(s)
	return nil
}

func (w *walker) integer(n *node) error {
	start := w.Pos
	if !w.numberNext() {
		return w.mismatch(n)
	}
	digits, integer, err := w.Number()
	switch {
	case err != nil:
		return err
	case !integer:
		return refusedAt(start, "expected %s, found the number %.40s", n.expect, digits)
	}
	return w.writeInteger(start, digits)
}

func (w *walker) float(n *node) error {
	start := w.Pos
	if !w.numberNext() {
		return w.mismatch(n)
	}
	digits, integer, err := w.Number()
	switch {
	case err != nil:
		return err
	case integer && w.loose:
		return w.writeInteger(start, digits)
	}
	return w.writeFloat(start, digits)
}

func (w *walker) numberNext() bool {
	c := w.Peek()
	return c == '-' || c >= '0' && c <= '9'
}

func (w *walker) boolean(n *node) error {
	v := w.Take("true")
	if !v && !w.Take("false") {
		return w.mismatch(n)
	}
	if w.ranked {
		w.rank = rankOfNumber("0")
		if v {
			w.rank = rankOfNumber("1")
		}
	}
	if w.packed {
		w.out = msgpack.AppendBool(w.out, v)
	} else {
		w.out = strconv.AppendBool(w.out, v)
	}
	return nil
}

// enumerated reads one of a set of values. c is the byte that comes next.
func (w *walker) enumerated(n *node, c byte) error {
	start := w.Pos
	switch {
	case c == '"' && len(n.enum.texts) > 0:
		s, err := w.Str()
		if err != nil {
			return err
		}
		if _, ok := n.enum.texts[string(s)]; !ok {
			return refusedAt(start, "expected %s, found %.40q", n.expect, s)
		}
		if w.ranked {
			w.rank = rankOfText(s)
		}
		w.writeText(s)
		return nil
	case (c == '-' || c >= '0' && c <= '9') && len(n.enum.numbers) > 0:
		digits, integer, err := w.Number()
		if err != nil {
			return err
		}
		v, perr := strconv.ParseInt(string(digits), 10, 64)
		if _, ok := n.enum.numbers[v]; !ok || !integer || perr != nil {
			return refusedAt(start, "expected %s, found %.40s", n.expect, digits)
		}
		return w.writeInteger(start, digits)
	}
	return w.mismatch(n)
}

// choose reads a value of one of several types. c is the byte that comes next.
func (w *walker) choose(n *node, c byte) error {
	u := n.union
	var pick *node
	switch {
	case c == '{':
		if u.tagged != nil {
			return w.chooseTagged(n)
		}
		pick = u.object
	case c == '[':
		pick = u.array
	case c == '"':
		pick = u.text
	case c == 't' || c == 'f':
		pick = u.boolean
	case c == 'n':
		pick = u.null
	case c == '-' || c >= '0' && c <= '9':
		return w.chooseNumber(n)
	}
	if pick == nil {
		return w.mismatch(n)
	}
	return w.value(pick)
}

func (w *walker) chooseNumber(n *node) error {
	start := w.Pos
	digits, integer, err := w.Number()
	if err != nil {
		return err
	}
	w.Pos = start
	u := n.union
	pick := u.float
	if integer && u.integer != nil {
		pick = u.integer
	}
	if pick == nil {
		pick = u.decimal
	}
	if pick == nil {
		return refusedAt(start, "expected %s, found the number %.40s", n.expect, digits)
	}
	return w.value(pick)
}

// chooseTagged looks ahead for the tag of the object that comes next and reads
// the struct that has it.
func (w *walker) chooseTagged(n *node) error {
	start := w.Pos
	text, err := w.findTag(n.union)
	if err != nil {
		return err
	}
	w.Pos = start
	pick, ok := n.union.tagged[text]
	if !ok {
		return inField(refusedAt(start, "no type of %s has the tag %s", n.expect, quote(text)), n.union.field)
	}
	return w.value(pick)
}

// findTag returns the text of the tag of the object that comes next.
func (w *walker) findTag(u *union) (string, error) {
	start := w.Pos
	w.Pos++
	for done := w.Closes('}'); !done; {
		key, _, err := w.Key()
		if err != nil {
			return "", err
		}
		match := string(key) == u.field
		if err := w.Colon(); err != nil {
			return "", err
		}
		if match {
			return w.tagText(u)
		}
		if err := w.Skip(maxSkip - w.depth); err != nil {
			return "", err
		}
		if done, err = w.Next('}'); err != nil {
			return "", err
		}
	}
	return "", &ValueError{Path: u.field, Offset: start, Reason: "is missing; it tells which type the object has"}
}

// tagText reads the value of a tag.
func (w *walker) tagText(u *union) (string, error) {
	start := w.Pos
	c := w.Peek()
	if c == '"' && !u.numeric {
		s, err := w.Str()
		return string(s), err
	}
	if u.numeric && w.numberNext() {
		digits, _, err := w.Number()
		return string(digits), err
	}
	found, err := w.found()
	if err != nil {
		return "", err
	}
	return "", &ValueError{Path: u.field, Offset: start, Reason: "expected a tag, found " + found}
}
