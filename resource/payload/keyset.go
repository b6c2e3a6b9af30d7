package payload

// keySet remembers the keys of one object. Most objects are small, so a map is
// made only for the others.
type keySet struct {
	few  []string
	many map[string]struct{}
}

// fewKeys is up to how many keys are compared one by one.
const fewKeys = 12

// add reports whether the key is new.
func (s *keySet) add(key []byte) bool {
	if s.many != nil {
		if _, ok := s.many[string(key)]; ok {
			return false
		}
		s.many[string(key)] = struct{}{}
		return true
	}
	for _, k := range s.few {
		if k == string(key) {
			return false
		}
	}
	s.few = append(s.few, string(key))
	if len(s.few) > fewKeys {
		s.many = make(map[string]struct{}, 2*fewKeys)
		for _, k := range s.few {
			s.many[k] = struct{}{}
		}
	}
	return true
}
