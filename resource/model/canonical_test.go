package model_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/resource/payload"
)

// TestScalarForms holds answers of msgspec 0.22; an empty one is an error.
func TestScalarForms(t *testing.T) {
	for typ, forms := range map[string]map[string]string{
		"int":   {`-0`: `0`, `1.0`: ``, `1e3`: ``, `true`: ``, `"1"`: ``, `18446744073709551616`: `18446744073709551616`, `01`: ``},
		"float": {`1`: `1.0`, `-0`: `0.0`, `18446744073709551616`: `1.8446744073709552e19`, `"1.0"`: ``, `1e400`: ``, `1e-400`: `0.0`},
		"bool":  {`true`: `true`, `1`: ``, `"true"`: ``},
		"str":   {`"\ud83d\ude00"`: `"😀"`, `"\ud800"`: ``, `1`: ``, `"\u0000"`: `"\u0000"`},
		"datetime": quoted(map[string]string{
			"2024-01-02t03:04:05z": "2024-01-02T03:04:05Z", "2024-01-02 03:04:05.1234565Z": "2024-01-02T03:04:05.123457Z",
			"2024-12-31T23:59:59.9999999Z": "2025-01-01T00:00:00Z", "2024-01-02T03:04:05-00:00": "2024-01-02T03:04:05Z",
			"2024-01-02T03:04:05+0800": "2024-01-02T03:04:05+08:00", "2024-01-02T03:04:05.1": "2024-01-02T03:04:05.100000",
			"0001-01-01T00:00:00+08:00": "0001-01-01T00:00:00+08:00", "2024-01-02T03:04Z": "", "2024-01-02": "",
			"2024-01-02T03:04:05+08": "", "2024-01-02T24:00:00Z": "", "2024-01-02T23:59:60Z": "", "2023-02-29T00:00:00Z": "",
			"9999-12-31T23:59:59.9999999Z": "", "2024-01-02T03:04:05.Z": "", "0000-01-02T03:04:05Z": "", "2024-01-02T03:04:05+24:00": "",
		}),
		"date": quoted(map[string]string{"2024-02-29": "2024-02-29", "2023-02-29": "", "2024-2-29": "", "2024-02-29 ": "", "1900-02-29": "", "2000-02-29": "2000-02-29"}),
		"time": quoted(map[string]string{
			"12:30:01.5": "12:30:01.500000", "23:59:59.9999999": "00:00:00", "12:30:01+00:00": "12:30:01Z", "12:30:01-0330": "12:30:01-03:30",
			"12:30": "", "24:00:00": "", "1:2:3": "", "12:30:01.": "",
		}),
		"duration": quoted(map[string]string{
			"P1DT2H3M4.5S": "P1DT7384.5S", "pt1s": "PT1S", "+P1.5D": "P1DT43200S", "-PT0S": "P0D", "PT1.1234565S": "PT1.123457S",
			"PT0.00000000375H": "PT0.000014S", "PT0.00000000013888889H": "P0D", "P0.99999999999999999999D": "PT86399.999999S",
			"P999999999DT86399.999999S": "P999999999DT86399.999999S", "-P999999999D": "-P999999999D", "PT86400S": "P1D",
			"-P999999999DT1S": "", "P1000000000D": "", "P1W": "", "P1Y": "", "PT": "", "P1DT": "", "PT1.1H1M": "", "PT1S1M": "", "PT.5S": "",
			"PT1,5S": "", "P-1D": "", "PT99999999999999999999S": "", "P": "", "": "", "P1H": "",
		}),
		"uuid": quoted(map[string]string{
			"ABCDEF0000000000000000000000000A": "abcdef00-0000-0000-0000-00000000000a", "abcdef00-0000-0000-0000-00000000000A": "abcdef00-0000-0000-0000-00000000000a",
			"{00000000-0000-0000-0000-000000000007}": "", "0000-00000000-0000-0000-000000000007": "", "00000000-0000-0000-0000-00000000000g": "",
		}),
		"bytes": quoted(map[string]string{"YWJj": "YWJj", "YWJ=": "YWI=", "": "", "YWI": "-", "YWJj\\n": "-", "_-8=": "-"}),
		"decimal": merged(map[string]string{`19.990`: `"19.990"`, `1e3`: `"1E+3"`, `-0`: `"0"`, `-0.0`: `"-0.0"`, `1E400`: `"1E+400"`, `true`: ``}, quoted(map[string]string{
			" 1_000 ": "1000", "007": "7", "-0": "-0", ".5": "0.5", "5.": "5", "0.0000001": "1E-7", "100E-8": "0.00000100", "0E+3": "0E+3", "00.00": "0.00",
			"12345E-20": "1.2345E-16", "nan": "NaN", "-inf": "-Infinity", "NaN0123": "NaN123", "1E999999999999999999": "1E+999999999999999999",
			"1E9999999999999999999": "", "1E-1999999999999999998": "", "1.5e": "", "--1": "", "0x1": "", "": "", ".": "", "1e+-5": "",
		})),
		"int | float":     {`1`: `1`, `1e2`: `100.0`},
		"int | decimal":   {`1`: `1`, `1.5`: `"1.5"`, `"1"`: `"1"`},
		"int | str?":      {`1`: `1`, `"a"`: `"a"`, `null`: `null`, `1.5`: ``, `true`: ``},
		"tuple[int, str]": {`[3,"a"]`: `[3,"a"]`, `[3]`: ``, `[3,"a",1]`: ``},
		"map[int]":        {`{"b":1,"a":2}`: `{"a":2,"b":1}`, `{"b":1,"a":2,"b":3}`: ``, `[]`: ``, "{\"é\":1,\"z\":2,\"\U0001d11e\":3,\"\uffff\":4}": "{\"z\":2,\"é\":1,\"\uffff\":4,\"\U0001d11e\":3}"},
		"any":             {`{"b":[{"d":1,"c":2.0}],"a":null}`: `{"a":null,"b":[{"c":2.0,"d":1}]}`, `nul`: ``, ``: ``, `1 2`: ``},
		"set[int]":        {`[3,1,2,1]`: `[1,2,3]`, `[]`: `[]`},
		"set[float]":      {`[1,1.0,0.5,-0.0,0.0]`: `[-0.0,0.5,1.0]`},
		"set[str]":        {"[\"b\",\"a\",\"é\",\"\uffff\",\"\U0001d11e\"]": "[\"a\",\"b\",\"é\",\"\uffff\",\"\U0001d11e\"]"},
		"set[decimal]":    {`["1E+3","20","20.0","-1","-2","0"]`: `["-2","-1","0","20","1E+3"]`, `["NaN"]`: ``},
		"set[datetime]": {
			`["2024-01-02T03:04:05Z","2024-01-02T11:04:05+08:00","2023-01-01T00:00:00Z"]`: `["2023-01-01T00:00:00Z","2024-01-02T03:04:05Z"]`,
			`["2024-01-02T03:04:05Z","2023-01-01T00:00:00"]`:                              ``,
		},
		"set[duration]":         {`["P1D","-P1D","PT1S"]`: `["-P1D","PT1S","P1D"]`},
		"set[bytes]":            {`["YWJj","YQ==","YWI="]`: `["YQ==","YWI=","YWJj"]`},
		"set[bool]":             {`[true,false]`: `[false,true]`},
		"set":                   {`[1,true,1.0]`: `[1]`, `[1,"a"]`: ``, `[[1]]`: ``, `[null]`: `[null]`, `[null,1]`: ``},
		"list[int?]?":           {`[1,null]`: `[1,null]`, `null`: `null`},
		"set[int | str]":        {`["b","a"]`: `["a","b"]`, `[1,"b"]`: ``},
		"map[list[datetime]]":   {`{"a":["2024-01-02 03:04:05z"]}`: `{"a":["2024-01-02T03:04:05Z"]}`},
		"list[map[set[float]]]": {`[{"x":[2,1]}]`: `[{"x":[1.0,2.0]}]`},
	} {
		m := parse(t, fmt.Sprintf("{name: m, type: %q}", typ))
		for in, want := range forms {
			got, err := m.Canonical(resource.JSON, []byte(in))
			if refuse := want == "" || want == `"-"`; refuse != (err != nil) || !refuse && string(got) != want {
				t.Errorf("%s: Canonical(%s) = %s, %v; want %s", typ, in, got, err, want)
			}
		}
	}
}

