package qb

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// WhereOptions are what the meaning of an expression depends on beside its text.
type WhereOptions struct {
	// Now is the instant that calendar words like today are about; the zero time
	// is that of the call.
	Now time.Time
	// Zone is where days begin, and that of times that are written without one;
	// nil is UTC.
	Zone *time.Location
}

// ParseWhere reads a condition in the expression language that the package
// comment describes, as in
//
//	rev_status = 'draft' and data.price > 10
//
// An error is a [*WhereError] and tells the place. Expressions beyond [MaxBytes],
// [MaxDepth], [MaxNodes], [MaxValues] and [MaxPattern] are refused. [Format] is the reverse.
func ParseWhere(text string, o WhereOptions) (Cond, error) {
	if len(text) > MaxBytes {
		return nil, &WhereError{Line: 1, Column: 1, Reason: fmt.Sprintf("the text is longer than %d bytes", MaxBytes)}
	}
	p := newWhereParser("where", text, o)
	c := p.or()
	if p.err == nil && p.tok.kind != tokEnd {
		p.failExpected("and, or, or the end")
	}
	if p.err != nil {
		return nil, p.err
	}
	return c, nil
}

// whereParser reads an expression by recursive descent, one token ahead. After an
// error every token is the end, so callers need not look at err to stop.
type whereParser struct {
	lexer
	tok                  token
	now                  time.Time
	depth, nodes, values int
}

func newWhereParser(what, text string, o WhereOptions) *whereParser {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	p := &whereParser{lexer: lexer{text: text, what: what}, now: o.Now.In(o.Zone)}
	p.advance()
	return p
}

// advance reads the next token and returns the one before.
func (p *whereParser) advance() token {
	last := p.tok
	p.tok = p.next()
	return last
}

// take reads the next token when it is the symbol.
func (p *whereParser) take(symbol string) bool {
	if p.tok.kind != tokSymbol || p.tok.text != symbol {
		return false
	}
	p.advance()
	return true
}

// takeWord reads the next token when it is one of the keywords.
func (p *whereParser) takeWord(words ...string) bool {
	if !p.tok.isWord(words...) {
		return false
	}
	p.advance()
	return true
}

// need reads the symbol, which must come next.
func (p *whereParser) need(symbol string) {
	if !p.take(symbol) {
		p.failExpected(quoted(symbol))
	}
}

// or reads conditions between which is "or".
func (p *whereParser) or() Cond {
	conds := Or{p.and()}
	for p.takeWord("or") {
		conds = append(conds, p.and())
	}
	if len(conds) == 1 {
		return conds[0]
	}
	p.grow(1)
	return conds
}

// and reads conditions between which is "and".
func (p *whereParser) and() Cond {
	conds := And{p.not()}
	for p.takeWord("and") {
		conds = append(conds, p.not())
	}
	if len(conds) == 1 {
		return conds[0]
	}
	p.grow(1)
	return conds
}

// not reads a condition that may be negated.
func (p *whereParser) not() Cond {
	if !p.tok.isWord("not") {
		return p.primary()
	}
	defer p.enter()()
	p.advance()
	var c Cond
	if p.take("(") {
		c = p.closed()
	} else {
		c = p.not()
	}
	negated := negate(c)
	if len(negated) == 1 {
		p.grow(1) // else it takes the place of the conjunction
	}
	return negated
}

// negate negates a conjunction as one, see [Not].
func negate(c Cond) Not {
	if all, ok := c.(And); ok && len(all) > 0 {
		return Not(all)
	}
	return Not{c}
}

// closed reads what is in parentheses, of which the first was read.
func (p *whereParser) closed() Cond {
	c := p.or()
	p.need(")")
	return c
}

// primary reads a condition that no operator parts.
func (p *whereParser) primary() Cond {
	switch {
	case p.tok.kind == tokSymbol && p.tok.text == "(":
		defer p.enter()()
		p.advance()
		return p.closed()
	case p.takeWord("true"):
		p.grow(1)
		return And{}
	case p.takeWord("false"):
		p.grow(1)
		return Or{}
	}
	return p.test()
}

// enter goes one level deeper, and returns the way back.
func (p *whereParser) enter() func() {
	if p.depth++; p.depth > MaxDepth {
		p.fail(p.tok, fmt.Sprintf("nested deeper than %d", MaxDepth), "")
	}
	return func() { p.depth-- }
}

// grow counts n conditions and groups.
func (p *whereParser) grow(n int) {
	if p.nodes += n; p.nodes > MaxNodes {
		p.fail(p.tok, fmt.Sprintf("more than %d conditions", MaxNodes), "")
	}
}

// sized returns c and counts what it is made of.
func (p *whereParser) sized(c Cond) Cond {
	p.grow(nodesOf(c))
	return c
}

// nodesOf is the number of conditions and groups that c is made of.
func nodesOf(c Cond) int {
	n := 1
	switch c := c.(type) {
	case And:
		n += nodesOfAll(c)
	case Or:
		n += nodesOfAll(c)
	case Not:
		n += nodesOfAll(c)
	}
	return n
}

func nodesOfAll(conds []Cond) int {
	n := 0
	for _, c := range conds {
		n += nodesOf(c)
	}
	return n
}

// fail keeps the first error. Its place is that of the token.
func (p *whereParser) fail(t token, reason, hint string) {
	p.failAt(t.pos, reason, hint)
	p.tok = token{pos: len(p.text)}
}

// failExpected is the error for a token that is not what the grammar has there.
func (p *whereParser) failExpected(what string) {
	found := "the text ends here"
	if p.tok.kind != tokEnd {
		found = "here is " + p.tok.shown()
	}
	p.fail(p.tok, what+" is expected, "+found, p.tok.hint())
}

// place returns the line and the column of an offset, both from 1.
func place(text string, offset int) (line, column int) {
	line, start := 1, 0
	for i := range offset {
		if text[i] == '\n' {
			line, start = line+1, i+1
		}
	}
	return line, utf8.RuneCountInString(text[start:offset]) + 1
}
