package payload

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
)

// test is RFC 6902 §4.6.
func (t *patchTree) test(o *operation) error {
	n, err := t.get(o.path, false)
	if err != nil {
		return err
	}
	s := jsonlex.Scanner{B: t.canon, Pos: int(o.value.start)}
	equal, err := t.equal(n, &s)
	if err == nil && !equal {
		err = refusal("the value is another")
	}
	return err
}

// equal reports whether a node means the same as the value that s is at, which it
// steps over if so. The costs follow the value of the patch.
func (t *patchTree) equal(n *node, s *jsonlex.Scanner) (bool, error) {
	switch c := s.Peek(); c {
	case '{':
		return t.equalObject(n, s)
	case '[':
		return t.equalArray(n, s)
	case '"':
		text, err := s.Str()
		return err == nil && t.isText(n, text), err
	case 'n':
		return s.Take("null") && t.isWord(n, "null"), nil
	case 't':
		return s.Take("true") && t.isWord(n, "true"), nil
	case 'f':
		return s.Take("false") && t.isWord(n, "false"), nil
	}
	digits, _, err := s.Number()
	return err == nil && t.isNumber(n, digits), err
}

func (t *patchTree) equalArray(n *node, s *jsonlex.Scanner) (bool, error) {
	if t.kind(n) != arrayKind {
		return false, nil
	}
	c, err := t.open(n)
	if err != nil {
		return false, err
	}
	s.Pos++
	i := 0
	for done := s.Closes(']'); !done; i++ {
		if i == len(c.items) {
			return false, nil
		}
		if equal, err := t.equal(&c.items[i], s); err != nil || !equal {
			return false, err
		}
		if done, err = s.Next(']'); err != nil {
			return false, err
		}
	}
	return i == len(c.items), nil
}

func (t *patchTree) equalObject(n *node, s *jsonlex.Scanner) (bool, error) {
	if t.kind(n) != objectKind {
		return false, nil
	}
	c, err := t.open(n)
	if err != nil {
		return false, err
	}
	s.Pos++
	count := 0
	for done := s.Closes('}'); !done; count++ {
		if equal, err := t.equalField(c, s); err != nil || !equal {
			return false, err
		}
		if done, err = s.Next('}'); err != nil {
			return false, err
		}
	}
	if count == c.live {
		return true, nil
	}
	keys, err := t.keys(c) // fewer when one is repeated
	return count == keys, err
}

func (t *patchTree) equalField(c *branch, s *jsonlex.Scanner) (bool, error) {
	key, _, err := s.Key()
	if err != nil {
		return false, err
	}
	i, err := t.find(c, key)
	if err != nil || i < 0 {
		return false, err
	}
	if err := s.Colon(); err != nil {
		return false, err
	}
	return t.equal(&c.members[i].value, s)
}

// isText reports whether a node is the text, or in msgpack bytes or a timestamp
// whose form as JSON it is.
func (t *patchTree) isText(n *node, text []byte) bool {
	if t.kind(n) != scalarKind {
		return false
	}
	raw := t.bytes(n.span)
	if !t.msgpack {
		return raw[0] == '"' && textIs(raw, text)
	}
	r := msgpack.NewReader(raw)
	switch {
	case r.IsStr():
		return string(bodyOfText(raw)) == string(text)
	case r.IsBin():
		b, err := r.Bin()
		return err == nil && base64.StdEncoding.EncodedLen(len(b)) == len(text) &&
			base64.StdEncoding.EncodeToString(b) == string(text)
	}
	v, err := r.Value()
	if err != nil {
		return false
	}
	at, ok := v.(time.Time)
	if !ok {
		return false
	}
	w := jsonWriter{first: true}
	return w.timestamp(at) == nil && string(w.b[1:len(w.b)-1]) == string(text)
}

// isWord reports whether a node is null, true or false, or in msgpack a float that
// has no form in JSON but null.
func (t *patchTree) isWord(n *node, word string) bool {
	if t.kind(n) != scalarKind {
		return false
	}
	raw := t.bytes(n.span)
	if !t.msgpack {
		return string(raw) == word
	}
	switch raw[0] {
	case 0xc0:
		return word == "null"
	case 0xc2:
		return word == "false"
	case 0xc3:
		return word == "true"
	}
	var buf [32]byte
	digits := t.digits(n, buf[:0])
	return string(digits) == word
}

// isNumber reports whether a node is a number of the same decimal.
func (t *patchTree) isNumber(n *node, digits []byte) bool {
	var buf [32]byte
	own := t.digits(n, buf[:0])
	return own != nil && own[0] != 'n' && sameDecimal(own, digits)
}

// digits is the canonical form of a number as JSON; nil for any other value. An
// infinite one in msgpack gives null.
func (t *patchTree) digits(n *node, buf []byte) []byte {
	if t.kind(n) != scalarKind {
		return nil
	}
	raw := t.bytes(n.span)
	if !t.msgpack {
		return digitsOfJSON(raw, buf)
	}
	if c := raw[0]; c >= 0x80 && c < 0xca || c > 0xd3 && c < 0xe0 {
		return nil
	}
	r := msgpack.NewReader(raw)
	v, err := r.Value()
	if err != nil {
		return nil
	}
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(buf, v, 10)
	case uint64:
		return strconv.AppendUint(buf, v, 10)
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return append(buf, "null"...)
		}
		return jsonlex.AppendFloat(buf, v)
	}
	return nil
}

func digitsOfJSON(raw, buf []byte) []byte {
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return nil
	}
	s := jsonlex.Scanner{B: raw}
	if _, integer, err := s.Number(); err != nil || integer {
		return raw
	}
	f, _ := jsonlex.Float(raw) // in range: the payload was checked
	return jsonlex.AppendFloat(buf, f)
}
