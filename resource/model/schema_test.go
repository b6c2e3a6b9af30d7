package model_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// TestSchemaForms holds what is derived of each kind of schema.
func TestSchemaForms(t *testing.T) {
	for schema, forms := range map[string]map[string]string{
		`{"type":"number"}`:                                              {`1`: `1.0`, `"1"`: ``},
		`{"type":"integer","minimum":3}`:                                 {`3`: `3`, `2`: ``, `3.0`: ``},
		`{"type":"string","format":"date-time"}`:                         {`"2024-01-02 03:04:05z"`: `"2024-01-02T03:04:05Z"`, `"2024-01-02T03:04:05"`: `"2024-01-02T03:04:05"`, `"x"`: ``},
		`{"type":"string","format":"decimal"}`:                           {`1.50`: `"1.50"`},
		`{"type":"string","contentEncoding":"base64"}`:                   {`"YWJ="`: `"YWI="`, `"YWI"`: ``},
		`{"type":"string","format":"email","maxLength":3}`:               {`"a@b"`: `"a@b"`, `"long"`: ``},
		`{"type":"array","items":{"type":"integer"},"uniqueItems":true}`: {`[2,1,2]`: `[1,2]`},
		`{"type":"array","prefixItems":[{"type":"integer"},{"type":"number"}],"items":false,"minItems":2,"maxItems":2}`: {`[1,2]`: `[1,2.0]`, `[1]`: ``},
		`{"type":"array"}`:  {`[{"b":1,"a":2}]`: `[{"a":2,"b":1}]`},
		`{"type":"object"}`: {`{"b":1,"a":2}`: `{"a":2,"b":1}`},
		`{"type":"object","additionalProperties":{"type":"number"}}`: {`{"b":1,"a":2}`: `{"a":2.0,"b":1.0}`, `{"a":"x"}`: ``},
		`{"anyOf":[{"type":"string"},{"type":"null"}]}`:              {`"a"`: `"a"`, `null`: `null`, `1`: ``},
		`{"type":["integer","null"]}`:                                {`1`: `1`, `null`: `null`, `"a"`: ``},
		`{"anyOf":[{"type":"integer"},{"type":"number"}]}`:           {`1`: `1`, `1e2`: `100.0`},
		`{"enum":["a",1,null]}`:                                      {`"a"`: `"a"`, `1`: `1`, `null`: `null`, `"b"`: ``},
		`{"const":"a"}`:                                              {`"a"`: `"a"`, `"b"`: ``},
		`{"enum":[1.5,{"b":1,"a":2}]}`:                               {`1.5`: `1.5`, `{"b":1,"a":2}`: `{"b":1,"a":2}`, `2`: ``},
		`true`:                                                       {`{"b":1,"a":2}`: `{"a":2,"b":1}`},
		`{"title":"anything"}`:                                       {`1`: `1`},
		// What cannot be derived keeps the submitter's order and is validated.
		`{"patternProperties":{"^x":{"type":"integer"}}}`:  {`{"xb":1,"xa":2}`: `{"xb":1,"xa":2}`, `{"xb":"1"}`: ``},
		`{"allOf":[{"type":"object","required":["b"]}]}`:   {`{"c":1,"b":1}`: `{"c":1,"b":1}`, `{"a":1}`: ``},
		`{"oneOf":[{"type":"integer"},{"type":"number"}]}`: {`1.5`: `1.5`, `"1"`: ``},
		`{"type":"object","properties":{"b":{"type":"number"},"a":{"type":"string","default":"x"},"c":{"type":"integer"}},"required":["b"]}`: {
			`{"b":1}`: `{"b":1.0,"a":"x"}`, `{"c":1,"a":"y","b":2}`: `{"b":2.0,"a":"y","c":1}`, `{"a":"y"}`: ``, `{"b":1,"d":1}`: ``,
		},
		`{"type":"object","properties":{"b":{"type":"number"}},"additionalProperties":{"type":"integer"}}`: {`{"z":1,"b":1}`: `{"b":1.0,"z":1}`, `{"z":"1"}`: ``},
		`{"$ref":"#/$defs/N","$defs":{"N":{"title":"N","type":"object","properties":{"v":{"type":"integer"},"k":{"type":"array","items":{"$ref":"#/$defs/N"},"default":[]}},"required":["v"]}}}`: {
			`{"k":[{"v":2}],"v":1}`: `{"v":1,"k":[{"v":2,"k":[]}]}`,
		},
		`{"type":"object","properties":{"up":{"$ref":"#"},"v":{"type":"integer"}}}`: {`{"v":1,"up":{"v":2,"up":{}}}`: `{"up":{"up":{},"v":2},"v":1}`},
		`{"anyOf":[{"$ref":"#/$defs/L"},{"$ref":"#/$defs/R"}],"discriminator":{"propertyName":"type","mapping":{"left":"#/$defs/L","right":"#/$defs/R"}},"$defs":{"L":{"title":"L","type":"object","properties":{"type":{"enum":["left"]},"v":{"type":"integer"}},"required":["type","v"]},"R":{"title":"R","type":"object","properties":{"type":{"enum":["right"]},"w":{"type":"string"}},"required":["type","w"]}}}`: {
			`{"v":1,"type":"left"}`: `{"type":"left","v":1}`, `{"w":"","type":"right"}`: `{"type":"right","w":""}`, `{"v":1}`: ``, `{"type":"up"}`: ``,
		},
		`{"$ref":"#/$defs/T","$defs":{"T":{"type":"array","items":{"$ref":"#/$defs/T"}}}}`: {`[[],[[]]]`: `[[],[[]]]`, `[1]`: ``},
	} {
		m := parse(t, "{name: m, json_schema: "+schema+"}")
		for in, want := range forms {
			for range 2 { // scratch is used again
				got, err := m.Canonical(resource.JSON, []byte(in))
				if (want == "") != (err != nil) || string(got) != want {
					t.Errorf("%s: Canonical(%s) = %s, %v; want %s", schema, in, got, err, want)
				}
			}
			if _, err := m.Canonical(resource.Msgpack, []byte(in)); (want == "") != (err != nil) {
				t.Errorf("%s: in msgpack %s gives %v", schema, in, err)
			}
		}
	}
}

