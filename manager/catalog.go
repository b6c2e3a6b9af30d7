package manager

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Catalog joins the models of one store with its blobs and its ledger. It is
// safe for concurrent use.
type Catalog struct {
	factory storage.Factory
	blobs   storage.BlobStore
	opts    Options
	user    string // see Using

	*shared
}

// shared is what the views of a catalog have in common.
type shared struct {
	calls atomic.Uint64 // see Event.Call

	// making is held by who declares models, and read by who makes them with their
	// resources. It is taken before mu.
	making sync.RWMutex

	mu   sync.Mutex
	open map[string]*Manager

	collecting chan struct{} // holds one element while garbage is collected
	// now is the clock of the store's ages, whatever that of a view is.
	now func() time.Time
}

// NewCatalog returns the catalog of the store behind f. blobs may be nil when
// there is no place for blobs; archives with blobs are then refused.
func NewCatalog(f storage.Factory, blobs storage.BlobStore, o Options) *Catalog {
	c := &Catalog{
		factory: f,
		blobs:   blobs,
		opts:    o.withDefaults(f.Traits().Writers),
		shared: &shared{
			open: make(map[string]*Manager), collecting: make(chan struct{}, 1),
			now: o.withDefaults(1).Now,
		},
	}
	c.calls.Store(rand.Uint64()) // so that calls of several catalogs are told apart
	return c
}

// Models returns what the store remembers of its models, by ascending name.
func (c *Catalog) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	infos, err := c.factory.Models(ctx)
	if err != nil {
		return nil, fmt.Errorf("list models: %w", err)
	}
	return infos, nil
}

// namesOf returns the names of models.
func namesOf(infos []storage.ModelInfo) []string {
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	return names
}

// Open returns the manager of a model. The error wraps
// [storage.ErrNotFound] when the store has no such model.
func (c *Catalog) Open(ctx context.Context, model string) (*Manager, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.open[model]; ok {
		return m.in(c), nil
	}
	infos, err := c.factory.Models(ctx)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", model, err)
	}
	i := slices.IndexFunc(infos, func(m storage.ModelInfo) bool { return m.Name == model })
	if i < 0 {
		return nil, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return c.adopt(ctx, infos[i])
}

// Declare makes a model, or completes what is remembered of it: indexed paths
// are united and an encoding is only set where none was. A declaration of package
// [model] replaces the one that is remembered; the encoding, schema version,
// indexed and unique paths are those it says, and an encoding that differs from
// the one the store writes is refused. It returns the model's manager.
func (c *Catalog) Declare(ctx context.Context, info storage.ModelInfo) (*Manager, error) {
	if err := checkModelName(info.Name); err != nil {
		return nil, err
	}
	c.making.Lock()
	defer c.making.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	infos, err := c.factory.Models(ctx)
	if err != nil {
		return nil, fmt.Errorf("declare model %s: %w", info.Name, err)
	}
	if info, err = declaredInfo(info); err != nil {
		return nil, err
	}
	i := slices.IndexFunc(infos, func(m storage.ModelInfo) bool { return m.Name == info.Name })
	if i >= 0 {
		if err := sameEncoding(infos[i], info); err != nil {
			return nil, err
		}
		merged, changed := mergeInfo(infos[i], info)
		if !changed {
			return c.adopt(ctx, merged)
		}
		info = merged
	}
	info = withPaths(info)
	if err := c.factory.SaveModel(ctx, info); err != nil {
		return nil, fmt.Errorf("declare model %s: %w", info.Name, err)
	}
	if i < 0 {
		if err := c.indexNew(ctx, info); err != nil {
			return nil, fmt.Errorf("declare model %s: %w", info.Name, err)
		}
	}
	return c.adopt(ctx, info)
}

// withPaths returns info as a store remembers it: unique paths are indexed.
func withPaths(info storage.ModelInfo) storage.ModelInfo {
	info.UniquePaths = sortedUnion(info.UniquePaths, nil)
	info.IndexedPaths = sortedUnion(info.IndexedPaths, info.UniquePaths)
	return info
}

// adopt returns the manager of a model that is in the store, with info as what
// is known of it. The caller holds c.mu.
func (c *Catalog) adopt(ctx context.Context, info storage.ModelInfo) (*Manager, error) {
	if m, ok := c.open[info.Name]; ok {
		m.info.Store(&info)
		return m.in(c), nil
	}
	stores, err := c.factory.Build(ctx, info.Name)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", info.Name, err)
	}
	m := &Manager{
		Reader: Reader{name: info.Name, catalog: c, metas: stores.Metas, revisions: stores.Revisions},
		stores: stores, info: new(atomic.Pointer[storage.ModelInfo]), forms: new(atomic.Pointer[form]),
	}
	m.info.Store(&info)
	c.open[info.Name] = m
	return m, nil
}

// mergeInfo adds to known what more says and reports whether that is anything new.
func mergeInfo(known, more storage.ModelInfo) (storage.ModelInfo, bool) {
	changed := false
	if known.Encoding == "" && more.Encoding != "" {
		known.Encoding, changed = more.Encoding, true
	}
	paths := sortedUnion(known.IndexedPaths, more.IndexedPaths)
	if len(paths) != len(known.IndexedPaths) {
		known.IndexedPaths, changed = paths, true
	}
	return known, mergeDeclaration(&known, &more) || changed
}

// mergeDeclaration gives known the declaration of more, if that has one, with the
// unique paths and the schema version that belong to it; without one it adds what
// more says beside. It reports whether that is anything new.
func mergeDeclaration(known, more *storage.ModelInfo) bool {
	unique, version, declaration := more.UniquePaths, more.SchemaVersion, more.Declaration
	if len(declaration) == 0 {
		unique, declaration = sortedUnion(known.UniquePaths, unique), known.Declaration
		if !version.IsSet() {
			version = known.SchemaVersion
		}
	}
	unique = sortedUnion(unique, nil)
	if slices.Equal(unique, known.UniquePaths) && version == known.SchemaVersion && bytes.Equal(declaration, known.Declaration) {
		return false
	}
	known.UniquePaths, known.SchemaVersion, known.Declaration = unique, version, declaration
	return true
}

// sortedUnion returns the distinct strings of a and b, ascending; nil for none.
func sortedUnion(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// checkModelName reports why no store can hold a model of that name.
func checkModelName(name string) error {
	if err := resource.ID(name).CheckNew(); err != nil {
		return &RefusedError{Code: CodeInvalid, Model: name, Message: fmt.Sprintf("model name %.80q cannot be used: letters, digits and ._:@~- are allowed, the first a letter or digit", name)}
	}
	return nil
}
