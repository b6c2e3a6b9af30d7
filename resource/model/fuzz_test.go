package model_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/resource/payload"
)

// kinds has a field of every kind.
const kinds = `
name: kinds
unknown_fields: keep
fields:
  - {name: str, type: str, default: ""}
  - {name: int, type: int, optional: true}
  - {name: float, type: float?, default: 0.0}
  - {name: bool, type: bool, default: false}
  - {name: datetime, type: datetime, optional: true}
  - {name: date, type: date, optional: true}
  - {name: time, type: time, optional: true}
  - {name: duration, type: duration, optional: true}
  - {name: uuid, type: uuid, optional: true}
  - {name: decimal, type: decimal, default: "1.50"}
  - {name: bytes, type: bytes, default: ""}
  - {name: enum, type: enum, values: [a, 1], default: a}
  - {name: binary, type: binary, optional: true}
  - {name: list, type: "list[K]", default: []}
  - {name: set, type: "set[int | str]", default: []}
  - {name: times, type: "set[datetime]", default: []}
  - {name: tuple, type: "tuple[int, str]?", default: null}
  - {name: map, type: "map[map[int]]", default: {}}
  - {name: any, type: any, default: null}
  - {name: union, type: "A | B | float | decimal | list[str]", default: 1.0}
types:
  K: {fields: [{name: x, type: int}, {name: k, type: K?, default: null}]}
  A: {tag: a}
  B: {tag: b, fields: [{name: z, type: str, optional: true}, {name: y, type: float, default: 1.5}]}
`

// FuzzCanonical checks that what is written is a payload of the model again,
// with the same bytes, and that both encodings say the same.
func FuzzCanonical(f *testing.F) {
	for _, s := range []string{
		`{"list":[{"k":{"x":2},"x":1}],"union":{"type":"b"},"times":["2024-01-02 03:04:05.5Z"],"set":[2,1],"zz":{"b":1,"a":2}}`,
		`{"decimal":1e3,"duration":"PT1.5H","time":"01:02:03+0800","uuid":"ABCDEF0000000000000000000000000A","bytes":"YWJj"}`,
		`{"binary":{"data":"YWJj","size":3},"tuple":[1,"x"],"map":{"b":{"d":1,"c":2},"a":{}},"any":[1.0,{"b":null,"a":[]}],"enum":1}`,
		`{"union":1.5,"float":1,"int":18446744073709551616}`, `{"union":["a"],"date":"2024-02-29"}`, `{"n\u0061me":"\ud83d\ude00"}`,
	} {
		f.Add([]byte(s))
	}
	models, err := model.ParseYAML("kinds.yaml", []byte(kinds))
	if err != nil {
		f.Fatal(err)
	}
	m := models[0]
	f.Fuzz(func(t *testing.T, text []byte) {
		once, err := m.Canonical(resource.JSON, text)
		packed, perr := m.Canonical(resource.Msgpack, text)
		for _, err := range []error{err, perr} {
			if err == nil {
				continue
			}
			if _, ok := errors.AsType[*model.ValueError](err); ok {
				continue
			}
			if _, ok := errors.AsType[*payload.SyntaxError](err); !ok {
				t.Fatalf("an error of type %T: %v", err, err)
			}
		}
		if err != nil {
			if perr == nil {
				t.Fatalf("msgpack takes what JSON refuses: %v", err)
			}
			return
		}
		twice, err := m.Canonical(resource.JSON, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("Canonical(%q) = %q, %v; not what it gave before", once, twice, err)
		}
		if perr != nil {
			return
		}
		again, err := m.Canonical(resource.Msgpack, once)
		if err != nil || !bytes.Equal(again, packed) {
			t.Fatalf("by %q msgpack is %x, %v; want %x", once, again, err, packed)
		}
		if _, err := payload.AppendJSON(nil, packed); err != nil {
			t.Fatalf("%x cannot be read: %v", packed, err)
		}
	})
}
