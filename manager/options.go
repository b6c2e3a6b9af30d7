package manager

import (
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

// Options are the settings of a [Catalog]. The zero value is ready to use.
type Options struct {
	// Now is the clock for operations without a time; nil means time.Now.
	Now func() time.Time
	// NewID makes the id of a resource that is created without one outside a job;
	// nil means [resource.NewID].
	NewID func(model string) resource.ID
	// NewUID makes the uid of a revision that is written outside a job; nil means a
	// random one. With it, Now and NewID equal calls write equal bytes.
	NewUID func() uuid.UUID
	// Migrations are ways from one schema version of a model to another, beside those
	// that the model declares.
	Migrations []Migration
	// Parallelism is how many units of work [Manager.SaveMany] keeps in flight;
	// 0 means what the store declares in its traits, at least 1.
	Parallelism int
	// BatchSize is how many operations or rows make up one unit of work; 0 means 1000.
	BatchSize int
	// Worker names this process in what the ledger keeps of chunks; empty for nobody.
	Worker string
	// Handlers are told of everything that is done, and may refuse it, in this
	// order. None cost nothing.
	Handlers []EventHandler
}

// defaultBatchSize is the documented meaning of BatchSize 0.
const defaultBatchSize = 1000

// withDefaults fills the zero fields; writers is the store's declared parallelism.
func (o Options) withDefaults(writers int) Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = resource.NewID
	}
	if o.NewUID == nil {
		o.NewUID = uuid.New
	}
	if o.Parallelism <= 0 {
		o.Parallelism = max(writers, 1)
	}
	if o.BatchSize <= 0 {
		o.BatchSize = defaultBatchSize
	}
	return o
}
