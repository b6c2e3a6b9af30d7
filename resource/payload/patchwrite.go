package payload

import (
	"iter"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// values are the values in a container, in order.
func (c *branch) values() iter.Seq[*node] {
	return func(yield func(*node) bool) {
		for i := range c.items {
			if !yield(&c.items[i]) {
				return
			}
		}
		for i := range c.members {
			if !c.members[i].key.empty() && !yield(&c.members[i].value) {
				return
			}
		}
	}
}

// len is how many values are in a container.
func (c *branch) len() int { return len(c.items) + c.live }

// head appends the head of a container in msgpack.
func (c *branch) head(b []byte) []byte {
	if c.object {
		return msgpack.AppendMapHead(b, c.live)
	}
	return msgpack.AppendArrayHead(b, len(c.items))
}

// size is the length of what append appends.
func (t *patchTree) size(n *node) int {
	if n.clean() {
		return n.size()
	}
	c := n.kids
	var total int
	if t.msgpack {
		var head [5]byte
		total = len(c.head(head[:0]))
	} else {
		total = 2 + max(c.len()-1, 0) + c.live // brackets, commas, colons
	}
	for _, f := range c.members {
		total += f.key.size()
	}
	for child := range c.values() {
		total += t.size(child)
	}
	return total
}

// append writes a value: what did not change as it was.
func (t *patchTree) append(b []byte, n *node) []byte {
	switch {
	case n.clean():
		return append(b, t.bytes(n.span)...)
	case t.msgpack:
		return t.appendMsgpack(b, n.kids)
	}
	return t.appendJSON(b, n.kids)
}

func (t *patchTree) appendMsgpack(b []byte, c *branch) []byte {
	b = c.head(b)
	for i := range c.items {
		b = t.append(b, &c.items[i])
	}
	for i := range c.members {
		if f := &c.members[i]; !f.key.empty() {
			b = append(b, t.bytes(f.key)...)
			b = t.append(b, &f.value)
		}
	}
	return b
}

func (t *patchTree) appendJSON(b []byte, c *branch) []byte {
	if !c.object {
		b = append(b, '[')
		for i := range c.items {
			if i > 0 {
				b = append(b, ',')
			}
			b = t.append(b, &c.items[i])
		}
		return append(b, ']')
	}
	b = append(b, '{')
	first := true
	for i := range c.members {
		f := &c.members[i]
		if f.key.empty() {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(b, t.bytes(f.key)...), ':')
		b = t.append(b, &f.value)
	}
	return append(b, '}')
}
