package sqlgen

import (
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/qb"
)

// TextLength is how many characters of a text [TextSQL] has.
const TextLength = 256

// RankSQL, NumberSQL and TextSQL are the expressions by which PostgreSQL orders the values
// at a path, see [PathLiteral], in this order: the rank of the type (missing and null,
// numbers and booleans, texts, lists, maps), the number, the beginning of the text.
func RankSQL(literal string) string {
	return `(CASE jsonb_typeof(indexed_data -> ` + literal + `) WHEN 'number' THEN 1 WHEN 'boolean' THEN 1 WHEN 'string' THEN 2` +
		` WHEN 'array' THEN 3 WHEN 'object' THEN 4 ELSE 0 END)`
}

// NumberSQL is a number, of a boolean 1 or 0, and NULL of any other value.
func NumberSQL(literal string) string {
	at := `(indexed_data -> ` + literal + `)`
	return `(CASE jsonb_typeof` + at + ` WHEN 'number' THEN ` + at + `::numeric WHEN 'boolean' THEN ` + at + `::boolean::int::numeric END)`
}

// TextSQL is the beginning of a text, by bytes, and NULL of any other value.
func TextSQL(literal string) string {
	return fmt.Sprintf(`(CASE jsonb_typeof(indexed_data -> %s) WHEN 'string' THEN left(indexed_data ->> %[1]s, %d) END COLLATE "C")`, literal, TextLength)
}

// pgValue is a value of a JSONB column.
type pgValue struct {
	c        *compiler
	path, at string
}

func (v pgValue) json() string { return `(indexed_data -> ` + v.at + `)` }

func (v pgValue) textSQL() string { return `(indexed_data ->> ` + v.at + `) COLLATE "C"` }

func (v pgValue) plainSQL() string { return v.textSQL() }

func (v pgValue) is(kind string) string { return "jsonb_typeof(" + v.json() + ") = '" + kind + "'" }

func (v pgValue) missing() string { return v.json() + " IS NULL" }

func (v pgValue) null() string { return v.json() + " = 'null'::jsonb" }

func (v pgValue) na() string { return or(v.missing(), v.null()) }

func (v pgValue) some() string { return v.json() + " <> 'null'::jsonb" }

func (v pgValue) isText() string { return v.is("string") }

func (v pgValue) isList() string { return v.is("array") }

func (v pgValue) isMap() string { return v.is("object") }

func (v pgValue) isBool(b bool) string { return fmt.Sprintf("%s = '%t'::jsonb", v.json(), b) }

func (v pgValue) isNumber() string { return "jsonb_typeof(" + v.json() + ") IN ('number', 'boolean')" }

// Patterns of the numbers that the column has as Python writes them: not those of 16
// digits and more, below 0.0001 and zeros with a sign.
const (
	plainNumber = `'^(0|-?([1-9][0-9]{0,14}([.][0-9]+)?|0[.]0{0,3}[1-9][0-9]*))$'`
	plainWhole  = `'^(0|-?[1-9][0-9]{0,14})$'`
)

// matches asks only numbers, so that no other text is looked at.
func (v pgValue) matches(pattern string) string {
	return "CASE WHEN " + v.is("number") + " THEN " + v.textSQL() + " ~ " + pattern + " ELSE false END"
}

func (v pgValue) isPlain() string { return v.matches(plainNumber) }

func (v pgValue) isWhole() string { return or(v.matches(plainWhole), v.is("boolean")) }

func (v pgValue) isOther() string {
	return "CASE WHEN " + v.is("number") + " THEN " + v.textSQL() + " !~ " + plainNumber + " ELSE false END"
}

func (v pgValue) sized(k kind, n int) string {
	if k == list {
		return "CASE WHEN " + v.isList() + " THEN jsonb_array_length(" + v.json() + ") = " + v.c.arg(int64(n)) + " ELSE false END"
	}
	return "CASE WHEN " + v.isMap() + " THEN " + v.keys() + " = " + v.c.arg(int64(n)) + " ELSE false END"
}

