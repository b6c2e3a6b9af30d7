package model_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// example reads a declaration of examples/models.
func example(t testing.TB, name string) *model.Model {
	t.Helper()
	return readModel(t, "../../examples/models/"+name+".yaml")
}

// bothWays reads the declarations of a model by fields and by the JSON schema
// that the exporter writes of the original's type.
func bothWays(t testing.TB, name string) map[string]*model.Model {
	return map[string]*model.Model{"fields": example(t, name), "schema": readModel(t, "testdata/schema/"+name+".yaml")}
}

func readModel(t testing.TB, path string) *model.Model {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	models, err := model.ParseYAML(path, text)
	if err != nil {
		t.Fatal(err)
	}
	return models[0]
}

// parse compiles one declaration.
func parse(t testing.TB, yaml string) *model.Model {
	t.Helper()
	models, err := model.ParseYAML("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return models[0]
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// jumbled writes JSON with the keys of objects in random order and spaces between.
func jumbled(t *testing.T, text []byte, seed uint64) []byte {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	jumble(&b, v, rand.New(rand.NewPCG(seed, seed)))
	return []byte(b.String())
}

func jumble(b *strings.Builder, v any, r *rand.Rand) {
	switch v := v.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		b.WriteString(" {")
		for i, k := range keys {
			if i > 0 {
				b.WriteString(" ,\n")
			}
			name, _ := json.Marshal(k)
			b.Write(name)
			b.WriteString(" :")
			jumble(b, v[k], r)
		}
		b.WriteString(" }")
	case []any:
		b.WriteString("[ ")
		for i, e := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			jumble(b, e, r)
		}
		b.WriteString("]")
	default:
		text, _ := json.Marshal(v)
		b.Write(text)
	}
}

// smallModel is a model of the small set.
type smallModel struct {
	Encoding  resource.Encoding
	Resources []struct {
		Revisions []struct {
			Info struct {
				DataHash string `json:"data_hash"`
			}
			Raw  []byte `json:"raw_b64"`
			Data json.RawMessage
		}
	}
}

// TestSmallSet gives the models of the small set their payloads as JSON, in
// several orders, and compares with what the original stored.
func TestSmallSet(t *testing.T) {
	var s struct{ Models map[string]smallModel }
	readJSON(t, "../payload/testdata/small.expected.json", &s)
	for name, sm := range s.Models {
		for how, m := range bothWays(t, name) {
			t.Run(name+" by "+how, func(t *testing.T) { sameRevisions(t, m, sm) })
		}
	}
}

func sameRevisions(t *testing.T, m *model.Model, sm smallModel) {
	if m.Encoding() != sm.Encoding {
		t.Errorf("encoding %s, want %s", m.Encoding(), sm.Encoding)
	}
	for _, r := range sm.Resources {
		for i, rev := range r.Revisions {
			for seed := range uint64(3) {
				text := rev.Data
				if seed > 0 {
					text = jumbled(t, text, seed)
				}
				got, err := m.Canonical(sm.Encoding, text)
				if err != nil || !bytes.Equal(got, rev.Raw) {
					t.Errorf("revision %d: %v\n got %q\nwant %q", i, err, got, rev.Raw)
				}
				if h := resource.DataHash(got); h != rev.Info.DataHash {
					t.Errorf("revision %d: hash %s, want %s", i, h, rev.Info.DataHash)
				}
			}
		}
	}
}

func TestBigSet(t *testing.T) {
	f, err := os.Open("../payload/testdata/big_2000.expected.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var big struct {
		Resources []struct {
			Revisions []struct {
				Raw      string
				DataHash string `json:"data_hash"`
			}
		}
	}
	if err := json.NewDecoder(z).Decode(&big); err != nil {
		t.Fatal(err)
	}
	models := bothWays(t, "item")
	n := uint64(0)
	for _, r := range big.Resources {
		for _, rev := range r.Revisions {
			n++
			text := jumbled(t, []byte(rev.Raw), n)
			for how, m := range models {
				got, err := m.Canonical(resource.JSON, text)
				if err != nil || string(got) != rev.Raw || resource.DataHash(got) != rev.DataHash {
					t.Fatalf("by %s: got %s, %v; want %s", how, got, err, rev.Raw)
				}
			}
		}
	}
	if n != 3999 {
		t.Errorf("%d payloads were compared, want 3999", n)
	}
}

// TestVectors compares declared scalars with the bytes of the original's encoders.
func TestVectors(t *testing.T) {
	var v struct {
		Scalars []struct{ Kind, JSON, Msgpack string }
	}
	readJSON(t, "../payload/testdata/vectors.json", &v)
	types := map[string]string{
		"null": "str?", "true": "bool", "timedelta": "duration", "map": "map[any]", "map16": "map[int]",
		"list": "list[any]", "list16": "list[int]", "set": "set[int]",
	}
	for _, k := range []string{"int", "float", "str", "bytes", "datetime", "date", "time", "uuid", "decimal"} {
		types[k] = k
	}
	compared := map[string]int{}
	for _, s := range v.Scalars {
		if s.JSON == "" || strings.HasPrefix(s.JSON, "error") {
			continue
		}
		m := parse(t, fmt.Sprintf("{name: m, type: %q}", types[s.Kind]))
		compared[s.Kind]++
		got, err := m.Canonical(resource.JSON, []byte(" "+s.JSON+"\n"))
		if err != nil || string(got) != s.JSON {
			t.Errorf("%s: Canonical(json, %s) = %s, %v", s.Kind, s.JSON, got, err)
		}
		got, err = m.Canonical(resource.Msgpack, []byte(s.JSON))
		if err != nil || hex.EncodeToString(got) != s.Msgpack {
			t.Errorf("%s: Canonical(msgpack, %s) = %x, %v; want %s", s.Kind, s.JSON, got, err, s.Msgpack)
		}
	}
	if len(compared) != len(types) {
		t.Errorf("only %v were compared", compared)
	}
}
