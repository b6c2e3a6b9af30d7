package msgpack_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestIntegersTakeTheSmallestForm(t *testing.T) {
	for v, want := range map[int64]string{
		0: "00", 127: "7f", 128: "cc80", 255: "ccff", 256: "cd0100", 65535: "cdffff", 65536: "ce00010000",
		math.MaxUint32: "ceffffffff", math.MaxUint32 + 1: "cf0000000100000000", math.MaxInt64: "cf7fffffffffffffff",
		-1: "ff", -32: "e0", -33: "d0df", -128: "d080", -129: "d1ff7f", -32768: "d18000", -32769: "d2ffff7fff",
		math.MinInt32: "d280000000", math.MinInt32 - 1: "d3ffffffff7fffffff", math.MinInt64: "d38000000000000000",
	} {
		b := msgpack.AppendInt(nil, v)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
		r := msgpack.NewReader(b)
		if got, err := r.Int(); got != v || err != nil || r.End() != nil {
			t.Errorf("%s: %d, %v", want, got, err)
		}
		r = msgpack.NewReader(b)
		if canonical, err := r.Check(); !canonical || err != nil {
			t.Errorf("%s is not canonical: %v", want, err)
		}
	}
}

func TestHeadsTakeTheSmallestForm(t *testing.T) {
	for _, n := range []int{0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536} {
		s := strings.Repeat("x", n)
		elements := bytes.Repeat([]byte{0xc0}, n)
		for name, b := range map[string][]byte{
			"str":   msgpack.AppendString(nil, s),
			"bin":   msgpack.AppendBin(nil, []byte(s)),
			"array": append(msgpack.AppendArrayHead(nil, n), elements...),
		} {
			r := msgpack.NewReader(b)
			if canonical, err := r.Check(); !canonical || err != nil || r.End() != nil {
				t.Errorf("%s of %d: canonical %v, %v", name, n, canonical, err)
			}
		}
		r := msgpack.NewReader(append(append(msgpack.AppendMapHead(nil, n), elements...), elements...))
		if got, err := r.MapLen(); got != n || err != nil {
			t.Errorf("map of %d: %d, %v", n, got, err)
		}
	}
}

func TestLongerFormsAreReadButNotCanonical(t *testing.T) {
	for form, want := range map[string]any{
		"cc7f": int64(127), "cd00ff": int64(255), "ce0000ffff": int64(65535), "cf00000000ffffffff": int64(math.MaxUint32),
		"d0e0": int64(-32), "d1ff80": int64(-128), "d2ffff8000": int64(-32768), "d3ffffffff80000000": int64(math.MinInt32),
		"d07f": int64(127), "d9 01 61": "a", "da 0001 61": "a", "db 00000001 61": "a",
		"c5 0001 61": []byte("a"), "c6 00000001 61": []byte("a"), "ca 3fc00000": 1.5,
		"dc 0001 c0": []any{nil}, "dd 00000001 c0": []any{nil}, "de 0000": map[string]any{}, "df 00000000": map[string]any{},
		"d7ff 0000000000000005": time.Unix(5, 0).UTC(), "c704ff 00000005": time.Unix(5, 0).UTC(),
		"82 a162 01 a161 02": map[string]any{"a": int64(2), "b": int64(1)}, "82 a161 01 a161 02": map[string]any{"a": int64(2)},
		"81 a161 cc05": map[string]any{"a": int64(5)}, "91 81 d90161 05": []any{map[string]any{"a": int64(5)}},
	} {
		b := unhex(t, form)
		r := msgpack.NewReader(b)
		if canonical, err := r.Check(); canonical || err != nil {
			t.Errorf("%s: canonical %v, %v", form, canonical, err)
		}
		s := msgpack.NewReader(string(b))
		if got, err := s.Value(); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v; want %v", form, got, err, want)
		}
		k := msgpack.NewReader(b)
		if err := k.Skip(); err != nil || k.End() != nil {
			t.Errorf("%s: skip %v", form, err)
		}
	}
}

