package payload_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// TestCanonicalScalars holds the bytes of the original's encoders.
func TestCanonicalScalars(t *testing.T) {
	var v struct {
		Scalars []struct{ Kind, JSON, Msgpack string }
	}
	readJSON(t, "testdata/vectors.json", &v)
	sameInMsgpack := map[string]bool{"null": true, "true": true, "int": true, "float": true, "str": true}
	compared := 0
	for _, s := range v.Scalars {
		if s.JSON == "" || strings.HasPrefix(s.JSON, "error") {
			continue
		}
		got, err := payload.Canonical(resource.JSON, []byte(" "+s.JSON+"\n"))
		if err != nil || string(got) != s.JSON {
			t.Errorf("%s: Canonical(json, %s) = %s, %v", s.Kind, s.JSON, got, err)
		}
		want, err := hex.DecodeString(s.Msgpack)
		if err != nil || !sameInMsgpack[s.Kind] || s.JSON == "null" && s.Kind != "null" {
			continue
		}
		compared++
		got, err = payload.Canonical(resource.Msgpack, []byte(s.JSON))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Canonical(msgpack, %s) = %x, %v; want %x", s.Kind, s.JSON, got, err, want)
		}
	}
	if compared < 20 {
		t.Errorf("only %d scalars were compared in msgpack", compared)
	}
}

// TestCanonicalJSON holds answers of msgspec 0.22, but for keys, which it sorts.
func TestCanonicalJSON(t *testing.T) {
	for in, want := range map[string]string{
		`-0`:                            `0`,
		`-0.0`:                          `-0.0`,
		`1.0`:                           `1.0`,
		`1e300`:                         `1e300`,
		`1E5`:                           `100000.0`,
		`1e+5`:                          `100000.0`,
		`1e16`:                          `1e16`,
		`0.00001`:                       `0.00001`,
		`0.000001`:                      `1e-6`,
		`1e-400`:                        `0.0`,
		`5e-324`:                        `5e-324`,
		`12345678901234567.8`:           `1.2345678901234568e16`,
		`9007199254740993.0`:            `9007199254740992.0`,
		`2.2250738585072011e-308`:       `2.225073858507201e-308`,
		`18446744073709551616`:          `18446744073709551616`,
		`-9223372036854775809`:          `-9223372036854775809`,
		`"\u0041\/\u0001\u2028"`:        "\"A/\\u0001\u2028\"",
		`"\ud83d\ude00 \u007f \u0000"`:  "\"😀 \x7f \\u0000\"",
		`"\"\\\b\f\n\r\t"`:              `"\"\\\b\f\n\r\t"`,
		` { "b" : [ ] , "a":[1 , 2 ] }`: `{"b":[],"a":[1,2]}`,
		`{"\u0061":{},"b":""}`:          `{"a":{},"b":""}`,
	} {
		got, err := payload.Canonical(resource.JSON, []byte(in))
		if err != nil || string(got) != want {
			t.Errorf("Canonical(json, %s) = %s, %v; want %s", in, got, err, want)
		}
	}
}

func TestCanonicalMsgpack(t *testing.T) {
	sixteen := "[" + strings.Repeat("1,", 15) + "1]"
	for in, want := range map[string]string{
		`{"b":1,"a":[true,null]}`:          "82a16201a16192c3c0",
		`[-1,-33,-129,-32769,-2147483649]`: "95ffd0dfd1ff7fd2ffff7fffd3ffffffff7fffffff",
		`-9223372036854775808`:             "d38000000000000000",
		`18446744073709551615`:             "cfffffffffffffffff",
		`1.0`:                              "cb3ff0000000000000",
		sixteen:                            "dc0010" + strings.Repeat("01", 16),
	} {
		got, err := payload.Canonical(resource.Msgpack, []byte(in))
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("Canonical(msgpack, %s) = %x, %v; want %s", in, got, err, want)
		}
	}
}

func TestCanonicalRefuses(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		enc      resource.Encoding
		offset   int
	}{
		{"nothing", "", resource.JSON, 0},
		{"two values", "1 2", resource.JSON, 2},
		{"leading zero", "01", resource.JSON, 2},
		{"bare point", "1.", resource.JSON, 2},
		{"bare exponent", "[1e]", resource.JSON, 3},
		{"bare minus", "-", resource.JSON, 1},
		{"plus", "+1", resource.JSON, 0},
		{"NaN", "NaN", resource.JSON, 0},
		{"float out of range", " 1e400", resource.JSON, 1},
		{"integer too long", strings.Repeat("1", payload.MaxDigits+1), resource.JSON, 0},
		{"trailing comma", "[1,]", resource.JSON, 3},
		{"trailing comma in object", `{"a":1,}`, resource.JSON, 7},
		{"no colon", `{"a" 1}`, resource.JSON, 5},
		{"key is no text", `{1:1}`, resource.JSON, 1},
		{"repeated key", `{"a":1,"b":{"a":1},"\u0061":2}`, resource.JSON, 19},
		{"high surrogate alone", `"\ud800"`, resource.JSON, 1},
		{"low surrogate alone", `"a\udc00"`, resource.JSON, 2},
		{"two high surrogates", `"\ud800\ud800"`, resource.JSON, 1},
		{"not UTF-8", "\"a\xff\"", resource.JSON, 2},
		{"encoded surrogate", "\"\xed\xa0\x80\"", resource.JSON, 1},
		{"raw control character", "\"\x01\"", resource.JSON, 1},
		{"unknown escape", `"\x"`, resource.JSON, 1},
		{"signed hex", `"\u+041"`, resource.JSON, 1},
		{"string without end", `["abc`, resource.JSON, 1},
		{"array without end", `[1`, resource.JSON, 2},
		{"byte order mark", "\ufeff1", resource.JSON, 0},
		{"too deep", strings.Repeat("[", payload.MaxDepth+1), resource.JSON, payload.MaxDepth},
		{"big integer in msgpack", `{"n":18446744073709551616}`, resource.Msgpack, 5},
		{"small integer in msgpack", `-9223372036854775809`, resource.Msgpack, 0},
		{"too long", strings.Repeat(" ", payload.MaxBytes) + "1", resource.JSON, payload.MaxBytes},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := payload.Canonical(tc.enc, []byte(tc.in))
			e, ok := errors.AsType[*payload.SyntaxError](err)
			if !ok || e.Offset != tc.offset {
				t.Errorf("Canonical = %.40q, %v; want an error at byte %d", got, err, tc.offset)
			}
		})
	}
}

func TestCanonicalTakesTheLimit(t *testing.T) {
	deep := strings.Repeat("[", payload.MaxDepth) + strings.Repeat("]", payload.MaxDepth)
	if got, err := payload.Canonical(resource.JSON, []byte(deep)); err != nil || string(got) != deep {
		t.Errorf("nesting of %d gave %s, %v", payload.MaxDepth, got, err)
	}
	var many bytes.Buffer
	many.WriteByte('{')
	for i := range 1000 {
		if i > 0 {
			many.WriteByte(',')
		}
		many.WriteString(`"k` + strings.Repeat("x", i) + `":1`)
	}
	many.WriteByte('}')
	if got, err := payload.Canonical(resource.JSON, many.Bytes()); err != nil || !bytes.Equal(got, many.Bytes()) {
		t.Errorf("a thousand keys gave %.40s, %v", got, err)
	}
	many.Truncate(many.Len() - 1)
	many.WriteString(`,"kxx":2}`)
	if _, err := payload.Canonical(resource.JSON, many.Bytes()); err == nil {
		t.Error("a repeated key among a thousand was taken")
	}
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}
