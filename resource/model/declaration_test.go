package model_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/resource/model"
)

const everything = `
name: all
encoding: msgpack
schema_version: 2
type: " A|  (B |C)?"
types:
  A: {tag: a, fields: [{name: x, type: "list[ map [str,int ?]]", default: [ {b: 1, a: null} ]}]}
  B: {tag: b, tag_field: type, fields: [{name: "a.b", type: int, attribute: ab}, {name: day, type: date, default: 2024-01-02}]}
  C: {values: [x, 1, null]}
indexed_fields: [x, ab, x]
unique_fields: [ab]
indexes: [{keys: [rev_status, data.x]}, {equal: ab}, {elements: x}]
unknown_fields: refuse
migrations: [{from: null, to: 1, steps: [{rename: {from: a, to: b}}]}, {from: 1, to: 2}]
`

// TestOneSpelling: equal declarations give equal bytes, which read back equal.
func TestOneSpelling(t *testing.T) {
	m := parse(t, everything)
	got, err := m.Declaration().JSON()
	want := `{"name":"all","encoding":"msgpack","schema_version":"2","type":"A | B | C | null","types":{` +
		`"A":{"fields":[{"name":"x","type":"list[map[str, int?]]","default":[{"b":1,"a":null}]}],"tag":"a"},` +
		`"B":{"fields":[{"name":"a.b","type":"int","attribute":"ab"},{"name":"day","type":"date","default":"2024-01-02"}],"tag":"b","tag_field":"type"},` +
		`"C":{"values":["x",1,null]}},"indexed_fields":["ab","x"],"unique_fields":["ab"],` +
		`"indexes":[{"keys":["rev_status","data.x"]},{"equal":"ab"},{"elements":"x"}],"migrations":[{"from":null,"to":"1","steps":[{"rename":{"from":"a","to":"b"}}]},{"from":"1","to":"2"}]}`
	if err != nil || string(got) != want {
		t.Errorf("JSON = %s, %v;\nwant %s", got, err, want)
	}
	d, err := model.ParseJSON(got)
	if err != nil {
		t.Fatal(err)
	}
	again, err := model.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := again.Declaration().JSON(); !bytes.Equal(b, got) {
		t.Errorf("read back it is %s", b)
	}
	if diff := cmp.Diff([]string{"ab", "x"}, again.IndexedPaths()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"ab"}, again.UniquePaths()); diff != "" {
		t.Error(diff)
	}
	if v, _ := again.SchemaVersion().Get(); v != "2" || again.Encoding() != "msgpack" {
		t.Errorf("version %q, encoding %q", v, again.Encoding())
	}
	for _, bad := range []string{`{"name":"a","fields":[{"nam":"x"}]}`, `{"name":1}`, `{} {}`, `{`, strings.Repeat(" ", model.MaxBytes) + "{}"} {
		if _, err := model.ParseJSON([]byte(bad)); err == nil {
			t.Errorf("ParseJSON took %.40s", bad)
		}
	}
}

