package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLine(t *testing.T) {
	for _, tc := range []struct {
		line string
		want entry
	}{
		{"pkg bytes, func Clone([]uint8) []uint8 #45038", entry{Package: "bytes", Name: "Clone", Kind: "func", Text: "func Clone([]uint8) []uint8"}},
		{"pkg syscall (linux-386-cgo), const AF_ALG = 38", entry{Package: "syscall", OS: "linux", Arch: "386-cgo", Name: "AF_ALG", Kind: "const", Text: "const AF_ALG = 38"}},
		{"pkg io, var EOF error", entry{Package: "io", Name: "EOF", Kind: "var", Text: "var EOF error"}},
		{"pkg os, type FileMode = fs.FileMode", entry{Package: "os", Name: "FileMode", Kind: "type", Text: "type FileMode = fs.FileMode"}},
		{
			"pkg sync/atomic, method (*Pointer[$0]) CompareAndSwap(*$0, *$0) bool #50860",
			entry{Package: "sync/atomic", Name: "Pointer.CompareAndSwap", Kind: "method", Text: "method (*Pointer[$0]) CompareAndSwap(*$0, *$0) bool"},
		},
		{"pkg hash, type Hash interface, BlockSize() int", entry{Package: "hash", Name: "Hash.BlockSize", Kind: "method", Text: "type Hash interface, BlockSize() int"}},
		{"pkg go/ast, type Decl interface, unexported methods", entry{Package: "go/ast", Name: "Decl", Kind: "type", Text: "type Decl interface, unexported methods"}},
		{"pkg bufio, type ReadWriter struct, embedded *Reader", entry{Package: "bufio", Name: "ReadWriter.Reader", Kind: "field", Text: "type ReadWriter struct, embedded *Reader"}},
		{"pkg a, type T[$0 any] struct, F map[string][]int", entry{Package: "a", Name: "T.F", Kind: "field", Text: "type T[$0 any] struct, F map[string][]int"}},
		{"pkg math/rand, func Seed //deprecated #56319", entry{Package: "math/rand", Name: "Seed", Kind: "func", Text: "func Seed", Deprecated: true}},
	} {
		got, ok, err := parseLine(tc.line)
		if err != nil || !ok {
			t.Errorf("parseLine(%q) = %v, %v", tc.line, ok, err)
			continue
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("parseLine(%q): -want +got\n%s", tc.line, d)
		}
	}
	for _, line := range []string{"", "# a comment"} {
		if _, ok, err := parseLine(line); ok || err != nil {
			t.Errorf("parseLine(%q) = %v, %v; want nothing", line, ok, err)
		}
	}
	for _, line := range []string{"package x", "pkg x, label y"} {
		if _, _, err := parseLine(line); err == nil {
			t.Errorf("parseLine(%q) gave no error", line)
		}
	}
}
