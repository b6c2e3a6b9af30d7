package qb

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// pythonText is Python's str, which the original applies to both sides of the
// comparisons of texts.
func pythonText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float64:
		return pythonFloat(v)
	case time.Time:
		return timeText(v) // as it is in indexed data, not Python's
	case []any:
		return "[" + joinRepr(slices.Values(v), pythonRepr) + "]"
	case map[string]any:
		keys := slices.Values(slices.Sorted(maps.Keys(v)))
		return "{" + joinRepr(keys, func(k string) string {
			return pythonRepr(k) + ": " + pythonRepr(v[k])
		}) + "}"
	}
	return fmt.Sprint(v)
}

func joinRepr[T any](items func(func(T) bool), repr func(T) string) string {
	var parts []string
	for item := range items {
		parts = append(parts, repr(item))
	}
	return strings.Join(parts, ", ")
}

// pythonFloat is the shortest text that reads back equal; an exponent is used
// below 1e-4 and from 1e16 on, with at least two digits.
func pythonFloat(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 0):
		return strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'f', -1, 64), "+"))
	case size != 0 && (size < 1e-4 || size >= 1e16):
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// pythonRepr is Python's repr, the form of elements in the text of a list.
func pythonRepr(v any) string {
	s, ok := v.(string)
	if !ok {
		return pythonText(v)
	}
	quote := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	var b strings.Builder
	b.WriteRune(quote)
	for _, r := range s {
		b.WriteString(reprRune(r, quote))
	}
	b.WriteRune(quote)
	return b.String()
}

func reprRune(r, quote rune) string {
	switch {
	case r == quote || r == '\\':
		return `\` + string(r)
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case unicode.IsPrint(r):
		return string(r)
	case r < 0x100:
		return fmt.Sprintf(`\x%02x`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\U%08x`, r)
}
