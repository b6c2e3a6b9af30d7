package jsonlex

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestPlainFindsEveryByte puts each byte at each place of a text, with every kind of
// neighbour behind it.
func TestPlainFindsEveryByte(t *testing.T) {
	for _, rest := range []string{"a", " ", "!", "#", "[", "]", "\x7f", "\"", "\\", "\x00", "\x1f", "\x80", "\xff"} {
		for size := range 20 {
			for at := range size {
				for c := range 256 {
					b := append(bytes.Repeat([]byte("a"), at), byte(c))
					b = append(b, strings.Repeat(rest, size-at-1)...)
					checkPlain(t, b)
				}
			}
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add([]byte("some text, \"quoted\", of more than a word \u00e9"))
	f.Fuzz(checkPlain)
}

// checkPlain holds both searches against a look at every byte.
func checkPlain(t *testing.T, b []byte) {
	want := bytes.IndexFunc(b, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })
	if want < 0 {
		want = len(b)
	}
	if got, also := nextEscaped(b, 0), nextEscaped(string(b), 0); got != want || also != want {
		t.Fatalf("nextEscaped of %q is %d and %d, want %d", b, got, also, want)
	}
	if high := bytes.IndexFunc(b[:want], func(r rune) bool { return r >= utf8.RuneSelf }); high >= 0 {
		want = high
	}
	if got := Plain(b, 0); got != want {
		t.Fatalf("Plain of %q is %d, want %d", b, got, want)
	}
}

func BenchmarkPlain(b *testing.B) {
	text := bytes.Repeat([]byte("x"), 800)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		Plain(text, 0)
	}
}

func BenchmarkAppendText(b *testing.B) {
	text := strings.Repeat("x", 800)
	out := make([]byte, 0, 1000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		AppendText(out, text)
	}
}
