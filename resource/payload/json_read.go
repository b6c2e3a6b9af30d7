package payload

import "fmt"

// jsonReader walks one JSON text. Its grammar is that of RFC 8259, with the
// bounds of the original's decoder.
type jsonReader struct {
	b        []byte
	pos      int
	depth    int
	maxDepth int
	// unique makes a repeated key of an object an error.
	unique bool
	to     events
	// keys are those of the open objects, outermost first; only with unique.
	keys [][]byte
	// text holds the decoded form of the string that was read last.
	text []byte
}

// document walks the text, which must hold one value and nothing else.
func (r *jsonReader) document() error {
	if err := r.value(); err != nil {
		return err
	}
	if r.space(); r.pos < len(r.b) {
		return r.fail("there is more behind the value")
	}
	return nil
}

func (r *jsonReader) value() error {
	r.space()
	if r.pos >= len(r.b) {
		return r.fail("the text ends where a value is expected")
	}
	start := r.pos
	switch c := r.b[r.pos]; {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		s, err := r.str()
		if err != nil {
			return err
		}
		return at(start, r.to.text(s))
	case c == '-' || c >= '0' && c <= '9':
		return r.number()
	default:
		return r.literal()
	}
}

func (r *jsonReader) literal() error {
	start := r.pos
	switch {
	case r.take("null"):
		return at(start, r.to.null())
	case r.take("true"):
		return at(start, r.to.boolean(true))
	case r.take("false"):
		return at(start, r.to.boolean(false))
	}
	return r.fail(fmt.Sprintf("%q does not begin a value", r.b[r.pos]))
}

// enter steps over an opening bracket.
func (r *jsonReader) enter() error {
	if r.depth == r.maxDepth {
		return r.fail(fmt.Sprintf("nested deeper than %d", r.maxDepth))
	}
	r.depth++
	r.pos++
	return nil
}

func (r *jsonReader) array() error {
	start := r.pos
	if err := r.enter(); err != nil {
		return err
	}
	if err := r.to.beginArray(); err != nil {
		return at(start, err)
	}
	n := 0
	for done := r.closes(']'); !done; n++ {
		if err := r.value(); err != nil {
			return err
		}
		var err error
		if done, err = r.next(']'); err != nil {
			return err
		}
	}
	r.depth--
	return at(start, r.to.endArray(n))
}

func (r *jsonReader) object() error {
	start := r.pos
	if err := r.enter(); err != nil {
		return err
	}
	if err := r.to.beginObject(); err != nil {
		return at(start, err)
	}
	seen := keySet{first: len(r.keys)}
	n := 0
	for done := r.closes('}'); !done; n++ {
		if err := r.member(&seen); err != nil {
			return err
		}
		var err error
		if done, err = r.next('}'); err != nil {
			return err
		}
	}
	r.depth--
	r.keys = r.keys[:seen.first]
	return at(start, r.to.endObject(n))
}

// member walks one key and its value.
func (r *jsonReader) member(seen *keySet) error {
	r.space()
	start := r.pos
	if r.pos >= len(r.b) || r.b[r.pos] != '"' {
		return r.fail("a key in quotes is expected")
	}
	k, err := r.str()
	if err != nil {
		return err
	}
	if r.unique && !r.addKey(seen, r.stable(start, k)) {
		return &SyntaxError{Offset: start, Reason: fmt.Sprintf("key %.40q occurs twice in one object", k)}
	}
	if err := r.to.key(k); err != nil {
		return at(start, err)
	}
	if r.space(); !r.take(":") {
		return r.fail("':' is expected")
	}
	return r.value()
}

// closes consumes the closing bracket of an empty container.
func (r *jsonReader) closes(bracket byte) bool {
	if r.space(); r.pos < len(r.b) && r.b[r.pos] == bracket {
		r.pos++
		return true
	}
	return false
}

// next consumes what follows a member: a comma, or the bracket that ends all.
func (r *jsonReader) next(bracket byte) (bool, error) {
	if r.closes(bracket) {
		return true, nil
	}
	if !r.take(",") {
		return false, r.fail(fmt.Sprintf("',' or %q is expected", bracket))
	}
	return false, nil
}

func (r *jsonReader) take(word string) bool {
	if len(r.b)-r.pos < len(word) || string(r.b[r.pos:r.pos+len(word)]) != word {
		return false
	}
	r.pos += len(word)
	return true
}

func (r *jsonReader) space() {
	for r.pos < len(r.b) {
		switch r.b[r.pos] {
		case ' ', '\t', '\r', '\n':
			r.pos++
		default:
			return
		}
	}
}

func (r *jsonReader) fail(reason string) error {
	return &SyntaxError{Offset: r.pos, Reason: reason}
}
