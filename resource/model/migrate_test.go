package model

import (
	"fmt"
	"strings"
	"testing"
)

func TestStepsOfAMigration(t *testing.T) {
	for _, c := range []struct {
		name, steps, before, after, refused string
	}{
		{"nothing", `[]`, `{"a":1.0}`, `{"a":1.0}`, ""},
		{"rename", `[{rename: {from: a, to: b}}]`, `{"z":0,"a":1,"y":2}`, `{"z":0,"y":2,"b":1}`, ""},
		{"rename of nothing", `[{rename: {from: a, to: b}}]`, `{"b":1}`, `{"b":1}`, ""},
		{"rename within", `[{rename: {from: in.a, to: /in/b}}]`, `{"in":{"a":[1]}}`, `{"in":{"b":[1]}}`, ""},
		{"rename to what is there", `[{rename: {from: a, to: b}}]`, `{"a":1,"b":2}`, "", "rename to b: there is such a field already"},
		{"remove first", `[{remove: b}, {rename: {from: a, to: b}}]`, `{"a":1,"b":2}`, `{"b":1}`, ""},
		{"remove of nothing", `[{remove: b}]`, `{"a":1}`, `{"a":1}`, ""},
		{"set", `[{set: {path: a, value: "x"}}, {set: {path: b, value: null}}]`, `{"a":1}`, `{"a":"x","b":null}`, ""},
		{"default", `[{default: {path: a, value: 5}}, {default: {path: b, value: 6}}]`, `{"a":null}`, `{"a":null,"b":6}`, ""},
		{"patch", `[{patch: [{op: test, path: /a, value: 1}, {op: add, path: /l/-, value: 2}]}]`, `{"a":1,"l":[1]}`, `{"a":1,"l":[1,2]}`, ""},
		{"merge", `[{patch: {a: null, b: 1}}]`, `{"a":1}`, `{"b":1}`, ""},
		{"patch that does not fit", `[{patch: [{op: remove, path: /a}]}]`, `{}`, "", "step 0"},
	} {
		models, err := ParseYAML("t.yaml", fmt.Appendf(nil, "name: m\nschema_version: \"2\"\nmigrations: [{from: \"1\", to: \"2\", steps: %s}]\n", c.steps))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		after, err := models[0].Steps()[0].Apply([]byte(c.before))
		if c.refused != "" {
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Errorf("%s: %s, %v", c.name, after, err)
			}
			continue
		}
		if err != nil || string(after) != c.after {
			t.Errorf("%s: %s, %v; want %s", c.name, after, err, c.after)
		}
	}
}

func TestMigrationsThatMakeNoSense(t *testing.T) {
	for says, migrations := range map[string]string{
		"is missing":        `[{from: "1", steps: []}]`,
		"to itself":         `[{from: "1", to: "1"}]`,
		"declared twice":    `[{from: null, to: "1"}, {from: null, to: "1"}]`,
		"one of rename":     `[{from: "1", to: "2", steps: [{rename: {from: a, to: b}, remove: c}]}]`,
		`"paint" is not`:    `[{from: "1", to: "2", steps: [{paint: red}]}]`,
		"needs from and to": `[{from: "1", to: "2", steps: [{rename: {from: a}}]}]`,
		"path and value":    `[{from: "1", to: "2", steps: [{set: {path: a}}]}]`,
		"unknown field":     `[{from: "1", to: "2", steps: [{set: {path: a, value: 1, when: now}}]}]`,
	} {
		_, err := ParseYAML("t.yaml", []byte("name: m\nmigrations: "+migrations+"\n"))
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "t.yaml:2") {
			t.Errorf("%s: %v", says, err)
		}
	}
}
