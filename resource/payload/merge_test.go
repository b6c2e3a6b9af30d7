package payload_test

import "testing"

// TestMergePatch goes through RFC 7386: its rules, and those of its examples
// (appendix A) whose patch is an object.
func TestMergePatch(t *testing.T) {
	checkPatches(t, []patchCase{
		{"replace", `{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{"add at the end", `{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{"remove the only field", `{"a":"b"}`, `{"a":null}`, `{}`},
		{"remove one of two", `{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{"text for an array", `{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{"array for a text", `{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{"within", `{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{"arrays are replaced as a whole", `{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{"null stays in arrays", `{"a":1}`, `{"a":[null,{"b":null}]}`, `{"a":[null,{"b":null}]}`},
		{"null of the target stays", `{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{"a target that is an array", `[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{"a target that is an array, and nothing", `[1,2]`, `{}`, `{}`},
		{"null is left out of what is new", `{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{"an object for a scalar", `{"a":1,"z":2}`, `{"a":{"b":{"c":1.0}}}`, `{"a":{"b":{"c":1.0}},"z":2}`},
		{"nothing", `{"a":{"b":1}}`, `{}`, `{"a":{"b":1}}`},
		{"places and order", `{"c":1,"b":2,"a":3}`, `{"z":1,"a":4,"y":2,"c":5}`, `{"c":5,"b":2,"a":4,"z":1,"y":2}`},
	})
}
