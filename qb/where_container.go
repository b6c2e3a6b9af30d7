package qb

// list reads the elements of a list, whose bracket was read.
func (p *whereParser) list(depth int) []any {
	out := []any{}
	for p.err == nil && !p.take("]") {
		if len(out) > 0 {
			p.comma("]")
		}
		v, _ := p.element(depth)
		out = append(out, v)
	}
	return out
}

// dict reads the members of a map, whose brace was read.
func (p *whereParser) dict(depth int) map[string]any {
	out := map[string]any{}
	for first := true; p.err == nil && !p.take("}"); first = false {
		if !first {
			p.comma("}")
		}
		key := p.tok
		switch key.kind {
		case tokText:
			p.advance()
		case tokName:
			key.value = p.advance().text
		default:
			p.failExpected("a key")
		}
		if _, repeated := out[key.value]; repeated {
			p.fail(key, "the key "+quoted(key.value)+" is repeated", "")
		}
		p.need(":")
		out[key.value], _ = p.element(depth)
	}
	return out
}

// element reads a value in a list or map.
func (p *whereParser) element(depth int) (any, bool) {
	v, ok := p.literal(depth)
	if v.span != nil {
		p.fail(v.tok, "a value is expected, here is a period", "write time('…') with a time of day")
	}
	return v.value, ok
}

// comma reads what is between two values, where the end may be as well.
func (p *whereParser) comma(end string) {
	if !p.take(",") {
		p.failExpected(quoted(",") + " or " + quoted(end))
	}
}
