package payload

import (
	"bytes"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource"
)

// patchTree is a payload that is being patched. A value is a span of its source
// until a pointer leads into it, and only then becomes a tree of the values in it;
// what was not changed is written as it was.
type patchTree struct {
	msgpack bool
	// stored, canon and added are one row of bytes, of which spans are parts:
	// the payload, the patch in canonical form, and all that is made on the way.
	stored, canon, added []byte
	root                 node
	// copied counts the bytes of copied values, work what else a patch costs, see
	// patchTree.charge.
	copied, work int
}

// node is a value: bytes as they are, or what they became.
type node struct {
	span
	kids *branch // nil as long as the bytes tell all
}

// branch is an array or object that a pointer led into.
type branch struct {
	object bool
	// changed is set when the bytes of the node do not tell its value any more;
	// all containers around it are changed too.
	changed bool
	items   []node  // of an array
	members []field // of an object, removed ones too
	live    int     // how many members are not removed
	// index finds members by key in objects that are large and often looked into.
	index    map[string]int32
	lookups  int
	repeated bool // a key occurs twice, so that no index is possible
}

// clean reports whether the bytes of a node are its value.
func (n *node) clean() bool { return n.kids == nil || !n.kids.changed }

func newPatchTree(stored, canon []byte) *patchTree {
	t := &patchTree{msgpack: Sniff(stored) == resource.Msgpack, stored: stored, canon: canon}
	end := len(stored)
	if !t.msgpack {
		end = len(bytes.TrimRight(stored, " \t\r\n"))
	}
	start := 0
	if !t.msgpack {
		start = len(stored) - len(bytes.TrimLeft(stored, " \t\r\n"))
	}
	t.root.span = span{uint32(start), uint32(end)}
	return t
}

// bytes returns what a span stands for.
func (t *patchTree) bytes(at span) []byte {
	start, end := int(at.start), int(at.end)
	for _, part := range [...][]byte{t.stored, t.canon} {
		if start < len(part) {
			return part[start:end]
		}
		start, end = start-len(part), end-len(part)
	}
	return t.added[start:end]
}

// since is the span of what was added from an earlier length on.
func (t *patchTree) since(length int) span {
	base := len(t.stored) + len(t.canon)
	return span{uint32(base + length), uint32(base + len(t.added))}
}

// value makes a node of a value of the patch.
func (t *patchTree) value(at span) (node, error) {
	if !t.msgpack {
		base := uint32(len(t.stored))
		return node{span: span{base + at.start, base + at.end}}, nil
	}
	before := len(t.added)
	w := msgpackWriter{b: t.added}
	if err := newJSONReader(t.canon[at.start:at.end], &w, MaxDepth, false).document(); err != nil {
		return node{}, valueRefusal(err)
	}
	t.added = w.b
	return node{span: t.since(before)}, nil
}

// addedKey is the key of a new member.
func (t *patchTree) addedKey(key []byte) span {
	before := len(t.added)
	if t.msgpack {
		t.added = msgpack.AppendString(t.added, string(key))
	} else {
		t.added = jsonlex.AppendText(t.added, key)
	}
	return t.since(before)
}

// kind is what a node is for a pointer.
func (t *patchTree) kind(n *node) kind {
	switch {
	case n.kids != nil && n.kids.object:
		return objectKind
	case n.kids != nil:
		return arrayKind
	case n.empty():
		return scalarKind
	}
	c := t.bytes(n.span)[0]
	switch {
	case t.msgpack:
		return kindOfMsgpack(c)
	case c == '{':
		return objectKind
	case c == '[':
		return arrayKind
	}
	return scalarKind
}

// open returns what is in a node, nil for a scalar.
func (t *patchTree) open(n *node) (*branch, error) {
	if n.kids != nil {
		return n.kids, nil
	}
	k := t.kind(n)
	if k == scalarKind {
		return nil, nil
	}
	c := &branch{object: k == objectKind}
	read := t.openJSON
	if t.msgpack {
		read = t.openMsgpack
	}
	if err := read(c, n.span); err != nil {
		return nil, located(err)
	}
	c.live = len(c.members)
	n.kids = c
	return c, nil
}

// openJSON reads the members of an array or object one level deep.
func (t *patchTree) openJSON(c *branch, at span) error {
	b := t.bytes(at)
	s := jsonlex.Scanner{B: b, Pos: 1}
	end := byte(']')
	if c.object {
		end = '}'
	}
	for done := s.Closes(end); !done; {
		var key span
		s.Space()
		if c.object {
			key.start = at.start + uint32(s.Pos)
			s.Pos = skipText(b, s.Pos)
			key.end = at.start + uint32(s.Pos)
			if err := s.Colon(); err != nil {
				return err
			}
			s.Space()
		}
		start := s.Pos
		s.Pos, _ = skipJSON(b, start)
		c.put(key, span{at.start + uint32(start), at.start + uint32(s.Pos)})
		var err error
		if done, err = s.Next(end); err != nil {
			return err
		}
	}
	return nil
}

// openMsgpack is openJSON for msgpack.
func (t *patchTree) openMsgpack(c *branch, at span) error {
	b := t.bytes(at)
	r := msgpack.NewReader(b)
	n, err := enterMsgpack(&r, b)
	if err != nil {
		return err
	}
	if c.object {
		n /= 2
		c.members = make([]field, 0, n)
	} else {
		c.items = make([]node, 0, n)
	}
	place := func(start int) span { return span{at.start + uint32(start), at.start + uint32(r.Offset())} }
	for range n {
		var key span
		if c.object {
			start := r.Offset()
			if err := r.Skip(); err != nil {
				return err
			}
			key = place(start)
		}
		start := r.Offset()
		if err := skipMsgpack(&r, b); err != nil {
			return err
		}
		c.put(key, place(start))
	}
	return nil
}

// put appends a member that was read.
func (c *branch) put(key, value span) {
	if c.object {
		c.members = append(c.members, field{key, node{span: value}})
	} else {
		c.items = append(c.items, node{span: value})
	}
}
