package payload

import (
	"errors"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// merge applies the object that s is at to a value (RFC 7386 §2), and reports
// whether that changed it.
func (t *patchTree) merge(n *node, s *jsonlex.Scanner) (bool, error) {
	changed := false
	if t.kind(n) != objectKind { // also a field that is new
		*n = node{kids: &branch{object: true, changed: true}}
		changed = true
	}
	c, err := t.open(n)
	if err != nil {
		return false, err
	}
	s.Pos++
	for done := s.Closes('}'); !done; {
		key, start, err := s.Key()
		if err != nil {
			return false, err
		}
		key = s.Stable(start, key)
		if err := s.Colon(); err != nil {
			return false, err
		}
		altered, err := t.mergeField(c, key, s)
		if err != nil {
			return false, mergeFailed(key, err)
		}
		changed = changed || altered
		if done, err = s.Next('}'); err != nil {
			return false, err
		}
	}
	c.changed = c.changed || changed
	return changed, nil
}

// mergeField applies one member of a merge patch to the field of that key.
func (t *patchTree) mergeField(c *branch, key []byte, s *jsonlex.Scanner) (bool, error) {
	switch s.Peek() {
	case 'n':
		s.Take("null")
		_, found, err := t.unset(c, key)
		return found, err
	case '{':
		i, err := t.find(c, key)
		if err != nil {
			return false, err
		}
		if i < 0 {
			i = len(c.members)
			if err := t.set(c, key, node{}); err != nil {
				return false, err
			}
		}
		return t.merge(&c.members[i].value, s)
	}
	start := s.Pos
	s.Pos, _ = skipJSON(s.B, start)
	n, err := t.value(span{uint32(start), uint32(s.Pos)})
	if err != nil {
		return false, err
	}
	return true, t.set(c, key, n)
}

// mergeFailed puts a key in front of the place of an error.
func mergeFailed(key []byte, err error) error {
	step := string(appendStep(nil, key))
	if e, ok := errors.AsType[*PatchError](err); ok {
		e.Path = step + e.Path
		return e
	}
	return &PatchError{Index: -1, Op: "merge", Path: step, Reason: err.Error()}
}
