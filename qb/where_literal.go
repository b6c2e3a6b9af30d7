package qb

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// startsNumber reports whether a text begins with a number, or a sign before one.
func startsNumber(s string) bool {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		s = s[1:]
	}
	return digits(s) > 0
}

// digits is how many digits a text begins with.
func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}

// numberLength is how long the number is that a text begins with.
func numberLength(s string) int {
	n := 0
	if s[0] == '+' || s[0] == '-' {
		n++
	}
	n += digits(s[n:])
	if fraction := s[n:]; strings.HasPrefix(fraction, ".") && digits(fraction[1:]) > 0 {
		n += 1 + digits(fraction[1:])
	}
	if exponent := s[n:]; exponent != "" && (exponent[0] == 'e' || exponent[0] == 'E') && startsNumber(exponent[1:]) {
		n += 2 + digits(exponent[2:])
	}
	return n
}

// timeLength is how long the time without quotes is that a text begins with, 0 when
// it begins with none.
func timeLength(s string) int {
	if digits(s) != 4 || len(s) < 7 || s[4] != '-' || digits(s[5:7]) != 2 {
		return 0
	}
	n := strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > ':') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '.' && r != '+' && r != '-'
	})
	if n < 0 {
		n = len(s)
	}
	return n
}

// number reads a number, or a time without quotes.
func (l *lexer) number(t *token) {
	rest := l.text[l.pos:]
	if n := timeLength(rest); n > 0 {
		t.kind, t.value = tokTime, rest[:n]
		l.pos += n
		return
	}
	t.kind = tokNumber
	l.pos += numberLength(rest)
	if l.skip(func(r rune) bool { return r == '.' || isPathRune(r) }) > 0 {
		l.failAt(t.pos, cutRight(l.text[t.pos:l.pos])+" is no number", "a text is written in quotes")
	}
}

// raw reads a text without escapes, from its quote on. The quote itself is doubled.
func (l *lexer) raw() string {
	quote := l.text[l.pos]
	start := l.pos
	var b strings.Builder
	for l.pos++; l.pos < len(l.text); l.pos++ {
		if l.text[l.pos] != quote {
			b.WriteByte(l.text[l.pos])
			continue
		}
		if l.pos++; l.pos == len(l.text) || l.text[l.pos] != quote {
			l.valid(start, l.text[start:l.pos])
			return b.String()
		}
		b.WriteByte(quote)
	}
	l.failAt(start, "the text has no closing "+string(quote), "")
	return ""
}

// quoted reads a text with escapes, from its quote on. The quote itself is doubled
// or escaped.
func (l *lexer) quoted() string {
	start, quote := l.pos, l.text[l.pos:l.pos+1]
	l.pos++
	var b strings.Builder
	for l.err == nil {
		rest := l.text[l.pos:]
		n := strings.IndexAny(rest, quote+`\`)
		if n < 0 {
			l.failAt(start, "the text has no closing "+quote, "")
			break
		}
		b.WriteString(l.valid(l.pos, rest[:n]))
		switch rest = rest[n:]; {
		case l.err != nil:
		case rest[0] == '\\':
			l.pos += n
			l.escape(&b)
		case strings.HasPrefix(rest, quote+quote):
			l.pos += n + 2
			b.WriteString(quote)
		default:
			l.pos += n + 1
			return b.String()
		}
	}
	return ""
}

// valid refuses text that is no UTF-8.
func (l *lexer) valid(offset int, s string) string {
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			l.failAt(offset+i, "the text is not UTF-8 here", `a byte is written \xff`)
			return ""
		}
	}
	return s
}

// plainEscapes are the escapes of one character.
var plainEscapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '\'': '\'', '"': '"'}

var (
	byteEscape = regexp.MustCompile(`^\\x([0-9a-fA-F]{2})`)
	runeEscape = regexp.MustCompile(`^\\u(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]{1,6})\})`)
)

// escape reads an escape, from its backslash on.
func (l *lexer) escape(b *strings.Builder) {
	rest := l.text[l.pos:]
	rest = rest[:min(len(rest), len(`\u{10ffff}`))]
	if len(rest) > 1 {
		if c, ok := plainEscapes[rest[1]]; ok {
			b.WriteByte(c)
			l.pos += 2
			return
		}
	}
	if m := byteEscape.FindStringSubmatch(rest); m != nil {
		n, _ := strconv.ParseUint(m[1], 16, 8)
		b.WriteByte(byte(n))
		l.pos += len(m[0])
		return
	}
	if m := runeEscape.FindStringSubmatch(rest); m != nil {
		n, _ := strconv.ParseUint(m[1]+m[2], 16, 32)
		if r := rune(n); utf8.ValidRune(r) {
			b.WriteRune(r)
			l.pos += len(m[0])
			return
		}
	}
	l.failAt(l.pos, blankControls(firstRunes(rest, 2))+" is no escape",
		`a backslash is written \\, and in r'…' there are no escapes`)
}

// firstRunes is the beginning of a text.
func firstRunes(s string, n int) string {
	runes := []rune(s[:min(len(s), n*utf8.UTFMax)])
	return string(runes[:min(n, len(runes))])
}