// quoted puts keys and values that are not empty in quotes.
func quoted(forms map[string]string) map[string]string {
	out := map[string]string{}
	for in, want := range forms {
		if want != "" || in == "" {
			want = `"` + want + `"`
		}
		out[`"`+in+`"`] = want
	}
	// The empty text is bytes, but no duration and no decimal.
	if _, bytes := forms["YWJj"]; !bytes {
		if _, ok := out[`""`]; ok {
			out[`""`] = ""
		}
	}
	return out
}

func merged(a, b map[string]string) map[string]string {
	for k, v := range b {
		a[k] = v
	}
	return a
}

const shapes = `
name: shapes
type: Circle | Rect | int
types:
  Circle: {tag: circle, fields: [{name: r, type: float}]}
  Rect: {tag: rect, fields: [{name: w, type: float}, {name: h, type: float, default: 1}, {name: note, type: str, optional: true}]}
`

func TestTaggedStructs(t *testing.T) {
	for yaml, forms := range map[string]map[string]string{
		shapes: {
			`{"r":1,"type":"circle"}`:          `{"type":"circle","r":1.0}`,
			`{"note":"x","w":1,"type":"rect"}`: `{"type":"rect","w":1.0,"h":1,"note":"x"}`,
			`{"type":"rect","h":2,"w":1}`:      `{"type":"rect","w":1.0,"h":2.0}`,
			`7`:                                `7`,
			`{"r":1}`:                          ``,
			`{"r":1,"type":"x"}`:               ``,
			`{"r":1,"type":1}`:                 ``,
			`{"r":1,"type":null}`:              ``,
			`{"type":"circle","r":1,"type":"circle"}`:         ``,
			`{"type":"circle","r":1,"type":"rect"}`:           ``,
			`{"r":{"a":[1,{}]},"type":"rect"}`:                ``,
			`{"r":` + strings.Repeat("[", 70) + `1`:           ``,
			`{"r":1,"type":"circle","more":1}`:                ``,
			`{"r":1,"type":"circle"`:                          ``,
			`{"type":"circle"}`:                               ``,
			`[]`:                                              ``,
			`null`:                                            ``,
			`{"type":"rect","w":1,"note":null}`:               ``,
			"{\"type\":\"rect\",\"w\":1,\"no\\u0074e\":\"\"}": `{"type":"rect","w":1.0,"h":1,"note":""}`,
		},
		"{name: one, tag: 2, tag_field: kind, fields: [{name: v, type: int}]}": {
			`{"v":1}`: `{"kind":2,"v":1}`, `{"v":1,"kind":2}`: `{"kind":2,"v":1}`, `{"v":1,"kind":"2"}`: ``, `{"v":1,"kind":3}`: ``,
		},
		`{name: e, type: "A | B", types: {A: {values: [a, 1]}, B: {type: "bool?"}}}`: {
			`"a"`: `"a"`, `1`: `1`, `true`: `true`, `null`: `null`, `"b"`: ``, `2`: ``, `1.0`: ``,
		},
		`{name: k, type: "map[K, int]", types: {K: {values: [b, a]}}}`: {`{"b":1,"a":2}`: `{"a":2,"b":1}`, `{"c":1}`: ``},
		`{name: tree, type: Node, types: {Node: {fields: [{name: v, type: int}, {name: kids, type: "list[Node]", default: []}]}}}`: {
			`{"kids":[{"v":2},{"kids":[],"v":3}],"v":1}`: `{"v":1,"kids":[{"v":2,"kids":[]},{"v":3,"kids":[]}]}`,
		},
	} {
		m := parse(t, yaml)
		for in, want := range forms {
			got, err := m.Canonical(resource.JSON, []byte(in))
			if (want == "") != (err != nil) || string(got) != want {
				t.Errorf("%.40s: Canonical(%s) = %s, %v; want %s", yaml, in, got, err, want)
			}
		}
	}
	got, err := parse(t, shapes).Canonical(resource.Msgpack, []byte(`{"w":1,"type":"rect"}`))
	if want := "83a474797065a472656374a177cb3ff0000000000000a16801"; err != nil || hex.EncodeToString(got) != want {
		t.Errorf("a tagged struct in msgpack is %x, %v; want %s", got, err, want)
	}
}

