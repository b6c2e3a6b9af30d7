package model

import (
	"bytes"
	"slices"
)

// member is one member of a map.
type member struct {
	key      []byte
	from, to int
}

// mapping reads an object with any keys and sorts them.
func (w *walker) mapping(n *node) error {
	if w.Peek() != '{' {
		return w.mismatch(n)
	}
	if err := w.enter(); err != nil {
		return err
	}
	base, start := len(w.members), w.open('{')
	sorted := true
	for done := w.Closes('}'); !done; {
		at, err := w.entry(n)
		if err != nil {
			return err
		}
		if all := w.members[base:]; len(all) > 1 && sorted {
			switch bytes.Compare(all[len(all)-2].key, all[len(all)-1].key) {
			case 0:
				return repeated(at, string(all[len(all)-1].key))
			case 1:
				sorted = false
			}
		}
		if done, err = w.Next('}'); err != nil {
			return err
		}
	}
	w.depth--
	all := w.members[base:]
	if !sorted {
		if err := w.sort(all, start+1); err != nil {
			return err
		}
	}
	w.members = w.members[:base]
	w.closeMap(start, len(all))
	return nil
}

// entry reads one member and returns where its key begins.
func (w *walker) entry(n *node) (int, error) {
	key, at, err := w.Key()
	if err != nil {
		return at, err
	}
	elem := n.elem
	if n.given != nil {
		elem = n.given.at(key)
	}
	if n.keys != nil {
		if _, ok := n.keys.texts[string(key)]; !ok {
			return at, refusedAt(at, "key %.40q is not one of %s", key, n.keys.list)
		}
	}
	m := member{key: w.Stable(at, key), from: len(w.out)}
	if err := w.Colon(); err != nil {
		return at, err
	}
	w.writeText(m.key)
	if !w.packed {
		w.out = append(w.out, ':')
	}
	if err := w.value(elem); err != nil {
		return at, inKey(err, m.key)
	}
	w.comma()
	m.to = len(w.out)
	w.members = append(w.members, m)
	return at, nil
}

// sort puts the members of a map, whose output begins at start, in the order of
// their keys.
func (w *walker) sort(all []member, start int) error {
	slices.SortFunc(all, func(a, b member) int { return bytes.Compare(a.key, b.key) })
	for i := 1; i < len(all); i++ {
		if bytes.Equal(all[i-1].key, all[i].key) {
			return repeated(w.Pos, string(all[i].key))
		}
	}
	old := w.moved(start)
	for _, m := range all {
		w.out = append(w.out, old[m.from-start:m.to-start]...)
	}
	return nil
}
