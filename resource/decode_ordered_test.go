package resource

import (
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// seeds returns the fuzz seeds of a target.
func seeds(t *testing.T, target string) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "fuzz", target, "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no seeds of %s, %v", target, err)
	}
	var out [][]byte
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, quoted, _ := strings.Cut(strings.TrimSuffix(string(text), ")\n"), "[]byte(")
		seed, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		out = append(out, []byte(seed))
	}
	return out
}

// mutants yields b and every change of one of its bytes to some others.
func mutants(b []byte) func(func(string) bool) {
	return func(yield func(string) bool) {
		if !yield(string(b)) {
			return
		}
		for i := range b {
			for _, c := range []byte{b[i] ^ 1, b[i] + 16, 0xc0, 0xff, 0x81, 0} {
				changed := append([]byte{}, b...)
				changed[i] = c
				if !yield(string(changed)) {
					return
				}
			}
		}
	}
}

// TestBothWaysAgree checks that the quick way accepts nothing that the general
// one refuses, and reads the same.
func TestBothWaysAgree(t *testing.T) {
	quick := 0
	for _, seed := range seeds(t, "FuzzDecodeMeta") {
		for s := range mutants(seed) {
			var m Meta
			if !m.decodeOrdered(s) {
				continue
			}
			quick++
			if want, err := decodeMeta(Msgpack, s); err != nil || !reflect.DeepEqual(m, want) {
				t.Fatalf("%q: the quick way read %+v, the general one %+v, %v", s, m, want, err)
			}
		}
	}
	for _, seed := range seeds(t, "FuzzDecodeRevisionInfo") {
		for s := range mutants(seed) {
			i, rest, ok := CutRevisionInfo(s)
			if !ok || rest != "" {
				continue
			}
			quick++
			if want, err := decodeRevisionInfo(Msgpack, s); err != nil || !reflect.DeepEqual(i, want) {
				t.Fatalf("%q: the quick way read %+v, the general one %+v, %v", s, i, want, err)
			}
		}
	}
	if quick < 100 {
		t.Fatalf("only %d inputs took the quick way", quick)
	}
}
