package sqlgen

import (
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/qb"
)

// KeySQL is the expression by which SQLite orders and compares the values at a path, see
// [PathLiteral]: NULL where it is missing or null, numbers and booleans as numbers, texts,
// and BLOBs behind all texts for lists and maps.
func KeySQL(literal string) string {
	return `(CASE json_type(indexed_data, ` + literal + `) WHEN 'array' THEN x'00' WHEN 'object' THEN x'01' ELSE indexed_data ->> ` + literal + ` END)`
}

// liteValue is a value of a column of JSON text.
type liteValue struct {
	c  *compiler
	at string
}

func (v liteValue) key() string { return KeySQL(v.at) }

func (v liteValue) json() string { return `(indexed_data -> ` + v.at + `)` }

func (v liteValue) kind() string { return `json_type(indexed_data, ` + v.at + `)` }

func (v liteValue) missing() string { return v.kind() + " IS NULL" }

func (v liteValue) is(kind string) string { return v.kind() + " = '" + kind + "'" }

func (v liteValue) null() string { return v.is("null") }

func (v liteValue) na() string { return isNull(v.key(), true) }

func (v liteValue) some() string { return isNull(v.key(), false) }

func (v liteValue) isText() string { return v.is("text") }

func (v liteValue) isList() string { return v.is("array") }

func (v liteValue) isMap() string { return v.is("object") }

func (v liteValue) isBool(b bool) string { return v.is(fmt.Sprintf("%t", b)) }

// isNumber spells that numbers come before texts.
func (v liteValue) isNumber() string { return v.key() + " < ''" }

// isPlain takes integers as they are written. Floats are written as in Python from 0.0001
// to 10^16.
func (v liteValue) isPlain() string {
	return or(v.is("integer"), and(v.is("real"), "(abs("+v.key()+") >= 0.0001 AND abs("+v.key()+") < 1e16 OR "+v.json()+" IN ('0.0', '-0.0'))"))
}

func (v liteValue) isOther() string {
	return and(v.is("real"), "(abs("+v.key()+") < 0.0001 OR abs("+v.key()+") >= 1e16)", v.json()+" NOT IN ('0.0', '-0.0')")
}

func (v liteValue) isWhole() string { return "typeof(" + v.key() + ") = 'integer'" }

func (v liteValue) keys() string {
	return "(SELECT count(*) FROM json_each(indexed_data, " + v.at + "))"
}

func (v liteValue) sized(k kind, n int) string {
	if k == list {
		return and(v.isList(), "json_array_length(indexed_data, "+v.at+") = "+v.c.arg(int64(n)))
	}
	return and(v.isMap(), v.keys()+" = "+v.c.arg(int64(n)))
}

func (v liteValue) length() string {
	return "(CASE " + v.kind() + " WHEN 'text' THEN " + liteLength(v.json(), v.key()) +
		" WHEN 'array' THEN json_array_length(indexed_data, " + v.at + ") WHEN 'object' THEN " + v.keys() + " END)"
}

// liteLength is the length of a text that is given as JSON, too. SQLite's length ends at a
// NUL, so a letter is put for each, and for each escaped backslash before, so that what is
// left of \u0000 is a NUL.
func liteLength(json, text string) string {
	return "length(CASE WHEN instr(" + json + `, '\u0000') > 0 THEN replace(replace(` + json + `, '\\', 'x'), '\u0000', 'x') ->> '$' ELSE ` + text + " END)"
}

func (v liteValue) textSQL() string { return v.key() }

func (v liteValue) plainSQL() string { return v.json() }

func (v liteValue) equals(o *operands) string {
	var parts []string
	keys := anys(o.texts)
	for _, n := range o.numbers {
		keys = append(keys, n.value)
	}
	switch len(keys) {
	case 0:
	case 1:
		parts = append(parts, v.key()+" = "+v.c.keyArg(keys[0]))
	default:
		parts = append(parts, v.c.in(v.key(), true, keys, v.c.keyArg))
	}
	return or(append(parts, v.formed(o.forms))...)
}

func (v liteValue) formed(forms []string) string { return v.c.in(v.json(), true, anys(forms), v.c.arg) }

// keyArg adds what a key is compared with.
func (c *compiler) keyArg(v any) string {
	if text, ok := v.(string); ok {
		return c.arg(text)
	}
	return c.numberArg(v)
}

func (v liteValue) number(symbol, operand string) string {
	compared := v.key() + " " + symbol + " " + operand
	if strings.HasPrefix(symbol, "<") {
		return compared
	}
	return and(compared, v.isNumber())
}

func (v liteValue) text(op qb.Op, operand string) string {
	compared := v.key() + " " + symbols[op] + " " + v.c.arg(operand)
	if op == qb.OpLt || op == qb.OpLte {
		return and(v.key()+" >= ''", compared)
	}
	return and(compared, v.key()+" < x''")
}

func (v liteValue) begins(part string) string {
	if part == "" {
		return v.isText()
	}
	to, ok := v.c.behind(part)
	if !ok {
		return v.text(qb.OpGte, part)
	}
	return and(v.key()+" >= "+v.c.arg(part), v.key()+" < "+v.c.arg(to))
}

// utcShape are texts, of which those are times that strftime, which knows the calendar, gives back.
const utcShape = `[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]`

func (v liteValue) utc(symbol, seconds string) string {
	key := v.key()
	shape := or(
		and(key+" GLOB '"+utcShape+"Z'", "length(CAST("+key+" AS BLOB)) = 20"),
		and(key+" GLOB '"+utcShape+".[0-9][0-9][0-9][0-9][0-9][0-9]Z'", "length(CAST("+key+" AS BLOB)) = 27"))
	return and(v.isText(), shape, key+" >= '0001'", "strftime('%Y-%m-%dT%H:%M:%S', "+key+") = substr("+key+", 1, 19)",
		"substr("+key+", 1, 19) "+symbol+" "+v.c.arg(seconds))
}

func (v liteValue) bits(flags int64) string {
	at := v.c.arg(flags)
	return and(v.isWhole(), v.key()+" & "+at+" = "+at)
}

func (v liteValue) holds(o *operands) string {
	var parts []string
	if len(o.texts) > 0 {
		parts = append(parts, and("element.type = 'text'", v.c.in("element.value", true, anys(o.texts), v.c.arg)))
	}
	if len(o.numbers) > 0 {
		numbers := make([]any, len(o.numbers))
		for i, n := range o.numbers {
			numbers[i] = n.value
		}
		parts = append(parts, and("element.type IN ('integer', 'real', 'true', 'false')", v.c.in("element.value", true, numbers, v.c.numberArg)))
	}
	if o.null {
		parts = append(parts, "element.type = 'null'")
	}
	if len(o.forms) > 0 {
		forms := v.c.in("element.value", true, anys(o.forms), v.c.arg)
		parts = append(parts, and("element.type IN ('array', 'object')", forms))
	}
	if len(parts) == 0 {
		return never
	}
	return and(v.isList(), "EXISTS (SELECT 1 FROM json_each(indexed_data, "+v.at+") AS element WHERE "+or(parts...)+")")
}

func anys[T any](values []T) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}
