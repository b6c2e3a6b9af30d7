package peertest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/specstar-worker/worker/resource/model"
)

// genType is a random type, in the form that the peer builds it from.
type genType struct {
	Kind   string     `json:"kind"`
	Args   []genType  `json:"args,omitempty"`
	Null   bool       `json:"null,omitempty"`
	Name   string     `json:"name,omitempty"`
	Fields []genField `json:"fields,omitempty"`
	Values []any      `json:"values,omitempty"`
	Tag    any        `json:"tag,omitempty"`
}

type genField struct {
	Name      string  `json:"name"`
	Attribute string  `json:"attribute,omitempty"`
	Type      genType `json:"type"`
	Default   string  `json:"default,omitempty"`
	Optional  bool    `json:"optional,omitempty"`
}

// texts are JSON texts for each scalar kind. Which are valid the original knows.
var texts = map[string][]string{
	"any":   {`1`, `-0`, `1.0`, `1e2`, `"x"`, `null`, `true`, `[1,{"b":2,"a":[]}]`, `{"z":1,"a":{"y":1.5,"b":null}}`, `18446744073709551615`, `"2024-01-02T03:04:05Z"`},
	"null":  {`null`},
	"str":   {`""`, `"a"`, `"\u00e9\ud83d\ude00"`, `"日本"`, `"\"\\\/\b\f\n\r\t\u0000\u001f"`, `"` + strings.Repeat("x", 40) + `"`, `"` + strings.Repeat("y", 300) + `"`, `1`, `{}`},
	"int":   {`0`, `-0`, `1`, `-1`, `-33`, `127`, `128`, `65536`, `4294967296`, `-9223372036854775808`, `18446744073709551615`, `1.0`, `"1"`},
	"float": {`0`, `1`, `-0`, `-0.0`, `1.5`, `1e16`, `1e-7`, `0.1`, `123456789012345678`, `1E+2`, `5e-324`, `1e400`, `"1"`},
	"bool":  {`true`, `false`, `1`, `"true"`},
	"datetime": {
		`"2024-01-02T03:04:05Z"`, `"2024-01-02 03:04:05.5z"`, `"2024-01-02T03:04:05.123456+08:00"`, `"2024-01-02T03:04:05.9999999-0330"`,
		`"2024-01-02T03:04:05"`, `"1969-12-31T23:59:59.000001Z"`, `"2600-02-28T00:00:00+00:00"`, `"2024-02-30T00:00:00Z"`, `1704164645`,
	},
	"date":     {`"2024-02-29"`, `"0001-01-01"`, `"9999-12-31"`, `"2023-02-29"`, `"2024-1-1"`},
	"time":     {`"01:02:03"`, `"23:59:59.9999999"`, `"12:00:00.5Z"`, `"12:00:00+08:00"`, `"12:00:00-0330"`, `"12:00"`, `"24:00:00"`},
	"duration": {`"P1D"`, `"PT1.5H"`, `"-PT0.000001S"`, `"P1DT2H3M4.5S"`, `"PT0S"`, `"PT86400S"`, `"P0.1D"`, `"pt0.0000005s"`, `"P1W"`, `"PT"`},
	"uuid":     {`"00000000-0000-0000-0000-000000000007"`, `"ABCDEF0000000000000000000000000A"`, `"abcdef00-0000-0000-0000-00000000000B"`, `"x"`, `1`},
	"decimal":  {`"19.990"`, `"-1.5E+3"`, `1.50`, `7`, `"1e-7"`, `" 007 "`, `"1_000"`, `".5"`, `"-0"`, `"0E+3"`, `1e30`, `"1E-20"`, `"x"`, `true`},
	"bytes":    {`""`, `"YWJj"`, `"YQ=="`, `"YWJ="`, `"YWI"`, `"_-8="`},
	"binary":   {`{}`, `{"data":"aGVsbG8=","content_type":"text/plain"}`, `{"content_type":"","data":""}`, `{"data":"aGVsbG8="}`, `{"size":"x"}`, `{"file_id":"nowhere"}`},
}

var scalarKinds = []string{
	"any", "str", "int", "float", "bool", "datetime", "date", "time", "duration", "uuid", "decimal", "bytes", "str", "int", "float", "binary",
}

// typeGen draws types.
type typeGen struct {
	t     *rapid.T
	named int
	// reuse are structs made so far, which may be used again.
	reuse []genType
	// inTuple: the original forgets references to blobs within tuples.
	inTuple bool
}

func (g *typeGen) pick(n int) int { return rapid.IntRange(0, n-1).Draw(g.t, "pick") }

func (g *typeGen) name() string {
	g.named++
	return "T" + strconv.Itoa(g.named)
}

