package pypeer

import (
	"encoding/json"

	"github.com/specstar-worker/worker/resource"
)

// The named sets of models besides random ones: the models of the golden
// archives, and those of the data set that ships with the worker.
const (
	Small  = "small"  // person, document, sales-order
	Item   = "item"   // item
	Item0  = "item0"  // item, of whose fields only n is indexed
	Cat    = "cat"    // cat with schema version 1
	Cat2   = "cat2"   // cat with schema version 2, which 1 is migrated to
	GoAPI  = "goapi"  // go-package, go-release, go-symbol
	Random = "random" // two to four models, from Config.Seed
	Hard   = "hard"   // hard, tagged, other: types that are not plain
)

// Store says where an app keeps its data.
type Store struct {
	// Kind is memory, sqlite+disk (FileSqliteMetaStore and DiskResourceStore),
	// sqlite+s3 (FileSqliteMetaStore, S3ResourceStore and S3BlobStore), disk, or one
	// of the original's factories for PostgreSQL: postgres, postgres+s3,
	// postgres+disk, postgres+disk+s3.
	Kind string `json:"kind"`
	// DSN is the connection string of kinds with postgres.
	DSN string `json:"dsn,omitempty"`
	// Prefix is that of their tables.
	Prefix string `json:"prefix,omitempty"`
	// Dir is the directory of kinds with disk or sqlite. Of postgres it is that of
	// the blobs, which are in the memory of the process when it is empty.
	Dir string `json:"dir,omitempty"`
	// S3 is the bucket of kinds with s3.
	S3 *Bucket `json:"s3,omitempty"`
	// Encoding of metas and infos; empty means JSON, for kinds with postgres msgpack.
	// Infos on disk are JSON always, as are metas there.
	Encoding resource.Encoding `json:"encoding,omitempty"`
}

// Bucket is a bucket of S3, by the names of the original's arguments.
type Bucket struct {
	Bucket    string `json:"bucket"`
	Endpoint  string `json:"endpoint_url"`
	Region    string `json:"region_name"`
	AccessKey string `json:"access_key_id"`
	SecretKey string `json:"secret_access_key"`
}

// Config says what an app consists of.
type Config struct {
	// Models names a set of models.
	Models string
	// Declared are models of its own instead, as declared.py reads them.
	Declared []json.RawMessage
	// Seed picks the random models; equal seeds give equal models.
	Seed int64
	// Store is where the data are; the zero Store is a memory store.
	Store Store
}

// Model is a model of an app.
type Model struct {
	Name          string            `json:"name"`
	Encoding      resource.Encoding `json:"encoding"`
	Indexed       []string          `json:"indexed"`
	SchemaVersion *string           `json:"schema_version"`
}

// LoadStats are the original's figures of a load of one model.
type LoadStats struct{ Loaded, Skipped, Total int64 }

// Ran counts random operations by kind, and those that the original's own rules
// refused by kind and exception.
type Ran struct {
	Done    map[string]int
	Refused map[string]int
}

// Query is a query with the original's answer.
type Query struct {
	// Query is a ResourceMetaSearchQuery. It has sorts exactly when the order of
	// the answer is determined.
	Query json.RawMessage
	// IDs are what it selects.
	IDs []resource.ID
	// Error is the exception it raises instead, empty for none.
	Error string
}

// Samples are new values of a model.
type Samples struct {
	Values []Sample
	// Blobs are the blobs that the values refer to, keyed as in a [State].
	Blobs State
}

// Sample is one value.
type Sample struct {
	// JSON is the value as JSON text in the original's form.
	JSON []byte
	// Payload is what the original would store for it.
	Payload []byte
}

// App is one application of the original: models and a store.
type App struct {
	// Models are the app's models in the order of registration.
	Models []Model

	peer *Peer
	name string
}

// New makes an app.
func (p *Peer) New(c Config) (*App, error) {
	a := &App{peer: p, name: p.name()}
	if c.Store.Kind == "" {
		c.Store.Kind = "memory"
	}
	args := map[string]any{"app": a.name, "models": c.Models, "seed": c.Seed, "store": c.Store}
	if c.Declared != nil {
		args["models"] = c.Declared
	}
	return a, p.Call("new", args, &a.Models)
}