func TestEmptyStructStaysOne(t *testing.T) {
	m := parse(t, "{name: m, fields: []}")
	b, err := m.Declaration().JSON()
	if err != nil {
		t.Fatal(err)
	}
	d, err := model.ParseJSON(b)
	if err != nil {
		t.Fatal(err)
	}
	again, err := model.Compile(d)
	if err != nil || !m.Typed() || !again.Typed() {
		t.Errorf("%s, %v", b, err)
	}
	if got, err := again.Canonical("json", []byte(" { } ")); err != nil || string(got) != "{}" {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestBinaryPaths(t *testing.T) {
	if diff := cmp.Diff([]string{"attachment", "images"}, example(t, "document").BinaryPaths()); diff != "" {
		t.Error(diff)
	}
	m := parse(t, `{name: m, type: Node, binary_fields: [files.*], types: {Node: {fields: [{name: kids, type: "list[Node]"}, {name: files, type: "map[binary | int]"}, {name: pair, type: "tuple[int, binary]"}]}}}`)
	if diff := cmp.Diff([]string{"files.*", "pair"}, m.BinaryPaths()); diff != "" {
		t.Error(diff)
	}
}

// TestRefusedDeclarations holds where each is refused and why.
func TestRefusedDeclarations(t *testing.T) {
	for yaml, want := range map[string]string{
		"":                              "",
		"name: m\nfeilds: []":           `2:1: a model has no key "feilds"; did you mean "fields"?`,
		"name: m\nzzz: 1":               `2:1: a model has no key "zzz"; known are binary_fields, encoding, fields, indexed_fields, indexes, json_schema, migrations, name, schema_version, tag, tag_field, type, types, unique_fields, unknown_fields`,
		"encoding: json":                `1:1: the model has no name`,
		"name: m\nencoding: xml":        `2:11: encoding "xml" is not known; use json or msgpack`,
		"name: m\nname: n":              `2:1: mapping key "name" already defined at [1:1]`,
		"- a":                           `1:1: a model must be a mapping of keys to values`,
		"name: [":                       `1:7: sequence end token ']' not found`,
		"name: m\nfields: x":            `2:9: a list is expected`,
		"name: m\nfields:\n- {name: a}": `3:3: type "" ends too early`,
		"name: m\nfields:\n- name: a\n  type: lsit[str]":                                                   `4:9: type "lsit" takes nothing in brackets; did you mean "list"?`,
		"name: m\nfields:\n- name: a\n  type: strr":                                                        `4:9: there is no type "strr"; did you mean "str"?`,
		"name: m\nfields:\n- name: a\n  type: str[int]":                                                    `4:9: type "str" takes nothing in brackets`,
		"name: m\nfields:\n- name: a\n  type: list[str":                                                    `4:9: type "list[str" ends too early`,
		"name: m\nfields:\n- name: a\n  type: str}":                                                        `4:9: type "str}": "}" at character 4 is not expected`,
		"name: m\nfields:\n- name: a\n  type: map[int, str]":                                               `4:9: keys of a map are str or an enum of texts, not int: the original cannot store others`,
		"name: m\nfields:\n- name: a\n  type: set[list]":                                                   `4:9: the elements of a set are scalars, not list`,
		"name: m\nfields:\n- name: a\n  type: list[int, str]":                                              `4:9: type "list" takes one type`,
		"name: m\nfields:\n- {name: a, type: int}\n- {name: a, type: int}":                                 `4:10: field "a" is declared twice, first as number 1`,
		"name: m\nfields:\n- {type: int}":                                                                  `3:3: the field has no name`,
		"name: m\nfields:\n- {name: a, type: int, default: x}":                                             `3:33: expected int, found the text "x"`,
		"name: m\nfields:\n- {name: a, type: int, default: 1, optional: true}":                             `3:3: a field is optional or has a default, not both`,
		"name: m\nfields:\n- {name: a, type: int, optional: 1}":                                            `3:34: true or false is expected`,
		"name: m\nfields:\n- {name: a, type: int, values: [1]}":                                            `3:32: the type is int; values belong to an enum`,
		"name: m\nfields:\n- {name: a, type: int, fields: []}":                                             `3:32: the type is int; fields belong to a struct`,
		"name: m\nfields:\n- {name: a, type: enum}":                                                        `3:3: an enum needs values`,
		"name: m\nfields:\n- {name: a, type: enum, values: [1.5]}":                                         `3:34: the values of an enum are texts, integers and null, not 1.5`,
		"name: m\nfields:\n- {name: a, type: int | enum, values: [1]}":                                     `3:19: int and one of 1 cannot be told apart in a union`,
		"name: m\nfields:\n- {name: a, type: str | datetime}":                                              `3:19: str and datetime cannot be told apart in a union`,
		"name: m\ntype: A | B\ntypes:\n  A: {fields: []}\n  B: {tag: b}":                                   `2:7: A has no tag; structs of a union are told apart by their tags`,
		"name: m\ntype: A | B\ntypes:\n  A: {tag: b}\n  B: {tag: b}":                                       `2:7: A and B have the same tag`,
		"name: m\ntype: A | B\ntypes:\n  A: {tag: b}\n  B: {tag: 1}":                                       `2:7: the tags of A and B are of different sorts or fields`,
		"name: m\ntype: A | B | map\ntypes:\n  A: {tag: b}\n  B: {tag: c}":                                 `2:7: a union holds at most one of map, binary and structs`,
		"name: m\ntype: A\ntypes:\n  A: {type: A}":                                                         `4:13: type "A" is defined by itself`,
		"name: m\ntype: A\ntypes:\n  A: {tag: 1.5}":                                                        `4:3: a tag is a text or an integer, not 1.5`,
		"name: m\ntype: A\ntypes:\n  A: {tag: a, fields: [{name: type, type: int}]}":                       `4:23: field "type" is also the field of the tag`,
		"name: m\ntype: A\ntypes:\n  A: {tag_field: a}":                                                    `4:3: a tag_field is declared without a tag`,
		"name: m\ntype: A\ntypes:\n  A: {values: [a], fields: []}":                                         `4:3: values exclude fields, type and tag`,
		"name: m\ntypes:\n  A: {values: [a]}":                                                              `1:1: types or a tag are declared, but no fields`,
		"name: m\ntype: int\ntypes:\n  str: {values: [a]}":                                                 `4:3: a type cannot be named "str"`,
		"name: m\ntype: int\nfields: [{name: a, type: int}]":                                               `3:9: the type is int; fields belong to a struct`,
		"name: m\nfields: [{name: a, type: int}]\nindexed_fields:\n- b":                                    `4:3: "b" leads nowhere: the payload has no field "b"`,
		"name: m\nfields: [{name: abc, type: int}]\nindexed_fields:\n- abd":                                `4:3: "abd" leads nowhere: the payload has no field "abd"; did you mean "abc"?`,
		"name: m\nfields: [{name: a, type: int}]\nindexed_fields: [a.b]":                                   `3:18: "a.b" leads nowhere: "a" has no field "b"`,
		"name: m\nfields: [{name: a, type: int}]\nbinary_fields: [a]":                                      `3:17: "a" is not of type binary`,
		"name: m\nindexes: [{}]":                                                                           `2:11: an index has either keys, or equal, or elements`,
		"name: m\nindexes: [{equal: a, keys: [rev_status]}]":                                               `2:11: an index has either keys, or equal, or elements`,
		"name: m\nindexed_fields: [price]\nindexes: [{equal: prise}]":                                      `3:11: "prise" is not an indexed field; did you mean "price"?`,
		"name: m\nindexed_fields: [price]\nindexes: [{keys: [price]}]":                                     `3:11: "price" is no attribute of a meta; an indexed field is named data.price`,
		"name: m\nindexes: [{keys: [rev_status, rev_status]}]":                                             `2:11: the key "rev_status" is there twice`,
		"name: m\nindexes: [{keys: [data.a]}]":                                                             `2:11: "a" is not an indexed field`,
		"name: m\nindexes: [{key: [rev_status]}]":                                                          `2:12: an index has no key "key"; did you mean "keys"?`,
		"name: m\nbinary_fields: [a, a.b]":                                                                 `2:20: "a.b" leads into another binary field`,
		"name: m\nunknown_fields: no":                                                                      `2:17: "no" is not known; use refuse, drop or keep`,
		"name: m\nschema_version: ''":                                                                      `2:17: the version is empty; leave it out when there is none`,
		"name: m\n---\nname: m":                                                                            `3:7: model "m" is declared twice, first in line 1`,
		"name: &a m\nencoding: *a":                                                                         `1:7: "&" is not supported: anchors, aliases, tags, merge keys, complex keys and directives are not`,
		"name: !!str m":                                                                                    `1:7: "!!str" is not supported: anchors, aliases, tags, merge keys, complex keys and directives are not`,
		"name: m\nfields: [{name: a, type: any, default: 99999999999999999999}]":                           ``,
		"name: m\nfields: [{name: a, type: any, default: .inf}]":                                           `2:40: ".inf" cannot be a value`,
		"name: m\nfields:\n- {name: a, type: A}\ntypes:\n  A: {fields: [{name: a, type: A, default: {}}]}": `1:1: the default contains itself`,
		"name: m\nfields: [{name: a, type: struct, fields: [{name: b, type: int, unique: true}]}]":         `2:43: only fields of the payload itself can be marked as indexed or unique; use indexed_fields`,
		"name: " + strings.Repeat("[", 100):                                                                `1:68: nested deeper than 64`,
		strings.Repeat("- ", 100) + "a":                                                                    `1:127: nested deeper than 64`,
		strings.Repeat("a: ", 100):                                                                         `1:188: nested deeper than 64`,
		"name: m\ntype: " + strings.Repeat("list[", 70) + "int":                                            `2:7: type "list[list[list[list[list[list[list[list[list[list[list[list["… is nested deeper than 64`,
	} {
		models, err := model.ParseYAML("f", []byte(yaml))
		if want == "" {
			if err != nil {
				t.Errorf("%q is refused: %v", yaml, err)
			}
			continue
		}
		var e *model.SourceError
		if !errors.As(err, &e) || err.Error() != "f:"+want {
			t.Errorf("%.200q\n got %v, %d models\nwant f:%s", yaml, err, len(models), want)
		}
	}
}

func FuzzYAML(f *testing.F) {
	for _, s := range []string{everything, shapes, "{name: m, type: 'set[int | str]?'}", "name: m\nbinary_fields: [a.*, b]", "a: [\n", "- - -", "name: |\n  x\n", `{name: m, json_schema: {"anyOf":[{"$ref":"#/$defs/a"},{"type":["integer","null"],"minimum":1}],"$defs":{"a":{"type":"object","properties":{"x":{"$ref":"#"},"y":{"enum":[1,"b"],"default":1}},"required":["x"]}}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		models, err := model.ParseYAML("f", text)
		if err != nil {
			if _, ok := errors.AsType[*model.SourceError](err); !ok {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		for _, m := range models {
			b, err := m.Declaration().JSON()
			if err != nil {
				t.Fatal(err)
			}
			d, err := model.ParseJSON(b)
			if err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			again, err := model.Compile(d)
			if err != nil {
				t.Fatalf("%s: %v", b, err)
			}
			if c, _ := again.Declaration().JSON(); !bytes.Equal(b, c) {
				t.Fatalf("%s became %s", b, c)
			}
		}
	})
}