func (g *typeGen) typ(depth int) genType {
	if depth <= 0 {
		return g.scalar()
	}
	var t genType
	switch g.pick(12) {
	case 0, 1:
		t = genType{Kind: "list", Args: []genType{g.typ(depth - 1)}}
	case 2:
		t = genType{Kind: "map", Args: []genType{g.typ(depth - 1)}}
	case 3:
		t = genType{Kind: "set", Args: []genType{g.hashable()}}
	case 4:
		before, reuse := g.inTuple, g.reuse
		g.inTuple, g.reuse = true, nil
		t = genType{Kind: "tuple", Args: []genType{g.typ(depth - 1), g.typ(depth - 1)}}
		g.inTuple, g.reuse = before, reuse
	case 5, 6:
		t = g.structure(depth-1, nil)
	case 7:
		t = g.union(depth - 1)
	case 8:
		if len(g.reuse) > 0 {
			t = g.reuse[g.pick(len(g.reuse))]
			break
		}
		fallthrough
	default:
		t = g.scalar()
	}
	t.Null = t.Kind != "any" && g.pick(4) == 0
	return t
}

func (g *typeGen) scalar() genType {
	switch g.pick(8) {
	case 0:
		return genType{Kind: "enum", Name: g.name(), Values: []any{"red", "Grün", ""}}
	case 1:
		return genType{Kind: "enum", Name: g.name(), Values: []any{1, -5, 1 << 40}}
	case 2:
		return genType{Kind: "literal", Values: []any{"a", 3}}
	}
	kind := scalarKinds[g.pick(len(scalarKinds))]
	if kind == "binary" && g.inTuple {
		kind = "bytes"
	}
	return genType{Kind: kind}
}

// hashable draws the type of a set's elements.
func (g *typeGen) hashable() genType {
	kinds := []string{"str", "int", "float", "datetime", "date", "time", "duration", "uuid", "decimal", "bytes", "bool"}
	if g.pick(6) == 0 {
		return genType{Kind: "union", Args: []genType{{Kind: "int"}, {Kind: "str"}}}
	}
	return genType{Kind: kinds[g.pick(len(kinds))]}
}

// union draws types that can be told apart.
func (g *typeGen) union(depth int) genType {
	var args []genType
	if g.pick(2) == 0 {
		for i := range 2 {
			args = append(args, g.structure(depth, "tag"+strconv.Itoa(g.named+i)))
		}
	}
	for _, group := range [][]string{{"int"}, {"float"}, {"str", "datetime", "uuid", "decimal", "bytes"}, {"bool"}} {
		if g.pick(2) == 0 {
			args = append(args, genType{Kind: group[g.pick(len(group))]})
		}
	}
	if g.pick(3) == 0 || len(args) < 2 {
		args = append(args, genType{Kind: "list", Args: []genType{{Kind: "float"}}})
	}
	if len(args) < 2 {
		args = append(args, genType{Kind: "int"})
	}
	return genType{Kind: "union", Args: args}
}

func (g *typeGen) structure(depth int, tag any) genType {
	s := genType{Kind: "struct", Name: g.name(), Tag: tag}
	for i := range 1 + g.pick(5) {
		f := genField{Name: []string{"f", "value", "naïve", "z-q"}[g.pick(4)] + strconv.Itoa(i), Type: g.typ(depth)}
		if g.pick(6) == 0 || strings.Contains(f.Name, "-") {
			f.Attribute = "attr" + strconv.Itoa(i)
		}
		switch g.pick(4) {
		case 0:
			f.Optional = true
		case 1:
			f.Default = plainText(f.Type)
		}
		s.Fields = append(s.Fields, f)
	}
	if tag == nil && s.Fields != nil {
		g.reuse = append(g.reuse, s)
	}
	return s
}

// plainText is a valid value of a type, for a default; empty when there is none.
func plainText(t genType) string {
	switch {
	case t.Null || t.Kind == "any":
		return "null"
	case t.Kind == "list" || t.Kind == "set":
		return "[]"
	case t.Kind == "map":
		return "{}"
	case t.Kind == "binary", t.Kind == "struct", t.Kind == "union", t.Kind == "tuple":
		return ""
	case t.Values != nil:
		b, _ := json.Marshal(t.Values[0])
		return string(b)
	}
	return texts[t.Kind][0]
}

// declaration turns a type into a declaration of a model of that type.
func (t genType) declaration(name, encoding string) model.Declaration {
	d := model.Declaration{Name: name, Types: map[string]model.Type{}, UnknownFields: model.DropUnknown}
	d.Encoding = "json"
	if encoding == "msgpack" {
		d.Encoding = "msgpack"
	}
	d.Type = t.expr(d.Types)
	return d
}

