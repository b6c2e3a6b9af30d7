package resource

import (
	"time"

	"github.com/specstar-worker/worker/opt"
)

// Meta is the queryable row of one resource: its current state. The order of
// the fields is the order on the wire.
type Meta struct {
	CurrentRevisionID RevisionID
	ResourceID        ID
	// SchemaVersion is the schema of the current payload; unset is written as null.
	SchemaVersion opt.Value[string]
	// TotalRevisionCount is the highest revision number ever issued, not the
	// number of stored revisions.
	TotalRevisionCount int
	CreatedTime        time.Time
	UpdatedTime        time.Time
	CreatedBy          string
	UpdatedBy          string
	IsDeleted          bool
	// IndexedData holds the values of the model's indexed fields; unset when the
	// writer extracted none.
	IndexedData opt.Value[Indexed]
	Rev         RevMeta
}

// RevMeta is a copy of the current revision's facts, embedded in the meta so
// that queries need no second read (upgrade page, "ResourceMeta rev fields and
// backfill"). The five fields stand flat beside the others on every wire. Each
// is unset in rows written before 0.9 until they are backfilled.
type RevMeta struct {
	Status      opt.Value[Status]
	CreatedBy   opt.Value[string]
	UpdatedBy   opt.Value[string]
	CreatedTime opt.Value[time.Time]
	UpdatedTime opt.Value[time.Time]
}

// Complete reports whether all five fields are set. The original looks at the
// status alone and so never completes a half-filled row.
func (r RevMeta) Complete() bool {
	return r.Status.IsSet() && r.CreatedBy.IsSet() && r.UpdatedBy.IsSet() &&
		r.CreatedTime.IsSet() && r.UpdatedTime.IsSet()
}

// Completed returns r with its unset fields as other has them.
func (r RevMeta) Completed(other RevMeta) RevMeta {
	if !r.Status.IsSet() {
		r.Status = other.Status
	}
	if !r.CreatedBy.IsSet() {
		r.CreatedBy = other.CreatedBy
	}
	if !r.UpdatedBy.IsSet() {
		r.UpdatedBy = other.UpdatedBy
	}
	if !r.CreatedTime.IsSet() {
		r.CreatedTime = other.CreatedTime
	}
	if !r.UpdatedTime.IsSet() {
		r.UpdatedTime = other.UpdatedTime
	}
	return r
}

// RevMetaOf returns the five fields as info has them.
func RevMetaOf(info RevisionInfo) RevMeta {
	return RevMeta{
		Status:      opt.Of(info.Status),
		CreatedBy:   opt.Of(info.CreatedBy),
		UpdatedBy:   opt.Of(info.UpdatedBy),
		CreatedTime: opt.Of(info.CreatedTime),
		UpdatedTime: opt.Of(info.UpdatedTime),
	}
}