func TestSchemaReasons(t *testing.T) {
	m := parse(t, `{name: m, json_schema: {"type":"object","properties":{"a":{"type":"array","items":{"type":"integer","maximum":3}}}}}`)
	_, err := m.Canonical(resource.JSON, []byte(`{"a":[1,7]}`))
	if want := "a[1]: maximum: got 7, want 3"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for schema, want := range map[string]string{
		`{"type":"strng"}`:                `the payload: type "strng" is not known`,
		`{"$ref":"#/$defs/x"}`:            `the payload: "#/$defs/x" leads nowhere`,
		`{"$ref":"http://example.org/x"}`: `the payload: "http://example.org/x" leads nowhere`,
		`1`:                               `the payload: a schema is an object, not 1`,
		`false`:                           `the payload allows no value`,
		`{"type":"object","properties":{"a":{"type":"integer","default":"x"}}}`: `expected int, found the text "x"`,
		`{"allOf":[{"$ref":"http://example.org/x"}]}`:                           `not part of the schema`,
		`{"type":"integer","minimum":"x"}`:                                      `minimum`,
	} {
		_, err := model.ParseYAML("f", []byte("{name: m, json_schema: "+schema+"}"))
		if err == nil || !strings.HasPrefix(err.Error(), "f:1:") || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", schema, err, want)
		}
	}
	if _, err := model.ParseYAML("f", []byte(`{name: m, type: int, json_schema: {}}`)); err == nil {
		t.Error("a type and a schema were taken")
	}
}

// TestSchemaOrderSurvivesItsOneForm: the order of properties is that of the fields.
func TestSchemaOrderSurvivesItsOneForm(t *testing.T) {
	m := parse(t, `{name: m, encoding: msgpack, indexed_fields: [someName], json_schema: {"properties": {"z": {"type": "integer"}, "some_name": {"type": "string", "x-attribute": "someName"}, "a": {"type": "string", "format": "date-time"}}, "type": "object"}}`)
	b, err := m.Declaration().JSON()
	if err != nil {
		t.Fatal(err)
	}
	d, err := model.ParseJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := model.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	text := []byte(`{"a":"1970-01-01T00:00:00Z","some_name":"x","z":1}`)
	got, err := again.Canonical(resource.Msgpack, text)
	if want := "\x83\xa1z\x01\xa9some_name\xa1x\xa1a\xd6\xff\x00\x00\x00\x00"; err != nil || string(got) != want {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	values, err := again.IndexedValues(got, []string{"someName"}, resource.JSON)
	if err != nil || fmt.Sprint(values) != "map[someName:x]" {
		t.Errorf("indexed %v, %v", values, err)
	}
}

func TestSchemaBinaries(t *testing.T) {
	const binary = `{"title":"Binary","type":"object","properties":{"file_id":{"type":"string"},"size":{"type":"integer"},"content_type":{"type":"string"},"data":{"type":"string","contentEncoding":"base64"}},"required":[]}`
	m := parse(t, `{name: m, json_schema: {"type":"object","properties":{"b":`+binary+`,"n":{"type":"integer","minimum":1}}}}`)
	if got := m.BinaryPaths(); fmt.Sprint(got) != "[b]" {
		t.Errorf("binary paths %v", got)
	}
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		asked := 0
		_, err := m.Encode(enc, []byte(`{"b":{"data":"YWI="},"n":1}`), model.EncodeOptions{Binary: func(in model.BinaryInput) (model.BinaryInput, error) {
			asked++
			return model.BinaryInput{FileID: opt.Of("x")}, nil
		}})
		if err != nil || asked != 1 {
			t.Errorf("%s: asked %d times, %v", enc, asked, err)
		}
	}
}
