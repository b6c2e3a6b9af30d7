package peertest

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
)

// exporter is the script that writes declarations of the original's models.
const exporter = "../../examples/python/export_models.py"

// exported has the exporter declare the models of an app, by fields or by JSON
// schema, and compiles them.
func exported(t *testing.T, app *pypeer.App, schema bool) map[string]*model.Model {
	t.Helper()
	script, err := filepath.Abs(exporter)
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := app.Export(script, schema)
	if err != nil {
		t.Fatal(err)
	}
	models, err := model.ParseYAML("exported.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	byName := map[string]*model.Model{}
	for _, m := range models {
		byName[m.Declaration().Name] = m
	}
	return byName
}

// TestExportedDeclarationsGiveTheOriginalsBytes exports the golden models and
// random ones, and gives random values of them as JSON.
func TestExportedDeclarationsGiveTheOriginalsBytes(t *testing.T) {
	p := pypeer.Start(t)
	configs := []pypeer.Config{{Models: pypeer.Small}, {Models: pypeer.Item}, {Models: pypeer.Cat2}, {Models: pypeer.GoAPI}, {Models: pypeer.Hard}}
	for _, seed := range seeds(15) {
		configs = append(configs, pypeer.Config{Models: pypeer.Random, Seed: seed})
	}
	compared := 0
	for _, c := range configs {
		app := p.MustNew(t, c)
		for _, schema := range []bool{false, true} {
			declared := exported(t, app, schema)
			for _, info := range app.Models {
				m := declared[info.Name]
				if m == nil {
					t.Fatalf("model %s is not declared", info.Name)
				}
				if m.Encoding() != info.Encoding {
					t.Errorf("%s: encoding %s, want %s", info.Name, m.Encoding(), info.Encoding)
				}
				compared += sameSamples(t, app, m, schema)
			}
		}
		if err := app.Close(); err != nil {
			t.Error(err)
		}
	}
	if compared < 1000 {
		t.Errorf("only %d payloads were compared", compared)
	}
}

// sameSamples compares random values of a model and returns how many.
func sameSamples(t *testing.T, app *pypeer.App, m *model.Model, schema bool) int {
	t.Helper()
	name := m.Declaration().Name
	samples, err := app.Samples(name, 7, 20)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range samples.Values {
		got, err := m.Canonical(m.Encoding(), s.JSON)
		if err != nil || !bytes.Equal(got, s.Payload) {
			b, _ := m.Declaration().JSON()
			t.Fatalf("%s (schema: %v)\n%s\nvalue %s\n got %q, %v\nwant %q", name, schema, b, s.JSON, got, err, s.Payload)
		}
		if h := resource.DataHash(got); h != resource.DataHash(s.Payload) {
			t.Errorf("hash %s", h)
		}
	}
	return len(samples.Values)
}

// TestExporterOfHardModels looks at what the exporter writes of types that are not
// plain.
func TestExporterOfHardModels(t *testing.T) {
	p := pypeer.Start(t)
	app := p.MustNew(t, pypeer.Config{Models: pypeer.Hard})
	m := exported(t, app, false)["hard"]
	if diff := cmp.Diff([]string{"name", "some_name"}, m.IndexedPaths()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"name"}, m.UniquePaths()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"file"}, m.BinaryPaths()); diff != "" {
		t.Error(diff)
	}
	script, err := filepath.Abs(exporter)
	if err != nil {
		t.Fatal(err)
	}
	_, warnings, err := app.Export(script, false)
	if all := strings.Join(warnings, "\n"); err != nil || !strings.Contains(all, "Node.limit: ge=-9223372036854775808 is not checked") || !strings.Contains(all, "Node.at: its default differs each time") {
		t.Errorf("warnings %q, %v", warnings, err)
	}
	for models, want := range map[string]string{
		"array_like":    "array_like structs have no form",
		"omit_defaults": "omit_defaults has no form",
		"int_keys":      "the original cannot store a dict with keys of type IntType",
	} {
		odd := p.MustNew(t, pypeer.Config{Models: models})
		if text, _, err := odd.Export(script, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %s", models, err, text)
		}
	}
}
