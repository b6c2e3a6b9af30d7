package qb

import (
	"math"
	"time"

	"github.com/specstar-worker/worker/resource/payload"
)

// whereValue is a value of the language.
type whereValue struct {
	tok   token // its first
	value any
	span  *span // a period instead of a value
}

// described says of what type the operand is.
func (v whereValue) described() string {
	what := "something else"
	switch v.value.(type) {
	case nil:
		what = "null"
		if v.span != nil {
			what = "a period"
		}
	case bool:
		what = "a truth value"
	case int64, uint64, float64:
		what = "a number"
	case string:
		what = "a text"
	case time.Time:
		what = "a time"
	case []any:
		what = "a list"
	case map[string]any:
		what = "a map"
	}
	return v.tok.shown() + " is " + what
}

// holds says what the attributes of a kind hold.
var holds = [...]string{KindText: "text", KindNumber: "whole numbers", KindFlag: "true or false", KindTime: "times"}

// operand reads a value that the subject is compared with.
func (p *whereParser) operand(s subject) (whereValue, bool) {
	v, ok := p.literal(0)
	if !ok {
		return v, false
	}
	if v.value == nil && v.span == nil {
		p.fail(v.tok, "nothing equals null", "write "+s.name+" is null, or is not null")
		return v, false
	}
	if s.attr == "" && !s.data.length {
		return v, true
	}
	if x, ok := p.ofKind(s, v); ok {
		return x, true
	}
	holding := s.name + " holds " + holds[s.kind()]
	if s.data.length {
		holding = s.name + " is a number"
	}
	p.fail(v.tok, holding+", "+v.described(), v.tok.timeHint(s.kind()))
	return v, false
}

// ofKind returns the operand in the type of the subject, false when it is of another.
func (p *whereParser) ofKind(s subject, v whereValue) (whereValue, bool) {
	_, incomparable := v.value.(struct{})
	switch s.kind() {
	case KindText:
		_, ok := v.value.(string)
		return v, ok
	case KindFlag:
		_, ok := v.value.(bool)
		return v, ok
	case KindNumber:
		if s.data.length {
			return v, incomparable || rankOf(v.value) == rankOf(int64(0))
		}
		n, ok := wholeNumber(v.value)
		v.value = n
		return v, ok
	case KindTime:
		if text, ok := v.value.(string); ok {
			return p.moment(v.tok, text)
		}
		_, ok := v.value.(time.Time)
		return v, ok || v.span != nil
	}
	return v, false
}

// wholeNumber returns a number as an attribute holds it.
func wholeNumber(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case float64:
		return int64(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
	}
	return 0, false
}

// operands reads a list of values in parentheses or brackets.
func (p *whereParser) operands(s subject) ([]whereValue, bool) {
	end := ")"
	if p.take("[") {
		end = "]"
	} else {
		p.need("(")
	}
	var list []whereValue
	for p.err == nil && !p.take(end) {
		if len(list) > 0 {
			p.comma(end)
		}
		v, ok := p.operand(s)
		if !ok {
			return nil, false
		}
		if p.values++; p.values > MaxValues {
			p.fail(v.tok, "more than 10000 values", "")
			return nil, false
		}
		list = append(list, v)
	}
	return list, p.err == nil
}

// literal reads a value of any type. depth counts the lists and maps around.
func (p *whereParser) literal(depth int) (whereValue, bool) {
	if depth > payload.MaxDepth {
		p.fail(p.tok, "nested too deep", "")
		return whereValue{}, false
	}
	v := whereValue{tok: p.tok}
	switch {
	case p.tok.kind == tokText:
		v.value = p.advance().value
	case p.tok.kind == tokNumber:
		v.value = p.number()
	case p.tok.kind == tokTime:
		return p.bareTime()
	case p.startsSpan():
		return p.span()
	case p.tok.kind == tokName:
		return p.named()
	case p.take("["):
		v.value = p.list(depth + 1)
	case p.take("{"):
		v.value = p.dict(depth + 1)
	case p.tok.kind == tokSymbol && p.tok.isSign():
		v.value = p.infinity()
	default:
		p.failExpected("a value")
	}
	return v, p.err == nil
}

func (t token) isSign() bool { return t.text == "+" || t.text == "-" }

// number reads a number and keeps its lexical kind.
func (p *whereParser) number() any {
	t := p.tok
	n, err := dataNumber("", t.text)
	if err != nil {
		p.fail(t, "the number "+t.shown()+" is out of range", "")
		return nil
	}
	p.advance()
	return n
}

func (p *whereParser) infinity() any {
	sign := 1
	if p.advance().text == "-" {
		sign = -1
	}
	if !p.takeWord("inf") {
		p.failExpected("a number")
	}
	return math.Inf(sign)
}

// named reads a value that is a word.
func (p *whereParser) named() (whereValue, bool) {
	v := whereValue{tok: p.tok}
	switch {
	case p.takeWord("null"):
	case p.takeWord("true"):
		v.value = true
	case p.takeWord("false"):
		v.value = false
	case p.takeWord("nan"):
		v.value = math.NaN()
	case p.takeWord("inf"):
		v.value = math.Inf(1)
	case p.takeWord("incomparable"):
		v.value = struct{}{}
	case p.takeWord("now"):
		v.value = p.now
	case p.tok.isWord("time"), p.tok.isWord("naive"):
		return p.timeCall()
	case Attr(p.tok.text).Kind() != KindNone:
		p.fail(p.tok, "a value is expected, "+p.tok.text+" is an attribute", "a text is written in quotes: '"+p.tok.text+"'")
	case p.tok.isWord(keywords...):
		p.failExpected("a value")
	default:
		p.fail(p.tok, "a value is expected, here is "+p.tok.shown(), "a text is written in quotes: '"+cutRight(p.tok.text)+"'")
	}
	return v, p.err == nil
}
