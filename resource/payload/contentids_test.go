package payload

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/msgpack"
)

const (
	id1 = "0123456789abcdef0123456789abcdef"
	id2 = "ffffffffffffffffffffffffffffff00"
)

// idsIn returns what ContentIDs finds, as hex digits.
func idsIn(p []byte) ([]string, error) {
	var ids []string
	err := ContentIDs(p, func(id ContentID) { ids = append(ids, fmt.Sprintf("%x", id)) })
	return ids, err
}

func TestContentIDs(t *testing.T) {
	bin := msgpack.AppendBin(nil, []byte("see "+id1))
	packed := msgpack.AppendString(msgpack.AppendString(msgpack.AppendMapHead(nil, 1), "blob/"+id1), id2)
	for name, tc := range map[string]struct {
		payload string
		want    []string
	}{
		"reference":          {`{"file_id":"` + id1 + `","size":3}`, []string{id1}},
		"text around it":     {`["/blobs/` + id1 + `?x=1 and ` + id2 + `"]`, []string{id1, id2}},
		"key":                {`{"` + id1 + `":null}`, []string{id1}},
		"escaped":            {`"\u0030123456789abcdef0123456789abcde\u0066"`, []string{id1}},
		"upper case":         {`"` + strings.ToUpper(id1) + `"`, []string{id1}},
		"within a long row":  {`"aa` + id1 + `"`, []string{"aa0123456789abcdef0123456789abcd", "a0123456789abcdef0123456789abcde", id1}},
		"one digit short":    {`"` + id1[1:] + `"`, nil},
		"broken by a dash":   {`"01234567-89abcdef0123456789abcdef"`, nil},
		"across two texts":   {`["` + id1[:16] + `","` + id1[16:] + `"]`, nil},
		"long integer":       {`[12345678901234567890123456789012]`, []string{"12345678901234567890123456789012"}},
		"msgpack map":        {string(packed), []string{id1, id2}},
		"msgpack bytes":      {string(bin), []string{id1}},
		"nothing to be seen": {`{"a":[1,2.5,true,null,"text"]}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := idsIn([]byte(tc.payload))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContentIDsOfDamagedPayloads(t *testing.T) {
	for name, p := range map[string]string{
		"empty": "", "cut": `{"a":"` + id1 + `"`, "two values": `"` + id1 + `" 1`, "zip": "PK\x03\x04" + id1, "cut msgpack": "\x82\xa1a\x01",
	} {
		_, err := idsIn([]byte(p))
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%s: error is %v, want a SyntaxError", name, err)
		}
	}
}

func TestParseContentID(t *testing.T) {
	id, ok := ParseContentID(id1)
	if !ok || fmt.Sprintf("%x", id) != id1 {
		t.Errorf("%s gives %x, %v", id1, id, ok)
	}
	for _, other := range []string{"", id1[1:], id1 + "0", strings.ToUpper(id1), "g" + id1[1:], id1[:31] + "-", "-" + id1[:31], "__job_log__/" + id1} {
		if id, ok := ParseContentID(other); ok {
			t.Errorf("%q gives %x", other, id)
		}
	}
}

// Every reference that is found by its shape is found by its digits too.
func TestContentIDsHoldBinaries(t *testing.T) {
	for _, p := range []string{
		`{"a":{"file_id":"` + id1 + `","size":1},"b":[{"size":2,"content_type":"x","file_id":"` + id2 + `"}]}`,
		`[{"file_id":"\u0030` + id1[1:] + `","size":0}]`,
	} {
		ids, err := idsIn([]byte(p))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range Binaries([]byte(p)) {
			if !slices.Contains(ids, b.FileID) {
				t.Errorf("%s of %s is not found by its digits", b.FileID, p)
			}
		}
	}
}

func BenchmarkContentIDs(b *testing.B) {
	p := []byte(`{"title":"` + strings.Repeat("some text, ", 30) + `","file":{"file_id":"` + id1 + `","size":1},"n":[1,2,3,4]}`)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		if err := ContentIDs(p, func(ContentID) {}); err != nil {
			b.Fatal(err)
		}
	}
}
