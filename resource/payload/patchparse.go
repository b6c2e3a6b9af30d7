package payload

import (
	"fmt"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// operation is one operation of a patch (RFC 6902 §4), checked.
type operation struct {
	op         string
	path, from pointer
	// value is the place of the value in the patch, height how deep it is nested.
	value  span
	height int
}

// failed gives an error the operation it happened in.
func (o *operation) failed(index int, err error) error {
	return &PatchError{Index: index, Op: o.op, Path: string(o.path), Reason: err.Error()}
}

// parseOperations reads the operations of a patch in canonical form.
func parseOperations(canon []byte) ([]operation, error) {
	var ops []operation
	s := jsonlex.Scanner{B: canon, Pos: 1}
	for done := s.Closes(']'); !done; {
		var o operation
		err := o.parse(&s)
		if err == nil && len(ops) == MaxOperations {
			err = refusal(fmt.Sprintf("a patch has at most %d operations", MaxOperations))
		}
		if err != nil {
			return nil, o.failed(len(ops), err)
		}
		ops = append(ops, o)
		if done, err = s.Next(']'); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

// parse reads one operation and checks that it is complete.
func (o *operation) parse(s *jsonlex.Scanner) error {
	if s.Peek() != '{' {
		return refusal("an operation is an object")
	}
	var op, path, from span
	s.Pos++
	for done := s.Closes('}'); !done; {
		key, _, err := s.Key()
		if err != nil {
			return err
		}
		var into *span
		switch string(key) {
		case "op":
			into = &op
		case "path":
			into = &path
		case "from":
			into = &from
		case "value":
			into = &o.value
		default: // ignored, as RFC 6902 §4 says
			into = &span{}
		}
		if err := s.Colon(); err != nil {
			return err
		}
		end, height := skipJSON(s.B, s.Pos)
		if into == &o.value {
			o.height = height
		}
		*into = span{uint32(s.Pos), uint32(end)}
		s.Pos = end
		if done, err = s.Next('}'); err != nil {
			return err
		}
	}
	return o.complete(s.B, op, path, from)
}

// complete checks the members that the operation must have; what it has beyond
// them may be of any kind.
func (o *operation) complete(canon []byte, op, path, from span) error {
	name, err := op.required(canon, "op")
	if err != nil {
		return err
	}
	o.op = string(name)
	to, err := path.required(canon, "path")
	if err != nil {
		return err
	}
	if o.path, err = parsePointer(to); err != nil {
		o.path = to
		return err
	}
	switch o.op {
	case "add", "replace", "test":
		if o.value.empty() {
			return refusal("there is no value")
		}
	case "move", "copy":
		return o.completeFrom(canon, from)
	case "remove":
	default:
		return refusal("the operation is none of add, remove, replace, move, copy and test")
	}
	return nil
}

// completeFrom checks the second pointer of move and copy.
func (o *operation) completeFrom(canon []byte, at span) error {
	from, err := at.required(canon, "from")
	if err != nil {
		return err
	}
	if o.from, err = parsePointer(from); err != nil {
		return refusal("from: " + err.Error())
	}
	if o.op == "move" && o.path.below(o.from) {
		return refusal("a value cannot be moved into itself")
	}
	return nil
}

// required returns the text at a place of a patch in canonical form.
func (at span) required(canon []byte, name string) ([]byte, error) {
	switch {
	case at.empty():
		return nil, refusal("there is no " + name)
	case canon[at.start] != '"':
		return nil, refusal(name + " is no text")
	}
	s := jsonlex.Scanner{B: canon, Pos: int(at.start)}
	text, err := s.Str()
	if err != nil {
		return nil, err
	}
	return s.Stable(int(at.start), text), nil
}
