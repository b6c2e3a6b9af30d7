package storage

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Factory opens the stores of one deployment: all models, their ledger and the
// unit of work that joins them.
type Factory interface {
	// ID identifies the store: one UUID for each database and table prefix. It is
	// made when the store is made and never changes. A copy of the medium has the
	// same id: it is the same store at another time, with the same jobs. Two such
	// copies must not be written to behind one queue; a store that is to be another
	// one is made by loading a dump.
	ID() uuid.UUID
	// Models returns the models that are there, by ascending name.
	Models(ctx context.Context) ([]ModelInfo, error)
	// SaveModel makes a model, or replaces what is remembered of it.
	SaveModel(ctx context.Context, m ModelInfo) error
	// Build returns the stores of a model; ErrNotFound when it was not made.
	Build(ctx context.Context, model string) (Stores, error)
	// Snapshot returns a view of all models as they are now.
	Snapshot(ctx context.Context) (Snapshot, error)
	// Unit returns the store's unit of work.
	Unit() UnitOfWork
	// Ledger returns the jobs of the store.
	Ledger() Ledger
	// Garbage returns what garbage collection needs.
	Garbage() Garbage
	// Traits returns the declared weaknesses and limits.
	Traits() Traits
	// Close ends all reads and frees what the factory holds.
	Close() error
}

// Stores are the metas and revisions of one model.
type Stores struct {
	Metas     MetaStore
	Revisions RevisionStore
}

// Snapshot is a view of all models that later writes do not change. It must be
// closed, and used by one goroutine at a time.
type Snapshot interface {
	// Build returns the readers of a model; ErrNotFound when it is not there.
	Build(ctx context.Context, model string) (MetaReader, RevisionReader, error)
	// Close frees the snapshot.
	Close() error
}

// ModelInfo is what a store remembers of a model.
type ModelInfo struct {
	// Name is the registered name: "sales-order".
	Name string
	// Encoding is how new payloads are written.
	Encoding resource.Encoding
	// IndexedPaths are the dotted paths whose values make up the indexed data of
	// new revisions, ascending; declared, or learned from loaded metas.
	IndexedPaths []string
	// UniquePaths are those of IndexedPaths whose values no two live resources
	// share, ascending.
	UniquePaths []string
	// SchemaVersion is the one that new revisions are written at; unset: none.
	SchemaVersion opt.Value[string]
	// Declaration is the model as it was declared, the canonical JSON of package
	// resource/model; nil for a model that is known by name only. A store keeps
	// the bytes as they are and does not read them.
	Declaration []byte
}

// Traits declare what a store cannot do and how much it takes at once.
type Traits struct {
	// AtomicBatch: a SaveMany and a unit of work take effect as a whole or not at all.
	AtomicBatch bool
	// AtomicLoad: a load with raise_error becomes visible as a whole.
	AtomicLoad bool
	// Durable: what was committed is there after the process and machine die.
	Durable bool
	// Writers is how many units of work are worth running at the same time.
	Writers int
	// NoNUL: a meta with the character U+0000 in its indexed data is refused, with a
	// *RecordError.
	NoNUL bool
	// FileNames: ids and schema versions become names of files or objects. Those that
	// cannot ("/", "..", longer than a name may be) are refused where revisions are
	// written, with ErrUnusableName.
	FileNames bool
	// LiveRevisions: a snapshot holds metas alone. Its revisions are those that are
	// there when they are read, later ones too.
	LiveRevisions bool
	// Uncounted: a unit of work whose process was killed may leave whole revisions that no
	// meta counts (G3).
	Uncounted bool
	// Metas is how metas are written. In JSON the times and bytes of indexed data
	// are text; empty means msgpack.
	Metas resource.Encoding
}
