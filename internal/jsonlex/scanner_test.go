package jsonlex

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestInteger(t *testing.T) {
	for _, tc := range []struct {
		digits    string
		negative  bool
		magnitude uint64
		ok        bool
	}{
		{"0", false, 0, true},
		{"-0", false, 0, true},
		{"18446744073709551615", false, 1<<64 - 1, true},
		{"18446744073709551616", false, 0, false},
		{"99999999999999999999", false, 0, false},
		{"100000000000000000000", false, 0, false},
		{"-9223372036854775808", true, 1 << 63, true},
		{"-9223372036854775809", false, 0, false},
	} {
		negative, magnitude, ok := Integer([]byte(tc.digits))
		if negative != tc.negative && ok || ok != tc.ok || ok && magnitude != tc.magnitude {
			t.Errorf("Integer(%s) = %v, %d, %v", tc.digits, negative, magnitude, ok)
		}
	}
}

func TestSkip(t *testing.T) {
	for text, end := range map[string]int{
		`1,`: 1, ` "a" ]`: 4, `{}`: 2, `[ ]x`: 3, `{"a":[1,{"b":null},[]],"c":{}} `: 30, `[true,false]`: 12, `-1.5e3 `: 6,
	} {
		s := Scanner{B: []byte(text)}
		if err := s.Skip(3); err != nil || s.Pos != end {
			t.Errorf("Skip(%s) stopped at %d, %v; want %d", text, s.Pos, err, end)
		}
	}
	for text, offset := range map[string]int{
		``: 0, `[1`: 2, `{"a"}`: 4, `{1:2}`: 1, `[1,]`: 3, `{"a":1,}`: 7, `[[[[1]]]]`: 3, `tru`: 0, `[1}`: 2, "[\"\x01\"]": 2,
	} {
		s := Scanner{B: []byte(text)}
		err, _ := s.Skip(3).(*Error)
		if err == nil || err.Offset != offset {
			t.Errorf("Skip(%s) gave %v, want an error at %d", text, err, offset)
		}
	}
}

// FuzzSkip compares with the standard library, which takes more: invalid UTF-8
// and half surrogate pairs.
func FuzzSkip(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}]}`, `[`, `1.5e-7`, `"\ud83d\ude00"`, strings.Repeat("[", 40)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := Scanner{B: text}
		if err := s.Skip(32); err != nil {
			return
		}
		if s.Space(); s.Pos == len(text) && !json.Valid(text) {
			t.Errorf("%q was taken and is not JSON", text)
		}
	})
}