func (v pgValue) keys() string { return "(SELECT count(*) FROM jsonb_object_keys(" + v.json() + "))" }

func (v pgValue) length() string {
	return "(CASE jsonb_typeof(" + v.json() + ") WHEN 'string' THEN char_length(" + v.textSQL() + ") WHEN 'array' THEN jsonb_array_length(" +
		v.json() + ") WHEN 'object' THEN " + v.keys() + " END)"
}

func (v pgValue) equals(o *operands) string { return v.formed(slices.Concat(scalarForms(o), o.forms)) }

// scalarForms returns the JSON texts of texts and numbers.
func scalarForms(o *operands) []string {
	var forms []string
	for _, s := range o.texts {
		forms = append(forms, jsonText(s))
	}
	for _, n := range o.numbers {
		forms = append(forms, numberForms(PostgreSQL, n)...)
	}
	return forms
}

func (v pgValue) formed(forms []string) string {
	switch {
	case len(forms) == 0:
		return never
	case len(forms) == 1:
		return v.json() + " = " + v.c.arg(forms[0]) + "::jsonb"
	}
	return v.json() + " = ANY(" + v.c.arg(forms) + "::text[]::jsonb[])"
}

func (v pgValue) number(symbol, operand string) string {
	return "(" + RankSQL(v.at) + " = 1 AND " + NumberSQL(v.at) + " " + symbol + " " + operand + ")"
}

// text compares the beginning, too, which an index has behind the number.
func (v pgValue) text(op qb.Op, operand string) string {
	begin := ">="
	if op == qb.OpLt || op == qb.OpLte {
		begin = "<="
	}
	return "(" + RankSQL(v.at) + " = 2 AND " + NumberSQL(v.at) + " IS NULL AND " + TextSQL(v.at) + " " + begin + " " + v.c.arg(cut(operand)) + " AND " +
		v.textSQL() + " " + symbols[op] + " " + v.c.arg(operand) + ")"
}

func (v pgValue) begins(part string) string {
	if part == "" {
		return v.isText()
	}
	from := v.text(qb.OpGte, part)
	to, ok := v.c.behind(part)
	if !ok {
		return from
	}
	return and(from, v.text(qb.OpLt, to))
}

// utcTime are the texts of times that exist; the 29th of February is left out.
const utcTime = `'^[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))` +
	`T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{6})?Z$'`

func (v pgValue) utc(symbol, seconds string) string {
	text := v.textSQL()
	return "CASE WHEN " + v.isText() + " THEN " + text + " ~ " + utcTime + " AND " + text + " >= '0001' AND left(" + text + ", 19) " + symbol + " " +
		v.c.arg(seconds) + " ELSE false END"
}

func (v pgValue) bits(flags int64) string {
	// The operand of a cast is a number: CASE keeps other values from it.
	at := v.c.arg(flags)
	return "CASE WHEN " + v.isWhole() + " THEN " + NumberSQL(v.at) + "::bigint & " + at + "::bigint = " + at + "::bigint ELSE false END"
}

// holds is spelled so that a GIN index of the column serves it, where elements equal as
// JSONB contains them.
func (v pgValue) holds(o *operands) string {
	if !fits(v.path) {
		return never
	}
	forms := scalarForms(o)
	if o.null {
		forms = append(forms, "null")
	}
	var parts []string
	for _, f := range forms {
		parts = append(parts, "indexed_data @> "+v.c.arg("{"+jsonText(v.path)+":["+f+"]}")+"::jsonb")
	}
	if len(o.forms) > 0 {
		parts = append(parts, "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN "+v.isList()+" THEN "+v.json()+
			" ELSE '[]'::jsonb END) AS element WHERE element = ANY("+v.c.arg(o.forms)+"::text[]::jsonb[]))")
	}
	return or(parts...)
}
