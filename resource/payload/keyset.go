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
