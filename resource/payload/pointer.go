package payload

import (
	"bytes"
	"strconv"
)

// pointer is a JSON pointer (RFC 6901) whose syntax was checked. It is kept as it
// is written and cut into its steps on the way, so that a long one costs nothing.
// Every pointer has one way to be written: equal bytes are equal pointers.
type pointer []byte

// parsePointer checks the syntax (RFC 6901 §3).
func parsePointer(s []byte) (pointer, error) {
	if len(s) > 0 && s[0] != '/' {
		return nil, refusal("the path does not begin with /")
	}
	for i, c := range s {
		if c == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return nil, refusal("the path has a ~ that is neither ~0 nor ~1")
		}
	}
	return s, nil
}

// next returns the first step of a pointer that is not empty, unescaped, and what
// follows it.
func (p pointer) next() (token []byte, rest pointer) {
	token = p[1:]
	if i := bytes.IndexByte(token, '/'); i >= 0 {
		token, rest = token[:i], pointer(token[i:])
	}
	if bytes.IndexByte(token, '~') >= 0 {
		token = bytes.ReplaceAll(token, []byte("~1"), []byte("/"))
		token = bytes.ReplaceAll(token, []byte("~0"), []byte("~")) // last, so that ~01 is ~1 (RFC 6901 §4)
	}
	return token, rest
}

// depth is the number of steps.
func (p pointer) depth() int { return bytes.Count(p, []byte("/")) }

// below reports whether p leads to a place inside of that of q.
func (p pointer) below(q pointer) bool {
	return len(p) > len(q) && bytes.HasPrefix(p, q) && p[len(q)] == '/'
}

// appendStep appends a key as one more step.
func appendStep(p, key []byte) []byte {
	p = append(p, '/')
	for _, c := range key {
		switch c {
		case '~':
			p = append(p, "~0"...)
		case '/':
			p = append(p, "~1"...)
		default:
			p = append(p, c)
		}
	}
	return p
}

// arrayIndex reads a step as the index of an element: digits without leading
// zeros (RFC 6901 §4). One that is larger than any array is of no use but valid.
func arrayIndex(token []byte) (int, bool) {
	if len(token) == 0 || len(token) > 1 && token[0] == '0' {
		return 0, false
	}
	for _, c := range token {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	if n, err := strconv.Atoi(string(token)); err == nil {
		return n, true
	}
	return maxPatchedBytes, true
}
