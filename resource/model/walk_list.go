package model

import "slices"

// list reads an array whose elements have one type.
func (w *walker) list(n *node) error {
	if w.Peek() != '[' {
		return w.mismatch(n)
	}
	if err := w.enter(); err != nil {
		return err
	}
	start, count := w.open('['), 0
	for done := w.Closes(']'); !done; count++ {
		if err := w.value(n.elem); err != nil {
			return inElement(err, count)
		}
		w.comma()
		var err error
		if done, err = w.Next(']'); err != nil {
			return err
		}
	}
	w.depth--
	w.closeArray(start, count)
	return nil
}

// array steps through the elements of an array. It calls each with -1 when the
// array begins and before each element with its index.
func (w *walker) array(n *node, each func(i int) error) error {
	if w.Peek() != '[' {
		return w.mismatch(n)
	}
	if err := w.enter(); err != nil {
		return err
	}
	if err := each(-1); err != nil {
		return err
	}
	for i, done := 0, w.Closes(']'); !done; i++ {
		if err := each(i); err != nil {
			return inElement(err, i)
		}
		var err error
		if done, err = w.Next(']'); err != nil {
			return err
		}
	}
	w.depth--
	return nil
}

// tuple reads an array with one type for each place.
func (w *walker) tuple(n *node) error {
	start, count, begin := 0, 0, w.Pos
	err := w.array(n, func(i int) error {
		if i < 0 {
			start = w.open('[')
			return nil
		}
		if count++; i >= len(n.elems) {
			return refusedAt(w.Pos, "is one element too many; expected %s", n.expect)
		}
		err := w.value(n.elems[i])
		w.comma()
		return err
	})
	switch {
	case err != nil:
		return err
	case count < len(n.elems):
		return refusedAt(begin, "expected %s, found %d elements", n.expect, count)
	}
	w.closeArray(start, count)
	return nil
}

// element is one element of a set.
type element struct {
	span
	rank rank
}

// set reads an array, sorts its elements and drops those that occur again.
func (w *walker) set(n *node) error {
	start, base, begin := 0, len(w.elements), w.Pos
	err := w.array(n, func(i int) error {
		if i < 0 {
			start = w.open('[')
			return nil
		}
		if c := w.Peek(); c == '[' || c == '{' {
			found, err := w.found()
			if err != nil {
				return err
			}
			return refusedAt(w.Pos, "the elements of a set are scalars, found %s", found)
		}
		from := len(w.out)
		w.ranked = true
		err := w.value(n.elem)
		w.ranked = false
		w.comma()
		w.elements = append(w.elements, element{span{from, len(w.out)}, w.rank})
		return err
	})
	if err != nil {
		return err
	}
	all := w.elements[base:]
	for i := range all {
		if !all[i].rank.comparable(all[0].rank) {
			return refusedAt(begin, "the elements of the set cannot be put in order: they are of different types")
		}
	}
	slices.SortStableFunc(all, func(a, b element) int { return a.rank.compare(b.rank) })
	all = slices.CompactFunc(all, func(a, b element) bool { return a.rank.compare(b.rank) == 0 })
	old := w.moved(start + 1)
	for _, e := range all {
		w.out = append(w.out, old[e.from-start-1:e.to-start-1]...)
	}
	w.elements = w.elements[:base]
	w.closeArray(start, len(all))
	return nil
}
