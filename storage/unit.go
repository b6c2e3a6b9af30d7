package storage

import (
	"context"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

// UnitOfWork joins metas, revisions and the ledger: what it writes becomes
// visible together, with the ledger rows that say so, or not at all.
type UnitOfWork interface {
	// Update reads the current metas of b.Refs, calls compute with them and writes
	// what it returns, in one transaction. Nothing may come between the reads and
	// the commit. compute may be called again after a lost race, so it must depend
	// on its arguments alone; its error is returned as it is and nothing is written.
	//
	// Errors: ErrFenced when b.Chunk may not be done, see [ChunkRef]; DuplicateError is
	// never returned, compute decides; ErrUnavailable.
	Update(ctx context.Context, b Batch, compute func(View) (Writes, error)) error
	// Stage stores the revisions of a chunk invisibly and remembers its metas
	// under the chunk's job, with the chunk's ledger row, in one transaction. A
	// chunk that was staged before is left alone. ErrFenced, ErrUnavailable.
	Stage(ctx context.Context, s Staged) error
	// Publish makes everything that was staged under the claimed job visible and
	// ends the job with final, in one transaction. When any resource exists
	// already, nothing takes effect and a *DuplicateError says which.
	Publish(ctx context.Context, c Claim, final Final) error
	// Unstage forgets what a job staged and frees its invisible revisions. Whoever works
	// on the job gives its claim; ErrFenced when that is lost. A claim without a token
	// is of a job that has ended: of one that has not nothing is forgotten, since another
	// one may be working on it again. The plan of a job that then has no chunk goes, too.
	Unstage(ctx context.Context, c Claim) error
}

// Ref names a resource across models.
type Ref struct {
	Model string
	ID    resource.ID
}

// Batch says what a unit of work is about.
type Batch struct {
	// Refs are the resources that compute wants to see or write, in any order,
	// repeats allowed. compute may write no other.
	Refs []Ref
	// New: the caller believes that none of Refs is there. A store may take its word
	// for it at first; compute sees the truth when it was wrong.
	New bool
	// Jobs are the jobs whose effect this is, each ended by Writes.Jobs. View.Ended
	// tells which have ended already. A job that is not in the ledger yet is inserted.
	Jobs []uuid.UUID
	// NewJobs: the caller believes that the ledger has none of Jobs. A store may take
	// its word for it at first; nothing takes effect when it was wrong, and
	// compute is called again with what View.Ended then tells.
	NewJobs bool
	// Marks are the marks that compute wants to see or to raise, in any order, repeats
	// allowed. Each belongs to a resource of Refs: see [MarkKey]. A store whose caller
	// says New may show none at first; what compute then raises in vain, because
	// the mark is as high already, makes it call compute again.
	Marks []uuid.UUID
	// Serial are models of which no other unit of work that names them here runs at
	// the same time: for rules about more than one resource, see [View.Holders]. It
	// says nothing where units run one after another anyway.
	Serial []string
	// Chunk, when not nil, is the part of a long job that this unit does. Its row
	// is inserted with the outcome of Writes.Chunk; when it is there already,
	// Update does nothing and returns nil.
	Chunk *ChunkRef
}

// ChunkRef names a chunk of a long job, and what entitles to do it: the claim of the
// job or, for a part of a plan, that plan.
type ChunkRef struct {
	Claim Claim
	// No is the chunk's number, from 0.
	No int
	// Plan, when not empty, is the digest of the plan by which the chunk is done. The
	// claim then has no token and may be nobody's: the transaction looks, without a lock,
	// that the job has not ended, was not asked to stop and has that plan, else
	// ErrFenced. So a chunk may commit just after the job was asked to stop. Of
	// several who do the same chunk one does it. Such a unit of work ends no job.
	Plan []byte
}

// View is what compute sees: the state at the start of the transaction.
type View interface {
	// Meta returns the current meta of a resource of Batch.Refs.
	Meta(r Ref) (resource.Meta, bool)
	// NextNumber returns the number of the resource's next revision: above its
	// meta's total_revision_count, and free when the unit commits, see G11.
	NextNumber(r Ref) int
	// Info returns the info of a stored revision; ErrNotFound.
	Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error)
	// Data returns the payload of a stored revision; ErrNotFound.
	Data(model string, key resource.RevisionKey) ([]byte, error)
	// Infos returns the infos of all stored revisions of a resource, as
	// RevisionReader.List orders them.
	Infos(r Ref) ([]resource.RevisionInfo, error)
	// Holders returns the live resources of a model of Batch.Refs whose indexed value at path
	// equals value (qb.Equal), by ascending id; nothing for nil. The path must
	// be one of ModelInfo.UniquePaths.
	Holders(model, path string, value any) ([]resource.ID, error)
	// Ended reports whether a job of Batch.Jobs has ended before.
	Ended(job uuid.UUID) bool
	// Mark returns a mark of Batch.Marks, when it is there.
	Mark(key uuid.UUID) (Mark, bool)
}

// Writes are what a unit of work writes. A resource may have several new
// revisions but one meta.
type Writes struct {
	// Models holds the writes of each model.
	Models map[string]ModelWrites
	// Jobs are the final rows of Batch.Jobs that had not ended.
	Jobs []Job
	// Marks are marks of Batch.Marks to be raised, each once. One that is not above
	// what is there changes nothing.
	Marks []Mark
	// Chunk is the outcome of Batch.Chunk, JSON.
	Chunk []byte
	// Final, when not nil, also ends the job of Batch.Chunk.
	Final *Final
}

// ModelWrites are the writes to one model.
type ModelWrites struct {
	// Purge are resources of Batch.Refs whose metas and stored revisions are removed
	// before anything else here is written. A load that is staged has none.
	Purge []resource.ID
	// Revisions are stored under their keys; a key that exists is pointed at the
	// new uid.
	Revisions []resource.Revision
	// Metas replace the rows of their ids.
	Metas []resource.Meta
	// Blobs are the ids of blobs to remember with the model.
	Blobs []string
}

// Staged is one chunk of a load that becomes visible by Publish.
type Staged struct {
	Chunk ChunkRef
	// Models holds what each model will get.
	Models map[string]ModelWrites
	// Outcome is the chunk's outcome, JSON.
	Outcome []byte
}
