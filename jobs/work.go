package jobs

import (
	"context"
	"io"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// Saver applies saves of one model in one unit of work, each with effect once. A
// bad operation is refused alone; an error means that nothing took effect. Refusals
// are errors that [manager.CodeOf] knows, or a *RefusedError.
type Saver interface {
	SaveJobs(ctx context.Context, model string, jobs []manager.SaveJob) ([]manager.SaveJobOutcome, error)
}

// Loader loads an archive under a claim and ends the ledger row when it is done.
// Refusals are errors that [manager.CodeOf] knows, or a *RefusedError.
type Loader interface {
	Load(ctx context.Context, c storage.Claim, by Actor, l Load, progress func(storage.Progress)) error
	// Unstage forgets what a load that ends without success had prepared; it does
	// nothing for one that prepared nothing. The claim has no token when the job has
	// ended; when it has not by then, because somebody had it tried again, nothing is
	// forgotten.
	Unstage(ctx context.Context, c storage.Claim) error
}

// Backfiller completes rows that lack derived fields.
type Backfiller interface {
	// Backfill does a backfill and returns what it did with each model.
	Backfill(ctx context.Context, by Actor, b Backfill, progress func(storage.Progress)) (map[string]manager.BackfillStats, error)
	// Unfilled returns those of the models, of all when none is named, that have rows
	// without rev_* fields, ascending.
	Unfilled(ctx context.Context, models []string) ([]string, error)
}

// Migrator brings payloads to the schema versions of their models. One that cannot
// be migrated fails alone; what an interrupted attempt migrated is passed over.
type Migrator interface {
	// Migrate does a migration and returns what it did with each model. Of all of
	// them together at most [manager.MaxMigrateFailures] failures are listed.
	Migrate(ctx context.Context, by Actor, m Migrate, progress func(storage.Progress)) (map[string]manager.MigrateStats, error)
}

// Chunker does long jobs that can be divided: in chunks by a plan, each with its effect
// once, by any worker and in any order.
type Chunker interface {
	// Plan returns the plan of a claimed job that is worth dividing. One that is not, or
	// was begun without a plan, is done at once: then there is no plan but what
	// the job's body returns, see [Executor]. Refusals are those of the body.
	Plan(ctx context.Context, c storage.Claim, by Actor, a Args, progress func(storage.Progress)) (*storage.Plan, []byte, error)
	// Open reads a plan that was stored.
	Open(ctx context.Context, by Actor, a Args, p storage.Plan) (Chunks, error)
}

// Chunks are those of one plan. They are safe for concurrent use and hold nothing but
// memory.
type Chunks interface {
	// Do does a chunk. Done again it does nothing. storage.ErrFenced says that it is not
	// wanted any more.
	Do(ctx context.Context, ref storage.ChunkRef) error
	// Finish ends a claimed job all of whose chunks are done. A nil outcome says that
	// the row was ended, too.
	Finish(ctx context.Context, c storage.Claim, progress func(storage.Progress)) ([]byte, error)
}

// Dumper writes archives of the store.
type Dumper interface {
	// Dump writes the archive that d asks for, under a claim: all of it, or nothing of it
	// is left.
	Dump(ctx context.Context, c storage.Claim, by Actor, d Dump, progress func(storage.Progress)) (DumpOutcome, error)
}

// Verifier looks for what is wrong with the store.
type Verifier interface {
	// Verify lists what it finds. That there are problems is no error.
	Verify(ctx context.Context, by Actor, v Verify, progress func(storage.Progress)) (manager.Findings, error)
}

// Source is an opened archive.
type Source interface {
	manager.Source
	io.Closer
}

// SourceOpener opens the sources of loads and checks their pins. An error that is
// a *RefusedError refuses the load.
type SourceOpener interface {
	// Open opens the plain archive of a load. Reading it gives what was pinned, or an
	// error; it ends with ctx.
	Open(ctx context.Context, l Load) (Source, error)
	// Pins returns the load with the pins of its source filled in: whoever opens it by
	// them, on this machine or another, has the same bytes or is refused.
	Pins(ctx context.Context, l Load) (Load, error)
}

// RefusedError says that a job cannot be done as it is, and that trying again
// would not help.
type RefusedError struct {
	Code string
	Err  error
}

// Error returns the reason.
func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }
