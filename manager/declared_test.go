package manager_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/model"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/sqlite"
)

// declareYAML declares the one model of a text.
func declareYAML(t *testing.T, s *store, yaml string) *manager.Manager {
	t.Helper()
	models, err := model.ParseYAML("test.yaml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.DeclareModel(t.Context(), models[0])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestSavesOfADeclaredModel: payloads take the declared form, new revisions the
// declared schema version.
func TestSavesOfADeclaredModel(t *testing.T) {
	const yaml = "{name: doc, schema_version: 2, fields: [{name: b, type: float}, {name: a, type: 'list[str]', default: []}], indexed_fields: [b]}"
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		// A resource from before the declaration.
		old := declare(t, s, storage.ModelInfo{Name: "doc"})
		if _, err := old.Create(t.Context(), op("", "doc:1", `{"a":["x"],"b":1}`, "u", 0)); err != nil {
			t.Fatal(err)
		}
		m := declareYAML(t, s, yaml)
		for step, tc := range []struct {
			op   manager.Operation
			want string
		}{
			{op(manager.OpUpdate, "doc:1", `{"a":["x"],"b":1}`, "u", 1), `{"b":1.0,"a":["x"]}`},
			{op(manager.OpCreate, "doc:2", `{ "b":2 }`, "u", 2), `{"b":2.0,"a":[]}`},
			{op(manager.OpUpsert, "doc:2", `{"b":3,"a":[]}`, "u", 3), `{"b":3.0,"a":[]}`},
		} {
			out, err := m.SaveMany(t.Context(), []manager.Operation{tc.op})
			if err != nil || out[0].Effect == manager.EffectRefused {
				t.Fatalf("step %d: %+v, %v", step, out, err)
			}
			r, err := m.Get(t.Context(), tc.op.ResourceID, manager.GetOptions{})
			if err != nil || string(r.Data) != tc.want {
				t.Errorf("step %d: %s, %v; want %s", step, r.Data, err, tc.want)
			}
			if v, _ := r.Info.SchemaVersion.Get(); v != "2" || r.Meta.SchemaVersion != r.Info.SchemaVersion {
				t.Errorf("step %d: schema version %v of the meta, %v of the revision", step, r.Meta.SchemaVersion, r.Info.SchemaVersion)
			}
			if got := string(r.Info.DataHash.Or("")); got != resource.DataHash([]byte(tc.want)) {
				t.Errorf("step %d: hash %s", step, got)
			}
		}
		_, err := m.Update(t.Context(), op("", "doc:2", `{"b":"x"}`, "u", 4))
		if code, _ := manager.CodeOf(err); code != manager.CodeInvalid || err.Error() != `data of doc:2: b: expected float, found the text "x"` {
			t.Errorf("a wrong type gave %v", err)
		}
		// Equal data in another form are no change.
		out, err := m.Update(t.Context(), op("", "doc:2", `{"a":[],"b":3.0}`, "u", 5))
		if err != nil || out.Effect != manager.EffectUnchanged {
			t.Errorf("equal data gave %+v, %v", out, err)
		}
		// Bytes that are given stay as they are.
		given := op("", "doc:3", "", "u", 6)
		given.Data, given.Payload = nil, []byte(`{"z": 1}`)
		if _, err := m.Create(t.Context(), given); err != nil {
			t.Fatal(err)
		}
		if r, err := m.Get(t.Context(), "doc:3", manager.GetOptions{}); err != nil || string(r.Data) != `{"z": 1}` {
			t.Errorf("given bytes became %s, %v", r.Data, err)
		}
	})
}

// TestIndexedValuesOfTypes: what metas hold is what the original would store in
// metas of the same encoding, and never an error.
func TestIndexedValuesOfTypes(t *testing.T) {
	const fields = `
fields:
  - {name: when, type: datetime}
  - {name: naive, type: datetime}
  - {name: raw, type: bytes}
  - {name: price, type: decimal}
  - {name: whens, type: "list[datetime]"}
  - {name: any, type: any}
  - {name: some_name, attribute: someAttribute, type: "map[datetime]"}
indexed_fields: [when, naive, raw, price, whens, any.x, someAttribute.k]
`
	const data = `{"when":"2024-01-02T03:04:05+08:00","naive":"2024-01-02T03:04:05","raw":"YWI=","price":"1.50",` +
		`"whens":["2024-01-02T03:04:05.5-01:00"],"any":{"x":"2024-01-02T03:04:05Z"},"some_name":{"k":"2024-01-02T03:04:05Z"}}`
	inJSON := `{"any.x":"2024-01-02T03:04:05Z","naive":"2024-01-02T03:04:05","price":"1.50","raw":"YWI=",` +
		`"someAttribute.k":"2024-01-02T03:04:05Z","when":"2024-01-02T03:04:05+08:00","whens":["2024-01-02T03:04:05.500000-01:00"]}`
	inMsgpack := `{"any.x":"2024-01-02T03:04:05Z","naive":"2024-01-02T03:04:05","price":"1.50","raw":"YWI=",` +
		`"someAttribute.k":"2024-01-02T03:04:05Z","when":"2024-01-01T19:04:05Z","whens":["2024-01-02T04:04:05.500000Z"]}`
	for _, payloads := range []string{"json", "msgpack"} {
		for name, tc := range map[string]struct {
			open func(t *testing.T) *store
			want string
			time bool
		}{
			"memory": {openMemory, inMsgpack, true},
			"sqlite": {openSQLite, inMsgpack, true},
			"sqlite with JSON metas": {func(t *testing.T) *store {
				f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: t.TempDir(), Encoding: resource.JSON})
				if err != nil {
					t.Fatal(err)
				}
				return catalogOf(t, f)
			}, inJSON, false},
		} {
			t.Run(payloads+" in "+name, func(t *testing.T) {
				s := tc.open(t)
				m := declareYAML(t, s, "name: doc\nencoding: "+payloads+fields)
				if _, err := m.Create(t.Context(), op("", "doc:1", data, "u", 0)); err != nil {
					t.Fatal(err)
				}
				meta, err := m.GetMeta(t.Context(), "doc:1")
				if err != nil {
					t.Fatal(err)
				}
				x, _ := meta.IndexedData.Get()
				if got := string(x.AppendJSON(nil)); got != tc.want {
					t.Errorf("indexed data\n got %s\nwant %s", got, tc.want)
				}
				if v, _ := x.Lookup("when"); tc.time == (v == "2024-01-02T03:04:05+08:00") {
					t.Errorf("the time is kept as %T", v)
				}
			})
		}
	}
}

const withBlobs = "{name: doc, fields: [{name: file, type: binary?, default: null}, {name: files, type: 'map[binary]', default: {}}]}"

func TestBinaryFieldsGoToTheBlobStore(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		m := declareYAML(t, s, withBlobs)
		const hello = "b5e9c1ad071b3e7fc779cfaa5e523818" // hash of "hello"
		const data = `{"file":{"content_type":"text/plain","data":"aGVsbG8="},"files":{"b":{"data":"aGVsbG8="},"a":{"content_type":"x/y","data":""}}}`
		if _, err := m.Create(t.Context(), op("", "doc:1", data, "u", 0)); err != nil {
			t.Fatal(err)
		}
		r, err := m.Get(t.Context(), "doc:1", manager.GetOptions{})
		want := `{"file":{"file_id":"` + hello + `","size":5,"content_type":"text/plain"},"files":{"a":{"file_id":"99aa06d3014798d86001c324468d497f","size":0,"content_type":"x/y"},"b":{"file_id":"` + hello + `","size":5}}}`
		if err != nil || string(r.Data) != want {
			t.Errorf("stored %s, %v\nwant %s", r.Data, err, want)
		}
		content, _, err := s.blobs.Open(t.Context(), hello)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(content); err != nil || string(b) != "hello" {
			t.Errorf("the blob holds %q, %v", b, err)
		}
		if err := content.Close(); err != nil {
			t.Error(err)
		}
		// A reference to a blob that is there is completed.
		if _, err := m.Update(t.Context(), op("", "doc:1", `{"file":{"file_id":"`+hello+`"}}`, "u", 1)); err != nil {
			t.Fatal(err)
		}
		r, err = m.Get(t.Context(), "doc:1", manager.GetOptions{})
		if want := `{"file":{"file_id":"` + hello + `","size":5,"content_type":"text/plain"},"files":{}}`; err != nil || string(r.Data) != want {
			t.Errorf("completed %s, %v\nwant %s", r.Data, err, want)
		}
	})
}

func TestBinaryFieldsThatAreRefused(t *testing.T) {
	s := openMemory(t)
	m := declareYAML(t, s, withBlobs)
	for data, want := range map[string]struct {
		code    manager.Code
		message string
	}{
		`{"files":{"k":{"file_id":"nowhere"}}}`:           {manager.CodeBlobMissing, `data of doc:1: files["k"]: there is no blob "nowhere"`},
		`{"file":{"file_id":""}}`:                         {manager.CodeBlobMissing, `data of doc:1: file: there is no blob ""`},
		`{"file":{"data":"aGVsbG8"}}`:                     {manager.CodeInvalid, `data of doc:1: file.data: expected bytes, found a text that is not base64 with padding: "aGVsbG8"`},
		`{"file":{"data":"Z29uZQ=="},"files":{"k":null}}`: {manager.CodeInvalid, `data of doc:1: files["k"]: expected binary, found null`},
	} {
		_, err := m.Create(t.Context(), op("", "doc:1", data, "u", 0))
		if code, _ := manager.CodeOf(err); code != want.code || err.Error() != want.message {
			t.Errorf("%s: %s, %v; want %s, %s", data, code, err, want.code, want.message)
		}
	}
	// A payload that is refused puts nothing.
	for b, err := range s.blobs.List(t.Context()) {
		t.Errorf("blob %s was put, %v", b.FileID, err)
	}
	bare := &store{Catalog: manager.NewCatalog(memory.New(), nil, manager.Options{})}
	_, err := declareYAML(t, bare, withBlobs).Create(t.Context(), op("", "doc:1", `{"file":{"data":""}}`, "u", 0))
	if want := "data of doc:1: file: the store has no place for blobs"; err == nil || err.Error() != want {
		t.Errorf("without a blob store: %v, want %s", err, want)
	}
}

// TestADeclarationIsThereAfterReopening: another process compiles what the store
// remembers.
func TestADeclarationIsThereAfterReopening(t *testing.T) {
	dir := t.TempDir()
	for i, data := range []string{`{"b":1}`, `{"b":2}`} {
		f, err := sqlite.Open(t.Context(), sqlite.Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		s := &store{Catalog: manager.NewCatalog(f, nil, manager.Options{})}
		if i == 0 {
			declareYAML(t, s, "{name: doc, fields: [{name: b, type: float}]}")
		}
		m, err := s.Open(t.Context(), "doc")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Upsert(t.Context(), op("", "doc:1", data, "u", i)); err != nil {
			t.Fatal(err)
		}
		r, err := m.Get(t.Context(), "doc:1", manager.GetOptions{})
		if diff := cmp.Diff(data[:6]+".0}", string(r.Data)); err != nil || diff != "" {
			t.Error(diff, err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// exampleFile reads a declaration of examples/models.
func exampleFile(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "examples", "models", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
