package qb

import "fmt"

// ParseOrder reads an order: keys with commas between them, each an attribute or
// indexed data as [ParseWhere] has it, behind - when it sorts downwards.
//
//	-rev_created_time, data.price, data["any key"]
//
// An error is a [*WhereError].
func ParseOrder(text string) ([]Sort, error) {
	p := newWhereParser("sort", text, WhereOptions{})
	var sorts []Sort
	for p.err == nil {
		sorts = append(sorts, p.sortKey())
		if len(sorts) > MaxNodes {
			p.fail(p.tok, fmt.Sprintf("more than %d sorts", MaxNodes), "")
		}
		if p.tok.kind == tokEnd {
			break
		}
		p.need(",")
	}
	if p.err != nil {
		return nil, p.err
	}
	return sorts, nil
}

// sortKey reads one key with its direction.
func (p *whereParser) sortKey() Sort {
	desc := p.take("-")
	if !desc {
		p.take("+")
	}
	at := p.tok
	if at.kind == tokEnd {
		p.failExpected("a name")
		return Sort{}
	}
	s, ok := p.subject()
	switch {
	case !ok:
	case s.data.length:
		p.fail(at, "a length is no sort key", "")
	case s.attr == "":
		return Sort{path: s.data.path, desc: desc}
	}
	return Sort{attr: s.attr, desc: desc}
}

// FormatOrder prints an order as [ParseOrder] reads it.
func FormatOrder(sorts []Sort) string {
	var f formatter
	for i, s := range sorts {
		if i > 0 {
			f.add(", ")
		}
		if s.desc {
			f.add("-")
		}
		if s.attr == "" {
			f.add(dataName(DataField{path: s.path}))
		} else {
			f.add(string(s.attr))
		}
	}
	return f.String()
}
