package model

import (
	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource/payload"
)

// structState is what is known of a struct while its members are read.
type structState struct {
	o *object
	// base is where its spans begin, start where its output does.
	base, start int
	// next is the field that is expected next.
	next int
	// jumbled: the output is not in the order of the fields.
	jumbled bool
	// extras are kept fields that are not declared.
	extras []member
	tagged bool
}

func (w *walker) structure(n *node) error {
	if w.Peek() != '{' {
		return w.mismatch(n)
	}
	begin := w.Pos
	if err := w.enter(); err != nil {
		return err
	}
	st := structState{o: n.object, base: len(w.spans), start: w.open('{')}
	w.spans = append(w.spans, n.object.blank...)
	if t := st.o.tag; t != nil {
		w.out = append(w.out, t.member[w.form]...)
	}
	for done := w.Closes('}'); !done; {
		if err := w.member(&st); err != nil {
			return err
		}
		var err error
		if done, err = w.Next('}'); err != nil {
			return err
		}
	}
	w.depth--
	if err := w.finish(&st, begin); err != nil {
		return err
	}
	w.spans = w.spans[:st.base]
	return nil
}

// member reads one field.
func (w *walker) member(st *structState) error {
	w.Space()
	at := w.Pos
	i := st.next
	if i >= len(st.o.fields) || !w.nextIs(st.o.fields[i].quoted) {
		key, start, err := w.Key()
		if err != nil {
			return err
		}
		found, ok := st.o.index[string(key)]
		if !ok {
			return w.undeclared(st, start, w.Stable(start, key))
		}
		i = found
	}
	f := &st.o.fields[i]
	s := &w.spans[st.base+i]
	if s.to != 0 {
		return repeated(at, f.name)
	}
	if err := w.Colon(); err != nil {
		return err
	}
	st.jumbled = st.jumbled || i != st.next && !st.o.canSkip(st.next, i)
	st.next = i + 1
	from := len(w.out)
	w.out = append(w.out, f.member[w.form]...)
	if err := w.value(f.node); err != nil {
		return inField(err, f.name)
	}
	w.comma()
	// The value may have grown the stack of spans.
	w.spans[st.base+i] = span{from, len(w.out)}
	return nil
}

// repeated refuses a key that occurs twice in one object.
func repeated(offset int, key string) error {
	return &payload.SyntaxError{Offset: offset, Reason: "key " + quote(key) + " occurs twice in one object"}
}

// canSkip reports whether nothing is stored for the fields from i to before j
// when they are left out.
func (o *object) canSkip(i, j int) bool {
	for ; i < j; i++ {
		if len(o.fields[i].missing[asJSON]) > 0 {
			return false
		}
	}
	return i == j
}

// undeclared treats a field that the struct has not; the field of a tag is not
// declared either.
func (w *walker) undeclared(st *structState, start int, key []byte) error {
	if err := w.Colon(); err != nil {
		return err
	}
	if t := st.o.tag; t != nil && t.field == string(key) {
		if st.tagged {
			return repeated(start, t.field)
		}
		st.tagged = true
		return inField(w.checkTag(t), t.field)
	}
	switch st.o.unknown {
	case DropUnknown:
		return w.Skip(payload.MaxDepth - w.depth)
	case KeepUnknown:
	default:
		return refusedAt(start, "field %s is not declared%s", quote(string(key)), st.o.nearest(string(key)))
	}
	for _, m := range st.extras {
		if sameKey(m.key, key) {
			return repeated(start, string(key))
		}
	}
	from := len(w.out)
	w.writeText(key)
	if !w.packed {
		w.out = append(w.out, ':')
	}
	if err := w.value(anyNode); err != nil {
		return inField(err, string(key))
	}
	w.comma()
	st.extras = append(st.extras, member{key: key, from: from, to: len(w.out)})
	st.jumbled = true
	return nil
}

// nearest names the declared field that a name is most like.
func (o *object) nearest(name string) string {
	names := make([]string, len(o.fields))
	for i, f := range o.fields {
		names[i] = f.name
	}
	return nearest(name, names)
}

// finish adds what was left out and puts the members in order.
func (w *walker) finish(st *structState, begin int) error {
	count := len(st.extras)
	if st.o.tag != nil {
		count++
	}
	spans := w.spans[st.base : st.base+len(st.o.fields)]
	last := len(spans)
	for last > 0 && spans[last-1].to == 0 {
		last--
	}
	for i := range spans {
		f := &st.o.fields[i]
		switch {
		case spans[i].to != 0 || len(f.missing[asJSON]) > 0:
			count++
		case f.pending:
			return errPending
		case !f.optional:
			return &ValueError{Path: f.name, Offset: begin, Reason: "is missing; it is required (" + f.node.expect + ")"}
		}
		st.jumbled = st.jumbled || i < last && spans[i].to == 0 && len(f.missing[asJSON]) > 0
	}
	if st.jumbled {
		w.reorder(st, spans)
	} else {
		for i := last; i < len(spans); i++ {
			w.out = append(w.out, st.o.fields[i].missing[w.form]...)
		}
	}
	w.closeMap(st.start, count)
	return nil
}

// reorder writes the members again, in the order of the fields.
func (w *walker) reorder(st *structState, spans []span) {
	head := st.start + 1
	if st.o.tag != nil {
		head += len(st.o.tag.member[w.form])
	}
	old := w.moved(head)
	for i, s := range spans {
		if s.to != 0 {
			w.out = append(w.out, old[s.from-head:s.to-head]...)
		} else {
			w.out = append(w.out, st.o.fields[i].missing[w.form]...)
		}
	}
	for _, m := range st.extras {
		w.out = append(w.out, old[m.from-head:m.to-head]...)
	}
}

// checkTag reads the value of a tag, which was written already.
func (w *walker) checkTag(t *tag) error {
	w.Space()
	start := w.Pos
	if t.isText && w.Peek() == '"' {
		s, err := w.Str()
		if err == nil && string(s) != t.text {
			err = refusedAt(start, "expected the tag %q, found %.40q", t.text, s)
		}
		return err
	}
	found, err := w.found()
	if err == nil && (t.isText || found != "the number "+t.key()) {
		err = refusedAt(start, "expected the tag %s, found %s", t.value(), found)
	}
	return err
}

// writeText writes a text as a value or key.
func (w *walker) writeText(s []byte) {
	if w.packed {
		w.out = msgpack.AppendString(w.out, s)
	} else {
		w.out = jsonlex.AppendText(w.out, s)
	}
}
