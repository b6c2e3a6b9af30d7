package payload

import "bytes"

// keySet remembers the keys of one open object: those of jsonReader.keys from
// first on. Most objects are small, so a map is made only for the others.
type keySet struct {
	first int
	many  map[string]struct{}
}

// fewKeys is up to how many keys are compared one by one.
const fewKeys = 12

// addKey reports whether the key is new in the innermost object.
func (r *jsonReader) addKey(s *keySet, key []byte) bool {
	if s.many != nil {
		n := len(s.many)
		s.many[string(key)] = struct{}{}
		return len(s.many) > n
	}
	few := r.keys[s.first:]
	for _, k := range few {
		if bytes.Equal(k, key) {
			return false
		}
	}
	if len(few) < fewKeys {
		r.keys = append(r.keys, key)
		return true
	}
	s.many = make(map[string]struct{}, 2*fewKeys)
	for _, k := range few {
		s.many[string(k)] = struct{}{}
	}
	s.many[string(key)] = struct{}{}
	return true
}

// stable returns the text of the string that was just read from start in bytes
// that stay: the input's own, unless an escape made it shorter.
func (r *jsonReader) stable(start int, text []byte) []byte {
	if raw := r.b[start+1 : r.pos-1]; len(raw) == len(text) {
		return raw
	}
	return bytes.Clone(text)
}