// TestManyMembers crosses the lengths at which msgpack heads grow.
func TestManyMembers(t *testing.T) {
	var fields, text, want strings.Builder
	for i := range 17 {
		fmt.Fprintf(&fields, "{name: f%02d, type: any, %s},", i, map[bool]string{true: "optional: true", false: "default: 0"}[i < 2])
	}
	m := parse(t, "{name: m, fields: ["+fields.String()+"]}")
	for _, tc := range []struct {
		text string
		head string
	}{
		{`{}`, "8f"}, {`{"f00":1}`, "de0010"}, {`{"f01":1,"f00":1}`, "de0011"},
	} {
		got, err := m.Canonical(resource.Msgpack, []byte(tc.text))
		if err != nil || !strings.HasPrefix(hex.EncodeToString(got), tc.head+"a366") {
			t.Errorf("Canonical(%s) begins with %.12x, %v; want %s", tc.text, got, err, tc.head)
		}
	}
	for i := range 40 {
		fmt.Fprintf(&text, `,"%02d":[%s]`, 39-i, strings.TrimSuffix(strings.Repeat("1,", 20), ","))
		fmt.Fprintf(&want, "a2%x%x", fmt.Sprintf("%02d", i), "\xdc\x00\x14"+strings.Repeat("\x01", 20))
	}
	got, err := parse(t, "{name: m, type: 'map[list[int]]'}").Canonical(resource.Msgpack, []byte("{"+text.String()[1:]+"}"))
	if err != nil || hex.EncodeToString(got) != "de0028"+want.String() {
		t.Errorf("a map of 40 lists is %x, %v; want de0028%s", got, err, want.String())
	}
}

