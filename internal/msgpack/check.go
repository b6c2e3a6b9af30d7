package msgpack

// Check reads over a value that [Reader.Value] would accept and reports whether
// its bytes are canonical: smallest forms everywhere, map keys ascending by
// byte and without repetition, timestamps in whole microseconds.
func (r *Reader[B]) Check() (canonical bool, err error) {
	budget := MaxValues
	return r.check(0, &budget)
}

func (r *Reader[B]) check(depth int, budget *int) (bool, error) {
	start := r.off
	t, err := r.token()
	if err != nil {
		return false, err
	}
	if *budget--; *budget < 0 {
		return false, r.fail(start, "more than %d values", MaxValues)
	}
	switch t.kind {
	case kindStr:
		_, err := r.text(start, t)
		return t.smallest, err
	case kindBin:
		r.off += int(t.n)
	case kindExt:
		return r.checkTimestamp(start, t)
	case kindArray, kindMap:
		if depth >= MaxDepth {
			return false, r.fail(start, "nested deeper than %d", MaxDepth)
		}
		ok, err := r.checkElements(t, depth+1, budget)
		return ok && t.smallest, err
	}
	return t.smallest, nil
}

func (r *Reader[B]) checkTimestamp(start int, t token) (bool, error) {
	at, err := r.timestamp(start, t)
	if err != nil {
		return false, err
	}
	var buf [15]byte
	return string(AppendTime(buf[:0], at)) == string(r.Since(start)), nil
}

func (r *Reader[B]) checkElements(t token, depth int, budget *int) (bool, error) {
	canonical := true
	var last B
	for i := range t.n {
		if t.kind == kindMap {
			if *budget--; *budget < 0 {
				return false, r.fail(r.off, "more than %d values", MaxValues)
			}
			start := r.off
			head, err := r.expect(kindStr)
			if err != nil {
				return false, err
			}
			key, err := r.text(start, head)
			if err != nil {
				return false, err
			}
			canonical = canonical && head.smallest && (i == 0 || string(last) < string(key))
			last = key
		}
		ok, err := r.check(depth, budget)
		if err != nil {
			return false, err
		}
		canonical = canonical && ok
	}
	return canonical, nil
}