func TestTimestamps(t *testing.T) {
	for form, want := range map[string]time.Time{
		"d6ff 65937d25":                    time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		"d7ff 00000fa0 65937d25":           time.Date(2024, 1, 2, 3, 4, 5, 1000, time.UTC),
		"c70cff 3b9ac618 ffffffffffffffff": time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		"d7ff ee6b1863 ffffffff":           time.Date(2514, 5, 30, 1, 53, 3, 999_999_000, time.UTC),
		"c70cff 00000000 0000000400000000": time.Date(2514, 5, 30, 1, 53, 4, 0, time.UTC),
		"c70cff 00000000 fffffff1886e0900": time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC),
		"c70cff 3b9ac618 0000003afff4417f": time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		b := unhex(t, form)
		if got := msgpack.AppendTime(nil, want.In(time.FixedZone("", 3600))); !bytes.Equal(got, b) {
			t.Errorf("%v: %x, want %x", want, got, b)
		}
		r := msgpack.NewReader(b)
		if got, err := r.Time(); err != nil || got != want {
			t.Errorf("%s: %v, %v", form, got, err)
		}
	}
	for form, micros := range map[string]int64{"d7ff 0000177000000005": 5_000_002, "d7ff ee6b27fc00000005": 6_000_000} {
		r := msgpack.NewReader(unhex(t, form))
		if got, err := r.Time(); err != nil || got.UnixMicro() != micros {
			t.Errorf("%s: %v, %v; want it rounded", form, got, err)
		}
	}
}

func TestRefusedValues(t *testing.T) {
	for form, msg := range map[string]string{
		"":                               "the input ends where a value is expected at byte 0",
		"c1":                             "byte c1 is not msgpack at byte 0",
		"cd 01":                          "the input ends inside the head of a value at byte 0",
		"a2 61":                          "str of length 2 is longer than the 1 bytes left at byte 0",
		"92 01":                          "array of length 2 is longer than the 1 bytes left at byte 0",
		"92 01 a1":                       "str of length 1 is longer than the 0 bytes left at byte 2",
		"81 a161":                        "the input ends where a value is expected at byte 3",
		"81 01 02":                       "expected str, found int at byte 1",
		"81 c40161 02":                   "expected str, found bin at byte 1",
		"91 a1ff":                        "text is not UTF-8 at byte 1",
		"d4 05 61":                       "extension type 5 is not known at byte 0",
		"c7":                             "the input ends inside the head of a value at byte 0",
		"c7 03 ff 000000":                "timestamp of 3 bytes at byte 0",
		"d6":                             "the input ends inside the head of a value at byte 0",
		"d7ff ee6b280000000005":          "timestamp with 1000000000 nanoseconds at byte 0",
		"c70cff000000000004000000000000": "timestamp outside of the years 1 to 9999 at byte 0",
		"c6 7fffffff":                    "bin of length 2147483647 is longer than the 0 bytes left at byte 0",
		"dd ffffffff":                    "array of length 4294967295 is longer than the 0 bytes left at byte 0",
		"df ffffffff":                    "map of length 4294967295 is longer than the 0 bytes left at byte 0",
		strings.Repeat("91", 70) + "c0":  "nested deeper than 64 at byte 64",
	} {
		b := unhex(t, form)
		r := msgpack.NewReader(b)
		if _, err := r.Check(); err == nil || err.Error() != msg {
			t.Errorf("%s: Check says %v, want %s", form, err, msg)
		}
		s := msgpack.NewReader(string(b))
		if _, err := s.Value(); err == nil || err.Error() != msg {
			t.Errorf("%s: Value says %v, want %s", form, err, msg)
		}
	}
}

func TestTooManyValues(t *testing.T) {
	n := msgpack.MaxValues
	b := append(msgpack.AppendArrayHead(nil, n), bytes.Repeat([]byte{0xc0}, n)...)
	r := msgpack.NewReader(b)
	if _, err := r.Check(); err == nil {
		t.Fatal("it was accepted")
	}
}

func TestTypesAreStrict(t *testing.T) {
	for name, read := range map[string]func(*msgpack.Reader[string]) error{
		"MapLen":   func(r *msgpack.Reader[string]) error { _, err := r.MapLen(); return err },
		"ArrayLen": func(r *msgpack.Reader[string]) error { _, err := r.ArrayLen(); return err },
		"Bool":     func(r *msgpack.Reader[string]) error { _, err := r.Bool(); return err },
		"Int":      func(r *msgpack.Reader[string]) error { _, err := r.Int(); return err },
		"Str":      func(r *msgpack.Reader[string]) error { _, err := r.Str(); return err },
		"Bin":      func(r *msgpack.Reader[string]) error { _, err := r.Bin(); return err },
		"Time":     func(r *msgpack.Reader[string]) error { _, err := r.Time(); return err },
	} {
		r := msgpack.NewReader("\xcb\x40\x00\x00\x00\x00\x00\x00\x00")
		if err := read(&r); err == nil || !strings.Contains(err.Error(), "found float at byte 0") {
			t.Errorf("%s of a float: %v", name, err)
		}
	}
	r := msgpack.NewReader("\xcf\xff\xff\xff\xff\xff\xff\xff\xff")
	if _, err := r.Int(); err == nil {
		t.Error("Int took 2^64 - 1")
	}
}
