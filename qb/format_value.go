package qb

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/specstar-worker/worker/resource"
)

// value prints an operand.
func (f *formatter) value(v any) {
	switch v := v.(type) {
	case nil:
		f.add("null")
	case bool:
		f.add(strconv.FormatBool(v))
	case int64:
		f.add(strconv.FormatInt(v, 10))
	case uint64:
		f.add(strconv.FormatUint(v, 10))
	case float64:
		f.add(formatFloat(v))
	case string:
		f.add(quote(v))
	case []byte:
		f.add(quote(base64.StdEncoding.EncodeToString(v))) // as indexed data is seen
	case time.Time:
		f.add(formatTime(v))
	case []any:
		f.values("[", v, "]")
	case map[string]any:
		f.members(v)
	default:
		f.add("incomparable")
	}
}

func (f *formatter) values(begin string, list []any, end string) {
	f.add(begin)
	for i, v := range list {
		if i > 0 {
			f.add(", ")
		}
		f.value(v)
	}
	f.add(end)
}

func (f *formatter) members(m map[string]any) {
	f.add("{")
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i > 0 {
			f.add(", ")
		}
		f.add(quote(k), ": ")
		f.value(m[k])
	}
	f.add("}")
}

// formatFloat prints a float so that it is not read as an integer.
func formatFloat(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+"))
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}

// formatTime prints a time in microseconds, which is what is compared, with its zone.
// One that no text of the language has, as in the year 10000, is printed as a number.
func formatTime(t time.Time) string {
	text := string(resource.AppendTime(nil, t))
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return fmt.Sprintf("time(%d)", t.UnixMicro())
	}
	if resource.IsNaive(t) {
		if at, ok := parseNaive(text); ok && at.UnixMicro() == t.UnixMicro() {
			return "naive('" + text + "')"
		}
	}
	for _, s := range [...]string{text, t.Format("2006-01-02T15:04:05.999999Z07:00:00")} {
		if at, ok := parseInstant(s, time.UTC); ok && at.UnixMicro() == t.UnixMicro() && timeLength(s) == len(s) {
			return s
		}
	}
	return fmt.Sprintf("time(%d)", t.UnixMicro())
}

// quote prints a text in quotes, with escapes for what a terminal would not show.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\'':
			b.WriteString("''")
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
		s = s[size:]
	}
	b.WriteByte('\'')
	return b.String()
}

// pattern prints a regular expression, without escapes where that can be read.
func (f *formatter) pattern(p string) {
	if !strings.Contains(p, `\`) || strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) }) {
		f.add(quote(p))
		return
	}
	f.add("r'", strings.ReplaceAll(p, "'", "''"), "'")
}

// patternOf is the text of a pattern; no pattern has none.
func patternOf(re *regexp.Regexp) string {
	if re == nil {
		return ""
	}
	return re.String()
}