func TestUnknownFields(t *testing.T) {
	const yaml = "{name: m, unknown_fields: %s, fields: [{name: b, type: int}, {name: a, type: int, default: 0}, {name: s, type: struct, optional: true, fields: [{name: x, type: int}]}]}"
	text := []byte(`{"z":{"d":1,"c":[2.0]},"b":1,"s":{"y":0,"x":1},"more":"é"}`)
	for mode, want := range map[string]string{
		"drop": `{"b":1,"a":0,"s":{"x":1}}`,
		"keep": `{"b":1,"a":0,"s":{"x":1,"y":0},"z":{"c":[2.0],"d":1},"more":"é"}`,
	} {
		got, err := parse(t, fmt.Sprintf(yaml, mode)).Canonical(resource.JSON, text)
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", mode, got, err, want)
		}
	}
	for _, bad := range []string{`{"b":1,"z":1,"z":2}`, `{"b":1,"z":[}`} {
		if got, err := parse(t, fmt.Sprintf(yaml, "keep")).Canonical(resource.JSON, []byte(bad)); err == nil {
			t.Errorf("keep took %s as %s", bad, got)
		}
	}
}

// TestReasons holds what people are told.
func TestReasons(t *testing.T) {
	person := example(t, "person")
	for in, want := range map[string]string{
		`{"name":"x"}`:                                      `age: is missing; it is required (int)`,
		`{"name":"x","age":1.5}`:                            `age: expected int, found the number 1.5`,
		`{"name":"x","age":1,"adress":null}`:                `field "adress" is not declared; did you mean "address"?`,
		`{"name":"x","age":1,"qqq":null}`:                   `field "qqq" is not declared`,
		`{"name":"x","age":1,"address":{"city":"y"}}`:       `address.zip: is missing; it is required (str)`,
		`{"name":"x","age":1,"address":{"city":1}}`:         `address.city: expected str, found the number 1`,
		`{"name":"x","age":1,"address":[]}`:                 `address: expected Address or null, found an array`,
		`{"name":"x","age":1,"tags":["a",{}]}`:              `tags[1]: expected str, found an object`,
		`{"name":"x","age":1,"scores":{"a":1,"b":"y"}}`:     `scores["b"]: expected float, found the text "y"`,
		`{"name":"x","age":1,"level":"top"}`:                `level: expected one of "low", "mid", "high", found "top"`,
		`{"name":"x","age":1,"born":"tomorrow"}`:            `born: expected date or null, found the text "tomorrow"`,
		`{"name":null,"age":1}`:                             `name: expected str, found null`,
		`[]`:                                                `expected struct, found an array`,
		`{"name":"x","age":1,"name":"y"}`:                   `payload: byte 20: key "name" occurs twice in one object`,
		`{"name":"x","age":1,"scores":{"b":1,"a":2,"b":3}}`: `payload: byte 48: key "b" occurs twice in one object`,
		`{"name":"x","age":tru}`:                            `payload: byte 18: 't' does not begin a value`,
		`{"name":"x" "age":1}`:                              `payload: byte 12: ',' or '}' is expected`,
	} {
		_, err := person.Canonical(resource.JSON, []byte(in))
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", in, err, want)
		}
		var v *model.ValueError
		var s *payload.SyntaxError
		if !errors.As(err, &v) && !errors.As(err, &s) {
			t.Errorf("%s: an error of type %T", in, err)
		}
	}
}

