package qb

import (
	"time"

	"github.com/specstar-worker/worker/resource"
)

// span is a period from an instant on and before another; next is the zero time
// when it has no end.
type span struct{ from, next time.Time }

func (s *span) open() bool { return s.next.IsZero() }

// last is the last instant that can be stored of the period.
func (s *span) last() time.Time { return before(s.next) }

// compare is the comparison of a subject with the period as a whole: below it is
// before it begins, above it is after it ends. It is false for the end of a period
// that has none.
func (s *span) compare(of subject, op Op) (Cond, bool) {
	inside := And{of.leaf(OpGte, s.from)}
	if !s.open() {
		inside = append(inside, of.leaf(OpLte, s.last()))
	}
	switch op {
	case OpEq:
		return simplest(inside), true
	case OpNe:
		return Not(inside), true
	case OpLt, OpGte:
		return of.leaf(op, s.from), true
	}
	return of.leaf(op, s.last()), !s.open()
}

// simplest is the one condition of a conjunction that has no other.
func simplest(all And) Cond {
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// bareTime reads a time without quotes.
func (p *whereParser) bareTime() (whereValue, bool) {
	t := p.advance()
	v, ok := p.moment(t, t.value)
	if !ok {
		p.fail(t, t.shown()+" is no time", timeForms)
	}
	return v, ok
}

// timeForms shows how times are written.
const timeForms = "write 2024-03-01, 2024-03-01T10:00:00Z, today or last 7 days"

// timeHint helps where a time was expected.
func (t token) timeHint(k Kind) string {
	if k == KindTime {
		return timeForms
	}
	return ""
}

// timeCall reads time('…'), time(MICROSECONDS) or naive('…').
func (p *whereParser) timeCall() (whereValue, bool) {
	naive := p.tok.isWord("naive")
	v := whereValue{tok: p.advance()}
	p.need("(")
	at := p.tok
	arg, ok := p.literal(0)
	if !ok {
		return v, false
	}
	p.need(")")
	text, isText := arg.value.(string)
	micros, isNumber := arg.value.(int64)
	switch {
	case naive && isText:
		v.value, ok = parseNaive(text)
	case naive:
		ok = false
	case isText:
		v, ok = p.moment(v.tok, text)
	case isNumber:
		v.value = time.UnixMicro(micros).UTC()
	default:
		v.span, v.value = arg.span, arg.value
		_, instant := arg.value.(time.Time)
		ok = instant || arg.span != nil
	}
	if !ok {
		p.fail(at, at.shown()+" is no time", timeForms)
	}
	return v, ok && p.err == nil
}

// moment reads a time or period that is written as text.
func (p *whereParser) moment(t token, text string) (whereValue, bool) {
	v := whereValue{tok: t}
	zone := p.now.Location()
	for i, layout := range [...]string{"2006-01-02", "2006-01", "2006"} {
		if from, err := time.Parse(layout, text); err == nil {
			y, m, d := from.Date()
			next := [...]time.Time{from.AddDate(0, 0, 1), from.AddDate(0, 1, 0), from.AddDate(1, 0, 0)}[i]
			v.span = &span{from: startOf(y, m, d, zone)}
			y, m, d = next.Date()
			v.span.next = startOf(y, m, d, zone)
			return v, true
		}
	}
	at, ok := parseInstant(text, zone)
	v.value = at
	return v, ok
}

// parseInstant reads a time of day of some date; without a zone of its own it is in
// the given one. Seconds may be left out, and a zone may be off by seconds, as those
// of the 19th century are.
func parseInstant(text string, zone *time.Location) (time.Time, bool) {
	if t, err := resource.ParseTime(text); err == nil {
		if !resource.IsNaive(t) {
			return t, true
		}
		y, m, d := t.Date()
		return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone), true
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05Z07:00:00", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parseNaive reads a time that has no zone and is to have none.
func parseNaive(text string) (time.Time, bool) {
	t, ok := parseInstant(text, resource.Naive)
	return t, ok && resource.IsNaive(t)
}
