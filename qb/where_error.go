package qb

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// WhereError says what is wrong with an expression, and where.
type WhereError struct {
	// Line and Column are the place, both from 1; a column is a character.
	Line, Column int
	// Offset is the place in bytes from the beginning of the text.
	Offset int
	// Reason is what is wrong there.
	Reason string
	// Hint is what to write instead; it may be empty.
	Hint string

	what string // where or sort
	text string
}

// Error is one line: the place, the reason and the hint.
func (e *WhereError) Error() string {
	var b strings.Builder
	b.WriteString(e.what)
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(e.Explain())
	return b.String()
}

// Explain is [WhereError.Error] without the name of the language.
func (e *WhereError) Explain() string {
	at := fmt.Sprintf("column %d", e.Column)
	if e.Line > 1 {
		at = fmt.Sprintf("line %d, %s", e.Line, at)
	}
	if e.Hint == "" {
		return at + ": " + e.Reason
	}
	return at + ": " + e.Reason + "; " + e.Hint
}

// shownRunes is how much of a line is shown on either side of a place.
const shownRunes = 60

// Caret shows the place: the line of the text, or what of it is near, and below a
// line with ^ under the place. Control characters are shown as spaces.
func (e *WhereError) Caret() string {
	start := strings.LastIndexByte(e.text[:e.Offset], '\n') + 1
	before := cutLeft(e.text[start:e.Offset])
	after, _, _ := strings.Cut(e.text[e.Offset:], "\n")
	return blankControls(before+cutRight(after)) + "\n" + strings.Repeat(" ", width(before)) + "^"
}

// cutLeft returns the end of a text, cutRight its beginning.
func cutLeft(s string) string {
	runes := []rune(s)
	if len(runes) <= shownRunes {
		return s
	}
	return "…" + string(runes[len(runes)-shownRunes:])
}

func cutRight(s string) string {
	n := 0
	for i := range s {
		if n++; n > shownRunes {
			return s[:i] + "…"
		}
	}
	return s
}

func blankControls(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// width is how many columns of a terminal a text takes.
func width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case isWide(r):
			n += 2
		default:
			n++
		}
	}
	return n
}

// isWide reports whether a terminal gives the character two columns.
func isWide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		r >= 0x3000 && r <= 0x303f || r >= 0xff01 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1faff
}

// failAt keeps the first error of a lexer and ends the text there.
func (l *lexer) failAt(offset int, reason, hint string) {
	if l.err != nil {
		return
	}
	e := &WhereError{Offset: offset, Reason: reason, Hint: hint, what: l.what, text: l.text}
	e.Line, e.Column = place(l.text, offset)
	l.err = e
	l.pos = len(l.text)
}

// quoted shows a text in an error, shortened.
func quoted(s string) string {
	if utf8.RuneCountInString(s) > shownRunes {
		s = string([]rune(s)[:shownRunes]) + "…"
	}
	return "'" + blankControls(s) + "'"
}
