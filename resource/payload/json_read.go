package payload

import (
	"fmt"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// jsonReader walks one JSON text.
type jsonReader struct {
	jsonlex.Scanner
	depth    int
	maxDepth int
	// unique makes a repeated key of an object an error.
	unique bool
	to     events
	// keys are those of the open objects, outermost first; only with unique.
	keys [][]byte
}

// newJSONReader returns a reader of b.
func newJSONReader(b []byte, to events, maxDepth int, unique bool) *jsonReader {
	r := &jsonReader{Scanner: jsonlex.Scanner{B: b}, to: to, maxDepth: maxDepth, unique: unique}
	if unique {
		r.keys = make([][]byte, 0, fewKeys)
	}
	return r
}

// document walks the text, which must hold one value and nothing else.
func (r *jsonReader) document() error {
	if err := r.value(); err != nil {
		return located(err)
	}
	if r.Space(); r.Pos < len(r.B) {
		return located(r.Fail("there is more behind the value"))
	}
	return nil
}

func (r *jsonReader) value() error {
	c := r.Peek()
	if r.Pos >= len(r.B) {
		return r.Fail("the text ends where a value is expected")
	}
	start := r.Pos
	switch {
	case c == '{':
		return r.object()
	case c == '[':
		return r.array()
	case c == '"':
		s, err := r.Str()
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
	start := r.Pos
	switch {
	case r.Take("null"):
		return at(start, r.to.null())
	case r.Take("true"):
		return at(start, r.to.boolean(true))
	case r.Take("false"):
		return at(start, r.to.boolean(false))
	}
	return r.Fail(fmt.Sprintf("%q does not begin a value", r.B[r.Pos]))
}

// enter steps over an opening bracket.
func (r *jsonReader) enter() error {
	if r.depth == r.maxDepth {
		return r.Fail(fmt.Sprintf("nested deeper than %d", r.maxDepth))
	}
	r.depth++
	r.Pos++
	return nil
}

func (r *jsonReader) array() error {
	start := r.Pos
	if err := r.enter(); err != nil {
		return err
	}
	if err := r.to.beginArray(); err != nil {
		return at(start, err)
	}
	n := 0
	for done := r.Closes(']'); !done; n++ {
		if err := r.value(); err != nil {
			return within(fmt.Sprintf("[%d]", n), located(err))
		}
		var err error
		if done, err = r.Next(']'); err != nil {
			return err
		}
	}
	r.depth--
	return at(start, r.to.endArray(n))
}

func (r *jsonReader) object() error {
	start := r.Pos
	if err := r.enter(); err != nil {
		return err
	}
	if err := r.to.beginObject(); err != nil {
		return at(start, err)
	}
	seen := keySet{first: len(r.keys)}
	n := 0
	for done := r.Closes('}'); !done; n++ {
		if err := r.member(&seen); err != nil {
			return err
		}
		var err error
		if done, err = r.Next('}'); err != nil {
			return err
		}
	}
	r.depth--
	r.keys = r.keys[:seen.first]
	return at(start, r.to.endObject(n))
}

// member walks one key and its value.
func (r *jsonReader) member(seen *keySet) error {
	k, start, err := r.Key()
	if err != nil {
		return err
	}
	if r.unique && !r.addKey(seen, r.Stable(start, k)) {
		return &SyntaxError{Offset: start, Reason: fmt.Sprintf("key %.40q occurs twice in one object", k)}
	}
	if err := r.to.key(k); err != nil {
		return at(start, err)
	}
	if err := r.Colon(); err != nil {
		return err
	}
	if err := r.value(); err != nil {
		return within(r.keyAt(start), located(err))
	}
	return nil
}

// keyAt reads a key once more: it was good, and the buffer it was decoded into has
// been used since.
func (r *jsonReader) keyAt(start int) string {
	r.Pos = start
	k, err := r.Str()
	if err != nil {
		return ""
	}
	return string(k)
}

// number walks a number. It is an integer when it has neither fraction nor
// exponent: numbers keep their lexical kind.
func (r *jsonReader) number() error {
	start := r.Pos
	digits, integer, err := r.Number()
	if err != nil {
		return err
	}
	if !integer {
		f, ok := jsonlex.Float(digits)
		if !ok {
			return &SyntaxError{Offset: start, Reason: "the number is out of the range of a float"}
		}
		return at(start, r.to.float(f))
	}
	negative, magnitude, ok := jsonlex.Integer(digits)
	if !ok {
		return at(start, r.to.bigInteger(digits))
	}
	return at(start, r.to.integer(negative, magnitude))
}
