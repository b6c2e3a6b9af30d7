package payload

import (
	"bytes"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// field is a member of an object. Its key is as it was read; an empty span marks
// one that was removed, so that the others keep their positions.
type field struct {
	key   span
	value node
}

// indexAfter is after how many lookups a large object gets an index: fewer are
// cheaper without.
const indexAfter = 4

// find returns the position of the field with a key, the last one of a repeated
// key, or -1.
func (t *patchTree) find(c *branch, key []byte) (int, error) {
	if c.index == nil && len(c.members) > fewKeys && !c.repeated {
		if c.lookups++; c.lookups > indexAfter {
			if err := t.buildIndex(c); err != nil {
				return 0, err
			}
		}
	}
	if c.index != nil {
		if i, ok := c.index[string(key)]; ok {
			return int(i), nil
		}
		return -1, nil
	}
	for i := len(c.members) - 1; i >= 0; i-- {
		if at := c.members[i].key; !at.empty() && t.keyIs(at, key) {
			return i, t.charge(len(c.members) - i)
		}
	}
	return -1, t.charge(len(c.members))
}

// buildIndex makes the index of an object; none when a key is repeated.
func (t *patchTree) buildIndex(c *branch) error {
	index := make(map[string]int32, c.live)
	for i, f := range c.members {
		if f.key.empty() {
			continue
		}
		key, err := t.keyText(f.key)
		if err != nil {
			return err
		}
		index[string(key)] = int32(i)
	}
	if c.repeated = len(index) != c.live; !c.repeated {
		c.index = index
	}
	return nil
}

// keyIs reports whether the key at a span is the given text.
func (t *patchTree) keyIs(at span, key []byte) bool {
	if t.msgpack {
		return bytes.Equal(bodyOfText(t.bytes(at)), key)
	}
	return textIs(t.bytes(at), key)
}

// keyText is the text of a key.
func (t *patchTree) keyText(at span) ([]byte, error) {
	raw := t.bytes(at)
	if t.msgpack {
		return bodyOfText(raw), nil
	}
	s := jsonlex.Scanner{B: raw}
	return s.Str()
}

// set gives a key a value: in its place, or as the last one (RFC 6902 §4.1).
func (t *patchTree) set(c *branch, key []byte, n node) error {
	i, err := t.find(c, key)
	if err != nil {
		return err
	}
	c.changed = true
	if i >= 0 {
		c.members[i].value = n
		return nil
	}
	c.members = append(c.members, field{t.addedKey(key), n})
	c.live++
	if c.index != nil {
		c.index[string(key)] = int32(len(c.members) - 1)
	}
	return nil
}

// unset removes a key wherever it occurs; it returns the value that counted, and
// false when there is none.
func (t *patchTree) unset(c *branch, key []byte) (node, bool, error) {
	var value node
	for found := false; ; found = true {
		i, err := t.find(c, key)
		if err != nil || i < 0 {
			return value, found, err
		}
		if !found {
			value = c.members[i].value
		}
		c.members[i] = field{}
		c.live--
		c.changed = true
		delete(c.index, string(key))
	}
}

// keys is how many different keys an object has.
func (t *patchTree) keys(c *branch) (int, error) {
	if c.index != nil {
		return c.live, nil
	}
	seen := make(map[string]struct{}, c.live)
	for _, f := range c.members {
		if f.key.empty() {
			continue
		}
		key, err := t.keyText(f.key)
		if err != nil {
			return 0, err
		}
		seen[string(key)] = struct{}{}
	}
	return len(seen), t.charge(len(c.members))
}