// Strip copies an archive without the rev_* fields, as releases before 0.9 wrote
// it; every keepEvery-th meta keeps them, 0 means none does.
func (p *Peer) Strip(src, dst string, keepEvery int) error {
	return p.Call("strip", map[string]any{"src": src, "dst": dst, "keep_every": keepEvery}, nil)
}

// Close forgets the app.
func (a *App) Close() error { return a.call("close", nil, nil) }

// Run does random operations; equal seeds do equal things to equal apps.
func (a *App) Run(seed int64, steps int) (r Ran, err error) {
	return r, a.call("run", map[string]any{"seed": seed, "steps": steps}, &r)
}

// Dump writes the app's archive to a file.
func (a *App) Dump(path string) error { return a.call("dump", map[string]any{"path": path}, nil) }

// Load loads an archive; onDuplicate is overwrite, skip or raise_error.
func (a *App) Load(path, onDuplicate string) (s map[string]LoadStats, err error) {
	return s, a.call("load", map[string]any{"path": path, "on_duplicate": onDuplicate}, &s)
}

// Backfill fills missing rev_* fields and returns how many metas it filled, by
// model.
func (a *App) Backfill() (n map[string]int64, err error) {
	return n, a.call("backfill", nil, &n)
}

// Migrate migrates about half of a model's resources to its schema version, some
// with all their revisions, and returns how many.
func (a *App) Migrate(model string, seed int64) (n int, err error) {
	return n, a.call("migrate", map[string]any{"model": model, "seed": seed}, &n)
}

// Search returns the ids that a ResourceMetaSearchQuery in JSON selects.
// Datetimes in it are {"$datetime": text} or RFC 3339 text.
func (a *App) Search(model string, query json.RawMessage) (ids []resource.ID, err error) {
	return ids, a.call("search", map[string]any{"model": model, "query": query}, &ids)
}

// Queries returns n random queries over a model, with the original's answers.
func (a *App) Queries(model string, seed int64, n int) (q []Query, err error) {
	return q, a.call("queries", map[string]any{"model": model, "seed": seed, "n": n}, &q)
}

// State returns everything the app holds.
func (a *App) State() (State, error) {
	s := State{}
	return s, a.call("state", nil, &s)
}

// Samples returns n new random values of a model.
func (a *App) Samples(model string, seed int64, n int) (s Samples, err error) {
	return s, a.call("samples", map[string]any{"model": model, "seed": seed, "n": n}, &s)
}

// Created is what the original stored of a JSON text, or why it did not.
type Created struct {
	Payload []byte
	Hash    string
	// Meta is the meta as archives have it.
	Meta []byte
	// Error is the exception it raised instead, empty for none.
	Error string
}

// CreateJSON has the original decode each text as the model's type and create a
// resource of it, r:0, r:1 and so on.
func (a *App) CreateJSON(model string, texts [][]byte) (c []Created, err error) {
	return c, a.call("create_json", map[string]any{"model": model, "texts": texts}, &c)
}

// Export runs the exporter of declarations, a Python script, over the models of
// the app, and returns the text with the warnings.
func (a *App) Export(script string, schema bool) (text string, warnings []string, err error) {
	var r struct {
		Text     string
		Warnings []string
	}
	err = a.call("export", map[string]any{"script": script, "schema": schema}, &r)
	return r.Text, r.Warnings, err
}

// Check decodes every current payload of a model as the model's type and checks
// that payload, hash and indexed data are what the original would have written.
// It returns how many there are.
func (a *App) Check(model string) (n int, err error) {
	return n, a.call("check", map[string]any{"model": model}, &n)
}

// UpdateAll updates every live resource of a model to a new random value and
// returns how many there are.
func (a *App) UpdateAll(model string, seed int64) (n int, err error) {
	return n, a.call("update_all", map[string]any{"model": model, "seed": seed}, &n)
}

func (a *App) call(op string, args map[string]any, result any) error {
	all := map[string]any{"app": a.name}
	for k, v := range args {
		all[k] = v
	}
	return a.peer.Call(op, all, result)
}
