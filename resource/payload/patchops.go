package payload

import (
	"errors"
	"fmt"
	"slices"
)

// maxWork bounds what a patch costs beyond its length: elements of arrays that are
// shifted, keys that are compared, and every 16 bytes that are measured.
const maxWork = 1 << 28

// charge counts work.
func (t *patchTree) charge(n int) error {
	if t.work += n; t.work > maxWork {
		return refusal("the patch costs too much")
	}
	return nil
}

// valueRefusal is the reason why a value of a patch cannot be written.
func valueRefusal(err error) error {
	e, ok := errors.AsType[*SyntaxError](err)
	switch {
	case !ok:
		return err
	case e.Path != "":
		return refusal("in " + e.Path + ": " + e.Reason)
	}
	return refusal(e.Reason)
}

// operate applies one operation (RFC 6902 §4).
func (t *patchTree) operate(o *operation) error {
	switch o.op {
	case "remove":
		_, err := t.remove(o.path)
		return err
	case "move":
		return t.move(o)
	case "copy":
		return t.copy(o)
	case "test":
		return t.test(o)
	}
	if o.path.depth()+o.height > MaxDepth {
		return tooDeep()
	}
	n, err := t.value(o.value)
	if err != nil {
		return err
	}
	if o.op == "replace" {
		return t.replace(o.path, n)
	}
	return t.add(o.path, n)
}

func tooDeep() error { return refusal(fmt.Sprintf("nested deeper than %d", MaxDepth)) }

// add is RFC 6902 §4.1.
func (t *patchTree) add(path pointer, n node) error {
	if len(path) == 0 {
		t.root = n
		return nil
	}
	c, token, err := t.parent(path, true)
	if err != nil {
		return err
	}
	if c.object {
		return t.set(c, token, n)
	}
	i := len(c.items)
	if string(token) != "-" {
		if i, err = elementAt(token, len(c.items)+1); err != nil {
			return err
		}
	}
	c.items = slices.Insert(c.items, i, n)
	return t.charge(len(c.items) - i)
}

// remove is RFC 6902 §4.2. It returns what was removed.
func (t *patchTree) remove(path pointer) (node, error) {
	if len(path) == 0 {
		return node{}, refusal("the whole document cannot be removed")
	}
	c, token, err := t.parent(path, true)
	if err != nil {
		return node{}, err
	}
	if c.object {
		n, found, err := t.unset(c, token)
		if err == nil && !found {
			err = refusal("there is no such field")
		}
		return n, err
	}
	i, err := elementAt(token, len(c.items))
	if err != nil {
		return node{}, err
	}
	n := c.items[i]
	c.items = slices.Delete(c.items, i, i+1)
	return n, t.charge(len(c.items) - i)
}

// replace is RFC 6902 §4.3.
func (t *patchTree) replace(path pointer, n node) error {
	target, err := t.get(path, true)
	if err != nil {
		return err
	}
	*target = n
	return nil
}

// move is RFC 6902 §4.4.
func (t *patchTree) move(o *operation) error {
	if string(o.from) == string(o.path) {
		_, err := t.get(o.from, false)
		return fromError(o.from, err)
	}
	n, err := t.remove(o.from)
	if err != nil {
		return fromError(o.from, err)
	}
	if err := t.fits(&n, o); err != nil {
		return err
	}
	return t.add(o.path, n)
}

// copy is RFC 6902 §4.5. Since copies of copies grow without end, all that one
// patch copies is bounded.
func (t *patchTree) copy(o *operation) error {
	from, err := t.get(o.from, false)
	if err != nil {
		return fromError(o.from, err)
	}
	size := t.size(from)
	if t.copied += size; t.copied > MaxBytes {
		return refusal(fmt.Sprintf("the copied values are longer than %d bytes together", MaxBytes))
	}
	n := node{span: from.span}
	if !from.clean() {
		before := len(t.added)
		t.added = t.append(t.added, from)
		n.span = t.since(before)
	}
	if err := t.fits(&n, o); err != nil {
		return err
	}
	return t.add(o.path, n)
}

// fromError says of an error that it is about where a value comes from.
func fromError(from pointer, err error) error {
	if err == nil {
		return nil
	}
	return refusal("from " + shown(string(from)) + ": " + err.Error())
}

// fits checks that a value which goes deeper does not exceed the bound.
func (t *patchTree) fits(n *node, o *operation) error {
	depth := o.path.depth()
	if depth <= o.from.depth() {
		return nil
	}
	h, err := t.height(n)
	if err == nil && depth+h > MaxDepth {
		err = tooDeep()
	}
	return err
}
