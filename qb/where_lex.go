package qb

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind int

const (
	tokEnd    tokenKind = iota
	tokName             // a keyword or an attribute, dots included
	tokPath             // data.price; value is the path
	tokText             // value is what the quotes hold
	tokNumber           // -1.5e3
	tokTime             // 2024-03-01T10:00:00Z without quotes
	tokSymbol           // text is one of symbols
)

// token is a word of the language.
type token struct {
	kind  tokenKind
	pos   int    // of the first byte
	text  string // as written
	value string
}

// isWord reports whether the token is one of the keywords, in any case.
func (t token) isWord(words ...string) bool {
	return t.kind == tokName && slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, t.text) })
}

// shown is the token in an error.
func (t token) shown() string {
	if t.kind == tokText {
		return quoted(t.value)
	}
	return blankControls(cutRight(t.text))
}

// hint tells those used to another language how a symbol is written here.
func (t token) hint() string {
	if t.kind != tokSymbol {
		return ""
	}
	return foreign[t.text]
}

// symbols are tried in this order; foreign ones are read only to be refused.
var symbols = []string{
	"==", "!=", "<>", "<=", ">=", "&&", "||", "=~", "=", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", "!", "&", "|", "~", "%", "+", "-", ";",
}

var foreign = map[string]string{
	"&&": "write and", "||": "write or", "!": "write not", "&": "write and", "|": "write or", "=~": "write matches",
	"~": "write not, or matches",
}

// lexer cuts a text into tokens.
type lexer struct {
	text string
	what string // the language, for errors
	pos  int
	err  error
}

// next reads the next token; after an error that is the end.
func (l *lexer) next() token {
	for l.pos < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		if !unicode.IsSpace(r) {
			break
		}
		l.pos += size
	}
	t := token{pos: l.pos}
	if l.pos == len(l.text) {
		return t
	}
	l.read(&t)
	if l.err != nil {
		return token{pos: t.pos}
	}
	t.text = l.text[t.pos:l.pos]
	return t
}

func (l *lexer) read(t *token) {
	rest := l.text[l.pos:]
	r, _ := utf8.DecodeRuneInString(rest)
	switch {
	case r == '\'' || r == '"':
		t.kind, t.value = tokText, l.quoted()
	case r == 'r' && len(rest) > 1 && (rest[1] == '\'' || rest[1] == '"'):
		l.pos++
		t.kind, t.value = tokText, l.raw()
	case isNameStart(r):
		l.name(t)
	case startsNumber(rest):
		l.number(t)
	default:
		l.symbol(t)
	}
}

func (l *lexer) symbol(t *token) {
	for _, s := range symbols {
		if strings.HasPrefix(l.text[l.pos:], s) {
			t.kind = tokSymbol
			l.pos += len(s)
			return
		}
	}
	r, _ := utf8.DecodeRuneInString(l.text[l.pos:])
	if r == utf8.RuneError {
		l.failAt(l.pos, "the text is not UTF-8 here", "")
		return
	}
	l.failAt(l.pos, quoted(string(r))+" has no meaning here", "")
}

func isNameStart(r rune) bool { return r == '_' || unicode.IsLetter(r) }

// isPathRune reports whether a key of indexed data with such characters is written
// without brackets; dots may part them.
func isPathRune(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r)
}

// name reads a name, with dots and what follows them; after data. it is a path.
func (l *lexer) name(t *token) {
	t.kind = tokName
	l.skip(func(r rune) bool { return isPathRune(r) && r != '-' })
	if l.text[t.pos:l.pos] == "data" && strings.HasPrefix(l.text[l.pos:], ".") {
		t.kind = tokPath
	}
	for strings.HasPrefix(l.text[l.pos:], ".") {
		start := l.pos
		l.pos++
		if l.skip(isPathRune) == 0 {
			l.failAt(start, "a name is expected behind the dot", `any key can be written data["…"]`)
			return
		}
	}
	if t.kind == tokPath {
		t.value = l.text[t.pos+len("data.") : l.pos]
	}
}

// skip reads characters while they are as asked, and returns their length.
func (l *lexer) skip(is func(rune) bool) int {
	rest := l.text[l.pos:]
	n := strings.IndexFunc(rest, func(r rune) bool { return !is(r) })
	if n < 0 {
		n = len(rest)
	}
	l.pos += n
	return n
}

// isPlainPath reports whether data.PATH can be written without brackets.
func isPlainPath(path string) bool {
	if !utf8.ValidString(path) {
		return false
	}
	for part := range strings.SplitSeq(path, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return !isPathRune(r) }) {
			return false
		}
	}
	return true
}
