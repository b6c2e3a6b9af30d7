package jobs

import (
	"cmp"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
)

// The versions of the envelope. Both are read. What programs of the first one read, too, is
// written as such; they leave the second one to others, see [CodeSchema].
const (
	schemaFirst = 1
	// Schema is the newest: loads from other places than directories, jobs with a rate or
	// a dry run, and causes came with it.
	Schema = 2
)

// Limits of an envelope.
const (
	// MaxMessageBytes is the longest message, NATS's default maximum payload.
	MaxMessageBytes = 1 << 20
	// MaxOperations is how many operations one save may carry.
	MaxOperations = 10_000
	// MaxModels is how many models a load, backfill or migration may name.
	MaxModels = 1_000
	// MaxRate is the highest rate that a backfill or migration may be given, in rows a
	// second.
	MaxRate = 10_000_000
)

// Envelope is one job as submitted. Its wire form is plain JSON, described by
// [EnvelopeSchema], so that any program can write one, or the binary [Form].
type Envelope struct {
	// ID identifies the job: submitted twice, it takes effect once. Empty lets the
	// message's Nats-Msg-Id header, or its place in the stream, identify it.
	ID string
	// Model is the model a save is about; empty for the other kinds.
	Model string
	// User is on whose behalf the job runs; stored with what it writes.
	User string
	// Time is when the change happened, to the microsecond; zero means the time at
	// which the queue took the message, so that redeliveries agree.
	Time time.Time
	// Lane is the urgency; empty means normal.
	Lane Lane
	// Parent is the job that caused this one; uuid.Nil for none.
	Parent uuid.UUID
	// Cause says which rule submitted the job because of which event; nil when none did.
	Cause *Cause
	// RulesOff keeps the job's events from starting other jobs.
	RulesOff bool
	// Options are how the job is treated.
	Options
	// Args says what to do; its type is the kind.
	Args Args
	// Form is how the message is written; it does not belong to what it says. Empty
	// means JSON.
	Form Form
}

// Kind returns what the job does.
func (e Envelope) Kind() Kind { return e.Args.kind() }

// Operations returns the operations of a save, those without a user, a time or an order
// of their own with the envelope's; none of another job.
func (e Envelope) Operations() []manager.Operation {
	s, _ := e.Args.(Save)
	ops := make([]manager.Operation, len(s.Operations))
	for i, op := range s.Operations {
		op.User = cmp.Or(op.User, e.User)
		if op.Time.IsZero() {
			op.Time = e.Time
		}
		op.Order = cmp.Or(op.Order, s.Order)
		ops[i] = op
	}
	return ops
}

// Args are the arguments of one kind of job: [Save], [Load],
// [Backfill], [Migrate], [Dump], [Verify] or [Chunk].
type Args interface{ kind() Kind }

// Save changes resources of the envelope's model. Each operation has its own
// outcome; one without User or Time has those of the envelope.
type Save struct {
	Operations []manager.Operation
	// OnError is what a refused operation does to the others: refuse (also when
	// empty) leaves them alone, fail refuses the job and nothing of it takes effect.
	OnError string
	// Order is that of the operations that have none of their own.
	Order manager.Order
}

// The values of [Save.OnError].
const (
	OnErrorRefuse = "refuse"
	OnErrorFail   = "fail"
)

// Load brings an archive into the store.
type Load struct {
	// Source is "upload:NAME", "object:NAME", "file:PATH" or
	// "s3://BUCKET/KEY[?endpoint=URL&region=R&path_style=true]".
	Source string
	// Size, Modified and ETag pin the source as it was when the job was submitted or
	// planned; a source that differs is refused. Size is in bytes; zero values pin
	// nothing. The ETag of an object of the queue is its digest, that of a file its inode.
	Size     opt.Value[int64]
	Modified time.Time
	ETag     string
	// OnDuplicate is what happens to resources that exist: raise_error (also when
	// empty), skip, overwrite or newer.
	OnDuplicate string
	// Models selects sections of the archive; none means all.
	Models []string
	// Allow lists tolerated faults: missing_revision, unknown_model.
	Allow []string
}

// Backfill fills derived fields of rows that lack them.
type Backfill struct {
	// What is the kind of backfill: revision_meta (also when empty) or indexed_data.
	What string
	// Models are the models to fill; none means all.
	Models []string
	Going
}

// Migrate brings payloads to the schema versions that their models declare.
type Migrate struct {
	// Models are the models to migrate, at least one.
	Models []string
	// History migrates every stored revision, not the current ones alone.
	History bool
	Going
}

// Going is how a backfill or a migration goes about it.
type Going struct {
	// Rate is how many rows a second the job looks at, at most; 0 is no bound. A job
	// with a rate is not divided among workers.
	Rate int
	// DryRun counts what would be done and writes nothing.
	DryRun bool
}

// The kinds of backfill.
const (
	// RevisionMeta is the backfill of the five rev_* fields.
	RevisionMeta = "revision_meta"
	// IndexedData is the backfill of the values at indexed paths that were declared
	// after rows had been written.
	IndexedData = "indexed_data"
)

func (Save) kind() Kind     { return KindSave }
func (Load) kind() Kind     { return KindLoad }
func (Backfill) kind() Kind { return KindBackfill }
func (Migrate) kind() Kind  { return KindMigrate }
func (Chunk) kind() Kind    { return KindChunk }

// NewSave returns the envelope of a save with a fresh id and the present time.
func NewSave(model, user string, ops ...manager.Operation) Envelope {
	return newEnvelope(model, user, LaneNormal, Save{Operations: ops})
}

// NewLoad returns the envelope of a load in the bulk lane.
func NewLoad(user string, l Load) Envelope { return newEnvelope("", user, LaneBulk, l) }

// NewBackfill returns the envelope of a backfill of rev_* fields in the bulk
// lane; no models means all.
func NewBackfill(user string, models ...string) Envelope {
	return newEnvelope("", user, LaneBulk, Backfill{What: RevisionMeta, Models: models})
}

// NewMigrate returns the envelope of a migration in the bulk lane.
func NewMigrate(user string, m Migrate) Envelope { return newEnvelope("", user, LaneBulk, m) }

func newEnvelope(model, user string, l Lane, a Args) Envelope {
	return Envelope{
		ID: NewID(), Model: model, User: user, Lane: l, Args: a,
		Time: time.Now().UTC().Truncate(time.Microsecond),
	}
}