func TestLimits(t *testing.T) {
	m := parse(t, "{name: m, type: any}")
	deep := strings.Repeat("[", payload.MaxDepth) + strings.Repeat("]", payload.MaxDepth)
	if _, err := m.Canonical(resource.JSON, []byte(deep)); err != nil {
		t.Errorf("the deepest payload: %v", err)
	}
	for name, text := range map[string]string{
		"too deep":            "[" + deep + "]",
		"too deep in objects": strings.Repeat(`{"a":`, payload.MaxDepth+1) + "1" + strings.Repeat("}", payload.MaxDepth+1),
		"too long":            `"` + strings.Repeat("x", payload.MaxBytes) + `"`,
		"too many digits":     strings.Repeat("1", payload.MaxDigits+1),
	} {
		if _, err := m.Canonical(resource.JSON, []byte(text)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for typ, text := range map[string]string{"int": "18446744073709551616", "any": "[-9223372036854775809]", "datetime": `"0001-01-01T00:00:00+08:00"`} {
		if _, err := parse(t, fmt.Sprintf("{name: m, type: %s}", typ)).Canonical(resource.Msgpack, []byte(text)); err == nil {
			t.Errorf("msgpack took the %s %s", typ, text)
		}
	}
}

func TestBinaries(t *testing.T) {
	document := example(t, "document")
	const text = `{"title":"t","body":"b","images":[{"data":"aGVsbG8=","content_type":"text/plain"},{"file_id":"x"}],"attachment":{"size":3,"file_id":"y"}}`
	got, err := document.Canonical(resource.JSON, []byte(text))
	if want := `{"title":"t","body":"b","attachment":{"file_id":"y","size":3},"images":[{"content_type":"text/plain","data":"aGVsbG8="},{"file_id":"x"}],"extra":{}}`; err != nil || string(got) != want {
		t.Errorf("without a store: %s, %v; want %s", got, err, want)
	}
	var asked []model.BinaryInput
	stored := func(in model.BinaryInput) (model.BinaryInput, error) {
		asked = append(asked, in)
		if in.FileID.Or("") == "lost" {
			return in, errors.New("there is no such blob")
		}
		return model.BinaryInput{FileID: opt.Of(in.FileID.Or("new")), Size: opt.Of(int64(5)), ContentType: in.ContentType}, nil
	}
	got, err = document.Encode(resource.JSON, []byte(text), model.EncodeOptions{Binary: stored})
	want := `{"title":"t","body":"b","attachment":{"file_id":"y","size":5},"images":[{"file_id":"new","size":5,"content_type":"text/plain"},{"file_id":"x","size":5}],"extra":{}}`
	if err != nil || string(got) != want || len(asked) != 3 || string(asked[0].Data) != "aGVsbG8=" {
		t.Errorf("with a store: %s, %v; want %s; asked for %v", got, err, want, asked)
	}
	_, err = document.Encode(resource.JSON, []byte(`{"title":"t","body":"b","images":[{"file_id":"lost"}]}`), model.EncodeOptions{Binary: stored})
	if err == nil || err.Error() != "images[0]: there is no such blob" {
		t.Errorf("a lost blob gave %v", err)
	}
	for _, bad := range []string{`{"data":"aGVsbG8"}`, `{"size":1.0}`, `{"file_id":1}`, `{"file_id":"a","file_id":"b"}`, `{"name":"x"}`, `"x"`, `{"data":""`} {
		if got, err := document.Canonical(resource.JSON, []byte(`{"title":"t","body":"b","attachment":`+bad+`}`)); err == nil {
			t.Errorf("the reference %s became %s", bad, got)
		}
	}
}

// TestByNameOnly: the submitter's order stays, but references to blobs are known
// where they are declared.
func TestByNameOnly(t *testing.T) {
	const text = `{"z":1,"a":{"file":{"content_type":"x/y","file_id":"f"}},"list":[{"data":"","size":0}],"m":{"k":{"file_id":"g"}}}`
	got, err := parse(t, "{name: m}").Canonical(resource.JSON, []byte(text))
	if err != nil || string(got) != text {
		t.Errorf("nothing declared: %s, %v", got, err)
	}
	m := parse(t, "{name: m, binary_fields: [a.file, list, m.*]}")
	if m.Typed() {
		t.Error("the model is typed")
	}
	got, err = m.Canonical(resource.JSON, []byte(text))
	if want := `{"z":1,"a":{"file":{"file_id":"f","content_type":"x/y"}},"list":[{"size":0,"data":""}],"m":{"k":{"file_id":"g"}}}`; err != nil || string(got) != want {
		t.Errorf("binary fields declared: %s, %v; want %s", got, err, want)
	}
	if got, err := m.Canonical(resource.JSON, []byte(`{"a":{"x":1,"x":2}}`)); err == nil {
		t.Errorf("a repeated key became %s", got)
	}
}
