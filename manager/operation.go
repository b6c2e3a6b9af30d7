package manager

import (
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Op is what an [Operation] does.
type Op string

// The operations that a save can carry.
const (
	OpCreate  Op = "create"  // a new resource; refused when the id exists
	OpUpdate  Op = "update"  // a new revision of a live resource
	OpUpsert  Op = "upsert"  // update, or create when the id is new
	OpModify  Op = "modify"  // the current revision in place: a draft's payload, or the status
	OpPatch   Op = "patch"   // a new revision that differs by a JSON patch
	OpSwitch  Op = "switch"  // makes an existing revision the current one
	OpDelete  Op = "delete"  // soft: the row stays, marked deleted
	OpRestore Op = "restore" // undo of a delete
	OpMigrate Op = "migrate" // brings a revision to the declared schema version
	OpPurge   Op = "purge"   // removes the resource with all its revisions, for good
)

// Operation is one change of one resource.
type Operation struct {
	Op Op
	// ResourceID is the resource concerned; empty on create means a new id, which
	// is derived from the job and the operation's place so that a repeat makes the same.
	ResourceID resource.ID
	// Data is the new payload as JSON text; it is canonicalised, or transcoded
	// when the model writes msgpack. Payload, when not nil, is stored as it is instead.
	// Of a patch, Data is the patch: an RFC 6902 array or an RFC 7386 object. A modify
	// without either, or with null, changes the status alone.
	Data    []byte
	Payload []byte
	// Patch, of a modify, is a patch as above instead of the new payload.
	Patch []byte
	// Status of the new revision; unset means stable, and for a modify as it was.
	Status opt.Value[resource.Status]
	// RevisionID is the revision to switch to, or to migrate: empty, the current one.
	RevisionID resource.RevisionID
	// ExpectedRevisionID, when not empty, must be the current revision.
	ExpectedRevisionID resource.RevisionID
	// User and Time are stored as given: who changes the resource, and when.
	User string
	Time time.Time
	// Order is by what a full-value save (create, update, upsert, modify with data) is
	// older or newer than others of its resource. Outside a job only a number counts.
	Order Order
}

// Effect is what an operation did.
type Effect string

// The effects of operations.
const (
	EffectCreated   Effect = "created"
	EffectUpdated   Effect = "updated"
	EffectUnchanged Effect = "unchanged" // equal data, or already as asked
	EffectModified  Effect = "modified"
	EffectSwitched  Effect = "switched"
	EffectDeleted   Effect = "deleted"
	EffectRestored  Effect = "restored"
	EffectMigrated  Effect = "migrated"
	EffectPurged    Effect = "purged"
	EffectRefused   Effect = "refused" // see Code and Message
	// EffectSuperseded: nothing was done, since a newer full-value save was applied before.
	EffectSuperseded Effect = "superseded"
)

// Outcome is the result of one operation.
type Outcome struct {
	Effect     Effect              `json:"effect"`
	ResourceID resource.ID         `json:"resource_id"`
	RevisionID resource.RevisionID `json:"revision_id,omitempty"`
	Code       Code                `json:"code,omitempty"`
	Message    string              `json:"message,omitempty"`
}

// Code says why the rules refused something. Codes are part of the command
// line's and the queue's contract.
type Code string

// The codes of refusals.
const (
	CodeNotFound    Code = "not_found"    // no such resource
	CodeDeleted     Code = "deleted"      // the resource is deleted
	CodeExists      Code = "exists"       // create of an id that exists
	CodeConflict    Code = "conflict"     // the expected revision is not the current one
	CodeNotDraft    Code = "not_draft"    // modify of data that is not a draft
	CodeNotUnique   Code = "not_unique"   // another live resource holds the value
	CodeNotMigrated Code = "not_migrated" // the revision is not stored at the resource's schema version
	CodeNoMigration Code = "no_migration" // no way leads to the declared schema version
	CodeInvalid     Code = "invalid"      // the operation or its payload breaks a rule
	CodeForbidden   Code = "forbidden"    // the user may not
	CodeUnsupport   Code = "unsupported"  // an operation this version does not know

	CodeSuperseded Code = "superseded" // no refusal: a newer save was applied before

	CodeNotDone Code = "not_done" // another operation of a save that is all or nothing was refused

	CodeDuplicate    Code = "duplicate_resource" // a load met resources that exist
	CodeModelUnknown Code = "model_unknown"      // the store or archive lacks the model
	CodeAmbiguous    Code = "ambiguous"          // equally new, but other content
	CodeBlobMissing  Code = "blob_missing"       // a note: a referenced blob is nowhere
	CodeHashStale    Code = "hash_stale"         // a note: the hash is of before a migration
	CodeHashWrong    Code = "hash_wrong"         // a payload or blob is not what its hash says
	CodeUnreadable   Code = "unreadable"         // a row cannot be decoded
	CodeRevMissing   Code = "revision_missing"   // the current revision is nowhere
	CodeRevMeta      Code = "rev_meta_wrong"     // rev_* differ from the current revision
	CodeOrphan       Code = "orphan_revision"    // revisions of a resource without a meta
	CodeBlobUnused   Code = "blob_unused"        // a note: blobs that nothing refers to
	CodeRowLost      Code = "row_lost"           // a note: rows that nothing leads to
)

// SaveJob is a queued save: operations whose effect and ledger row commit
// together.
type SaveJob struct {
	// Row identifies the job; State, Outcome, ErrorCode, ErrorMessage and Finished
	// are filled when it ends. Row.ID must be set.
	Row        storage.Job
	Operations []Operation
	// From is the place of the job's message among others of its queue, where it was
	// first; the zero value when it has none: then its saves keep no order but that of
	// a number. Row.Created is when it was submitted.
	From storage.Origin
	// Again: the message was published anew, after others that were submitted later.
	Again bool
	// First: the caller believes that the ledger does not know the job, since its
	// message is delivered for the first time. That it is wrong costs time alone.
	First bool
	// Whole: one refused operation refuses the job, and nothing of it takes effect.
	// Otherwise each operation is refused by itself.
	Whole bool
}

// SaveJobOutcome is the result of a [SaveJob].
type SaveJobOutcome struct {
	// Repeated: the job had ended before; nothing was done and Outcomes is nil.
	Repeated bool
	// State is done, or refused when every operation was refused: of a job that is
	// whole, all but the first for another one, [CodeNotDone].
	State    storage.JobState
	Outcomes []Outcome
	// Batch is what the unit of work did in which the job ended: all its jobs have the
	// same one. Nil for a repeated job.
	Batch *SaveBatch
}
