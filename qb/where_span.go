package qb

import (
	"strconv"
	"time"
)

// startsSpan reports whether the next token begins a calendar word.
func (p *whereParser) startsSpan() bool {
	return p.tok.isWord("today", "yesterday", "tomorrow", "this", "last")
}

// span reads a calendar word.
func (p *whereParser) span() (whereValue, bool) {
	v := whereValue{tok: p.tok}
	switch {
	case p.takeWord("today"):
		v.span = p.days(0)
	case p.takeWord("yesterday"):
		v.span = p.days(-1)
	case p.takeWord("tomorrow"):
		v.span = p.days(1)
	case p.takeWord("this"):
		v.span = p.calendar(0)
	case p.takeWord("last"):
		if p.tok.kind == tokNumber {
			v.span = p.recent()
		} else {
			v.span = p.calendar(-1)
		}
	}
	return v, v.span != nil && p.err == nil
}

// days is the day that is shift days off that of now.
func (p *whereParser) days(shift int) *span {
	return &span{dayStart(p.now, shift), dayStart(p.now, shift+1)}
}

// calendar reads a unit and returns that of now, or one that is shift off.
func (p *whereParser) calendar(shift int) *span {
	y, m, _ := p.now.Date()
	zone := p.now.Location()
	switch {
	case p.takeWord("week"):
		monday := 7*shift - (int(p.now.Weekday())+6)%7
		return &span{dayStart(p.now, monday), dayStart(p.now, monday+7)}
	case p.takeWord("month"):
		m += time.Month(shift)
		return &span{startOf(y, m, 1, zone), startOf(y, m+1, 1, zone)}
	case p.takeWord("year"):
		y += shift
		return &span{startOf(y, 1, 1, zone), startOf(y+1, 1, 1, zone)}
	}
	p.failExpected("week, month or year")
	return nil
}

// maxRecent bounds the number of "last N days".
const maxRecent = 1_000_000

// recent reads a number of days, hours or minutes. Days begin at midnight, that of
// now is the last; the period has no end.
func (p *whereParser) recent() *span {
	t := p.advance()
	n, err := strconv.Atoi(t.text)
	if err != nil || n < 1 || n > maxRecent {
		p.fail(t, "a whole number from 1 to 1000000 is expected, here is "+t.shown(), "")
		return nil
	}
	switch {
	case p.takeWord("day", "days"):
		return &span{from: dayStart(p.now, 1-n)}
	case p.takeWord("hour", "hours"):
		return &span{from: p.now.Add(-time.Duration(n) * time.Hour)}
	case p.takeWord("minute", "minutes"):
		return &span{from: p.now.Add(-time.Duration(n) * time.Minute)}
	}
	p.failExpected("days, hours or minutes")
	return nil
}