// expr is the type expression of a type; what it names is put into types.
func (t genType) expr(types map[string]model.Type) string {
	args := make([]string, len(t.Args))
	for i, a := range t.Args {
		args[i] = a.expr(types)
	}
	text := t.Kind
	switch t.Kind {
	case "list", "set", "tuple", "map":
		text += "[" + strings.Join(args, ", ") + "]"
	case "union":
		text = "(" + strings.Join(args, " | ") + ")"
	case "enum", "literal":
		text = t.Name
		if text == "" {
			text = fmt.Sprintf("L%d", len(types))
		}
		def := model.Type{}
		for _, v := range t.Values {
			b, _ := json.Marshal(v)
			def.Values = append(def.Values, b)
		}
		types[text] = def
	case "struct":
		text = t.Name
		if _, ok := types[text]; ok {
			break
		}
		types[text] = model.Type{}
		def := model.Type{}
		if t.Tag != nil {
			def.Tag, _ = json.Marshal(t.Tag)
		}
		for _, f := range t.Fields {
			field := model.Field{Name: f.Name, Type: f.Type.expr(types), Attribute: f.Attribute, Optional: f.Optional}
			if f.Default != "" {
				field.Default = json.RawMessage(f.Default)
			}
			def.Fields = append(def.Fields, field)
		}
		types[text] = def
	}
	if t.Null {
		text += "?"
	}
	return text
}

// value draws a JSON text of a type. Every third may be of no valid form.
func value(t *rapid.T, typ genType) string {
	g := valueGen{t: t}
	g.bad = g.pick(3) == 0
	return g.value(typ)
}

type valueGen struct {
	t   *rapid.T
	bad bool
}

func (g valueGen) pick(n int) int { return rapid.IntRange(0, n-1).Draw(g.t, "value") }

// wrong is true once in a while in a text that may be bad.
func (g valueGen) wrong() bool { return g.bad && g.pick(12) == 0 }

func (g valueGen) value(typ genType) string {
	if typ.Null && g.pick(4) == 0 || g.wrong() {
		return "null"
	}
	switch typ.Kind {
	case "list", "set":
		parts := make([]string, []int{0, 1, 2, 3, 17}[g.pick(5)])
		for i := range parts {
			parts[i] = g.value(typ.Args[0])
		}
		return "[ " + strings.Join(parts, ", ") + "]"
	case "tuple":
		return "[" + g.value(typ.Args[0]) + " ," + g.value(typ.Args[1]) + "]"
	case "map":
		return g.mapping(typ)
	case "union":
		return g.value(typ.Args[g.pick(len(typ.Args))])
	case "enum", "literal":
		if g.wrong() {
			return `"none"`
		}
		b, _ := json.Marshal(typ.Values[g.pick(len(typ.Values))])
		return string(b)
	case "struct":
		return g.structure(typ)
	}
	return g.scalar(typ.Kind)
}

// scalar draws a text of a scalar kind. The last two are mostly not valid.
func (g valueGen) scalar(kind string) string {
	all := texts[kind]
	if !g.bad && kind != "any" && len(all) > 2 {
		all = all[:len(all)-2]
	}
	return all[g.pick(len(all))]
}

func (g valueGen) mapping(typ genType) string {
	keys := rapid.SampledFrom([]string{`""`, `"b"`, `"a"`, `"é"`, `"Z"`, `"\u0061b"`, `"\ud834\udd1e"`, `"\uffff"`})
	var parts []string
	for _, key := range rapid.SliceOfNDistinct(keys, 0, 5, rapid.ID[string]).Draw(g.t, "keys") {
		parts = append(parts, key+": "+g.value(typ.Args[0]))
	}
	return "{" + strings.Join(parts, ",") + " }"
}

func (g valueGen) structure(typ genType) string {
	var parts []string
	for _, f := range typ.Fields {
		if f.Optional || f.Default != "" {
			if g.pick(3) == 0 {
				continue
			}
		} else if g.wrong() {
			continue
		}
		key, _ := json.Marshal(f.Name)
		if g.pick(10) == 0 {
			key = []byte(`"` + fmt.Sprintf(`\u%04x`, f.Name[0]) + string(key[2:]))
		}
		parts = append(parts, string(key)+":"+g.value(f.Type))
	}
	if typ.Tag != nil && !g.wrong() {
		b, _ := json.Marshal(typ.Tag)
		parts = append(parts, `"type":`+string(b))
	}
	if g.pick(5) == 0 {
		parts = append(parts, `"unknown" : {"a":[1,"x",null]}`)
	}
	return "{ " + strings.Join(rapid.Permutation(parts).Draw(g.t, "order"), ",\t") + "}"
}
