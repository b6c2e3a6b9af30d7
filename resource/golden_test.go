package resource_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// scalar is one entry of the original's scalar encodings.
type scalar struct {
	Kind, Repr, JSON, Msgpack string
}

func readScalars(t *testing.T) []scalar {
	t.Helper()
	b, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Scalars []scalar `json:"scalars"`
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Scalars) != 103 {
		t.Fatalf("%d scalars", len(vectors.Scalars))
	}
	return vectors.Scalars
}

// inIndexed wraps a value's bytes into the JSON and the msgpack form of a meta
// that holds it as the indexed field "v".
func inIndexed(s scalar, msgpackValue []byte) (jsonMeta, msgpackMeta []byte) {
	empty, err := resource.NewIndexed(nil)
	if err != nil {
		panic(err)
	}
	m := sampleMeta()
	m.IndexedData = setIndexed(empty)
	jsonMeta = bytes.Replace(m.Append(resource.JSON, nil), []byte(`"indexed_data":{}`), []byte(`"indexed_data":{"v":`+s.JSON+`}`), 1)
	key := []byte("\xacindexed_data")
	with := append(append(bytes.Clone(key), 0x81, 0xa1, 'v'), msgpackValue...)
	msgpackMeta = bytes.Replace(m.Append(resource.Msgpack, nil), append(bytes.Clone(key), 0x80), with, 1)
	return jsonMeta, msgpackMeta
}

// TestScalarForms reads every scalar the original writes from both encodings
// and writes it in both. JSON knows fewer kinds: what it cannot tell from a text
// (bytes, times) is only read from msgpack.
func TestScalarForms(t *testing.T) {
	for _, s := range readScalars(t) {
		t.Run(s.Kind+" "+s.Repr, func(t *testing.T) {
			packed, err := hex.DecodeString(s.Msgpack)
			if err != nil {
				t.Fatal(err)
			}
			jsonMeta, msgpackMeta := inIndexed(s, packed)
			m, err := resource.DecodeMeta(resource.Msgpack, msgpackMeta)
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Append(resource.Msgpack, nil); !bytes.Equal(got, msgpackMeta) {
				t.Errorf("msgpack again: %x, want %x", got, msgpackMeta)
			}
			utc := s.Kind == "datetime" && packed[0] != 0xb3 && packed[0] != 0xba
			if got := m.Append(resource.JSON, nil); !utc && !bytes.Equal(got, jsonMeta) {
				t.Errorf("JSON: %s, want %s", got, jsonMeta)
			}
			j, err := resource.DecodeMeta(resource.JSON, jsonMeta)
			if err != nil {
				t.Fatal(err)
			}
			if got := j.Append(resource.JSON, nil); !bytes.Equal(got, jsonMeta) {
				t.Errorf("JSON again: %s, want %s", got, jsonMeta)
			}
			if got := j.Append(resource.Msgpack, nil); s.Kind != "bytes" && !utc && !bytes.Equal(got, msgpackMeta) {
				t.Errorf("msgpack from JSON: %x, want %x", got, msgpackMeta)
			}
		})
	}
}

// TestDatetimeForms reads every datetime of the original as a field of a meta.
func TestDatetimeForms(t *testing.T) {
	for _, s := range readScalars(t) {
		if s.Kind != "datetime" {
			continue
		}
		t.Run(s.JSON, func(t *testing.T) {
			m := sampleMeta()
			base := m.Append(resource.JSON, nil)
			text := bytes.Replace(base, []byte(`"updated_time":"2024-01-02T03:04:06Z"`), []byte(`"updated_time":`+s.JSON), 1)
			got, err := resource.DecodeMeta(resource.JSON, text)
			if err != nil {
				t.Fatal(err)
			}
			if again := got.Append(resource.JSON, nil); !bytes.Equal(again, text) {
				t.Errorf("JSON again: %s, want %s", again, text)
			}
			packed, err := hex.DecodeString(s.Msgpack)
			if err != nil {
				t.Fatal(err)
			}
			want := append([]byte("\xacupdated_time"), packed...)
			bin := got.Append(resource.Msgpack, nil)
			if !bytes.Contains(bin, want) {
				t.Errorf("msgpack %x does not contain %x", bin, want)
			}
			back, err := resource.DecodeMeta(resource.Msgpack, bin)
			if err != nil {
				t.Fatal(err)
			}
			if !back.UpdatedTime.Equal(got.UpdatedTime) || resource.IsNaive(back.UpdatedTime) != resource.IsNaive(got.UpdatedTime) {
				t.Errorf("msgpack gave %v, want %v", back.UpdatedTime, got.UpdatedTime)
			}
		})
	}
}

// TestFloatsAreWrittenAsTheOriginalWritesThem goes through NewIndexed.
func TestFloatsAreWrittenAsTheOriginalWritesThem(t *testing.T) {
	for _, s := range readScalars(t) {
		if s.Kind != "float" {
			continue
		}
		f, err := strconv.ParseFloat(s.Repr, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := indexedJSON(t, f); got != s.JSON {
			t.Errorf("%s: %s, want %s", s.Repr, got, s.JSON)
		}
	}
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := indexedJSON(t, f); got != "null" {
			t.Errorf("%v: %s", f, got)
		}
	}
}

func indexedJSON(t *testing.T, v any) string {
	t.Helper()
	x, err := resource.NewIndexed(map[string]any{"v": v})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(strings.TrimPrefix(string(x.AppendJSON(nil)), `{"v":`), "}")
}

func TestOffsetsAreRoundedToMinutes(t *testing.T) {
	for _, tc := range []struct {
		seconds int
		want    string
	}{
		{29, "Z"},
		{30, "Z"},
		{31, "+00:01"},
		{-29, "Z"},
		{-30, "Z"},
		{-31, "-00:01"},
		{-90, "-00:01"},
		{8*3600 + 30, "+08:00"},
		{8*3600 + 31, "+08:01"},
		{8*3600 + 343, "+08:06"},
	} {
		at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", tc.seconds))
		m := sampleMeta()
		m.UpdatedTime = at
		if want := `"updated_time":"2024-01-02T03:04:05` + tc.want + `"`; !strings.Contains(string(m.Append(resource.JSON, nil)), want) {
			t.Errorf("%d s: %s lacks %s", tc.seconds, m.Append(resource.JSON, nil), want)
		}
	}
}
