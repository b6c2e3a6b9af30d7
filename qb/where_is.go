package qb

// is reads a state of the subject.
func (p *whereParser) is(s subject) Cond {
	negated := p.takeWord("not")
	at := p.tok
	switch {
	case p.takeWord("null"):
		return s.flag(OpIsNull, !negated)
	case p.takeWord("unset", "missing"):
		return s.flag(OpIsNA, !negated)
	case p.startsSpan():
		return negateIf(negated, p.within(s))
	case p.takeWord("empty"):
		return negateIf(negated, p.textState(s, at, s.empty))
	case p.takeWord("blank"):
		return negateIf(negated, p.textState(s, at, s.blank))
	case p.takeWord("truthy"):
		return negateIf(negated, s.truthy())
	case p.takeWord("falsy"):
		return negateIf(!negated, s.truthy())
	case p.takeWord("true"):
		return negateIf(negated, p.truth(s, at, true))
	case p.takeWord("false"):
		return negateIf(negated, p.truth(s, at, false))
	}
	hint := "states are null, unset, missing, empty, blank, true, false, truthy and falsy"
	if p.tok.kind == tokText || p.tok.kind == tokNumber {
		hint = "a value is compared with ="
	}
	p.fail(at, "a state is expected behind is"+p.foundHere(), hint)
	return nil
}

// textState is a state that only texts have.
func (p *whereParser) textState(s subject, at token, state func() Cond) Cond {
	if s.typed() && s.kind() != KindText {
		p.fail(at, s.name+" holds "+holds[s.kind()]+", only a text is "+at.text, "write is null")
		return nil
	}
	return state()
}

func (p *whereParser) truth(s subject, at token, v bool) Cond {
	if s.typed() && s.kind() != KindFlag {
		p.fail(at, s.name+" holds "+holds[s.kind()], "")
		return nil
	}
	return s.leaf(OpEq, v)
}

// empty is true of the empty text and of null.
func (s subject) empty() Cond { return Or{s.leaf(OpEq, ""), s.flag(OpIsNull, true)} }

// blank is true of a text of white space only, and of null.
func (s subject) blank() Cond { return append(s.empty().(Or), s.matches(blank)) }

// truthy is true where there is a value other than false, 0, an empty text and an
// empty list.
func (s subject) truthy() Cond {
	given := s.flag(OpIsNull, false)
	if !s.typed() {
		return And{given, s.leaf(OpNe, false), s.leaf(OpNe, int64(0)), s.leaf(OpNe, ""), s.leaf(OpNe, []any{})}
	}
	switch s.kind() {
	case KindText:
		return And{given, s.leaf(OpNe, "")}
	case KindNumber:
		return And{given, s.leaf(OpNe, int64(0))}
	case KindFlag:
		return s.leaf(OpEq, true)
	}
	return given
}
