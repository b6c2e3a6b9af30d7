package qb

import (
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Attr names an attribute of a meta as the original does, which is also the
// name of its column.
type Attr string

// The attributes of a meta that can be queried and sorted by.
const (
	AttrResourceID         Attr = "resource_id"
	AttrCurrentRevisionID  Attr = "current_revision_id"
	AttrSchemaVersion      Attr = "schema_version"
	AttrTotalRevisionCount Attr = "total_revision_count"
	AttrCreatedTime        Attr = "created_time"
	AttrUpdatedTime        Attr = "updated_time"
	AttrCreatedBy          Attr = "created_by"
	AttrUpdatedBy          Attr = "updated_by"
	AttrIsDeleted          Attr = "is_deleted"
	AttrRevStatus          Attr = "rev_status"
	AttrRevCreatedBy       Attr = "rev_created_by"
	AttrRevUpdatedBy       Attr = "rev_updated_by"
	AttrRevCreatedTime     Attr = "rev_created_time"
	AttrRevUpdatedTime     Attr = "rev_updated_time"
)

// Kind is the type of an attribute's values.
type Kind int

// The kinds, with the Go type of a [Comparison]'s operands.
const (
	KindNone   Kind = iota // not an attribute
	KindText               // string
	KindNumber             // int64
	KindFlag               // bool
	KindTime               // time.Time
)

// Kind returns the type of the attribute's values, KindNone when there is no
// such attribute.
func (a Attr) Kind() Kind {
	switch a {
	case AttrResourceID, AttrCurrentRevisionID, AttrSchemaVersion, AttrCreatedBy, AttrUpdatedBy,
		AttrRevStatus, AttrRevCreatedBy, AttrRevUpdatedBy:
		return KindText
	case AttrTotalRevisionCount:
		return KindNumber
	case AttrIsDeleted:
		return KindFlag
	case AttrCreatedTime, AttrUpdatedTime, AttrRevCreatedTime, AttrRevUpdatedTime:
		return KindTime
	}
	return KindNone
}

// of returns the attribute of m as an operand, nil when it is null or unset.
func (a Attr) of(m *resource.Meta) any {
	switch a {
	case AttrResourceID:
		return string(m.ResourceID)
	case AttrCurrentRevisionID:
		return string(m.CurrentRevisionID)
	case AttrSchemaVersion:
		return orNil(m.SchemaVersion)
	case AttrTotalRevisionCount:
		return int64(m.TotalRevisionCount)
	case AttrCreatedTime:
		return m.CreatedTime
	case AttrUpdatedTime:
		return m.UpdatedTime
	case AttrCreatedBy:
		return m.CreatedBy
	case AttrUpdatedBy:
		return m.UpdatedBy
	case AttrIsDeleted:
		return m.IsDeleted
	}
	return a.ofRev(&m.Rev)
}

func (a Attr) ofRev(r *resource.RevMeta) any {
	switch a {
	case AttrRevStatus:
		if s, ok := r.Status.Get(); ok {
			return string(s)
		}
	case AttrRevCreatedBy:
		return orNil(r.CreatedBy)
	case AttrRevUpdatedBy:
		return orNil(r.UpdatedBy)
	case AttrRevCreatedTime:
		return orNil(r.CreatedTime)
	case AttrRevUpdatedTime:
		return orNil(r.UpdatedTime)
	}
	return nil
}

func orNil[T string | time.Time](v opt.Value[T]) any {
	if x, ok := v.Get(); ok {
		return x
	}
	return nil
}
