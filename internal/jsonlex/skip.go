package jsonlex

// Skip steps over one value, whose containers may be nested depth deep.
func (s *Scanner) Skip(depth int) error {
	var open []byte // the closing brackets of the open containers
	for {
		done, err := s.skipOne(&open, depth)
		for err == nil && done {
			if len(open) == 0 {
				return nil
			}
			end := open[len(open)-1]
			if done, err = s.Next(end); err != nil {
				return err
			}
			if done {
				open = open[:len(open)-1]
				continue
			}
			if end == '}' {
				err = s.skipKey()
			}
		}
		if err != nil {
			return err
		}
	}
}

// skipOne steps over a scalar or an empty container, or into a container, and
// reports whether a value ended.
func (s *Scanner) skipOne(open *[]byte, depth int) (bool, error) {
	switch c := s.Peek(); c {
	case '{', '[':
		if len(*open) == depth {
			return false, s.Fail("nested too deep")
		}
		s.Pos++
		end := c + 2 // both brackets are two apart in ASCII
		if s.Closes(end) {
			return true, nil
		}
		*open = append(*open, end)
		if end == '}' {
			return false, s.skipKey()
		}
		return false, nil
	default:
		return true, s.skipScalar(c)
	}
}

func (s *Scanner) skipKey() error {
	if _, _, err := s.Key(); err != nil {
		return err
	}
	return s.Colon()
}

func (s *Scanner) skipScalar(c byte) error {
	switch {
	case c == '"':
		_, err := s.Str()
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, _, err := s.Number()
		return err
	case s.Take("null"), s.Take("true"), s.Take("false"):
		return nil
	case s.Pos >= len(s.B):
		return s.Fail("the text ends where a value is expected")
	}
	return s.Failf("%q does not begin a value", s.B[s.Pos])
}
