package payload

import "fmt"

// parent returns the container of the place that a pointer, which is not empty,
// leads to, and the last step. With change all containers on the way are marked.
func (t *patchTree) parent(path pointer, change bool) (*branch, []byte, error) {
	n, rest := &t.root, path
	for {
		c, err := t.open(n)
		if err != nil {
			return nil, nil, err
		}
		if c == nil {
			return nil, nil, scalarRefusal(path[:len(path)-len(rest)])
		}
		c.changed = c.changed || change
		token, after := rest.next()
		if len(after) == 0 {
			return c, token, nil
		}
		if n, err = t.child(c, token); err != nil {
			return nil, nil, refusal(fmt.Sprintf("%s: %v", shown(string(path[:len(path)-len(after)])), err))
		}
		rest = after
	}
}

func scalarRefusal(path pointer) error {
	if len(path) == 0 {
		return refusal("the document is neither object nor array")
	}
	return refusal(shown(string(path)) + " is neither object nor array")
}

// get returns the value a pointer leads to, which must exist.
func (t *patchTree) get(path pointer, change bool) (*node, error) {
	if len(path) == 0 {
		return &t.root, nil
	}
	c, token, err := t.parent(path, change)
	if err != nil {
		return nil, err
	}
	return t.child(c, token)
}

// child returns the value at one step, which must exist. It is valid until the
// container changes.
func (t *patchTree) child(c *branch, token []byte) (*node, error) {
	if !c.object {
		i, err := elementAt(token, len(c.items))
		if err != nil {
			return nil, err
		}
		return &c.items[i], nil
	}
	i, err := t.find(c, token)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		return nil, refusal("there is no such field")
	}
	return &c.members[i].value, nil
}

// elementAt reads a step as an index below n (RFC 6901 §4).
func elementAt(token []byte, n int) (int, error) {
	i, ok := arrayIndex(token)
	switch {
	case string(token) == "-":
		return 0, refusal("there is no element behind the last one")
	case !ok:
		return 0, refusal(shown(string(token)) + " is no index of an array")
	case i >= n:
		return 0, refusal("there is no such element")
	}
	return i, nil
}

// height is how deep the containers of a value are nested.
func (t *patchTree) height(n *node) (int, error) {
	if n.clean() {
		b := t.bytes(n.span)
		if err := t.charge(len(b) / 16); err != nil {
			return 0, err
		}
		if t.msgpack {
			return heightOfMsgpack(b)
		}
		_, h := skipJSON(b, 0)
		return h, nil
	}
	inner := 0
	for child := range n.kids.values() {
		h, err := t.height(child)
		if err != nil {
			return 0, err
		}
		inner = max(inner, h)
	}
	return inner + 1, t.charge(len(n.kids.items) + len(n.kids.members))
}
