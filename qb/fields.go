package qb

import (
	"time"

	"github.com/specstar-worker/worker/resource"
)

// scalar are the types of attributes.
type scalar interface {
	textual | int | bool | time.Time
}

// textual are the types of attributes that hold texts.
type textual interface {
	string | resource.ID | resource.RevisionID | resource.Status
}

// Field is an attribute of a meta whose values are of type T.
type Field[T scalar] struct{ attr Attr }

// TextField is an attribute that holds a text.
type TextField[T textual] struct{ Field[T] }

// TimeField is an attribute that holds an instant.
type TimeField struct{ Field[time.Time] }

// FlagField is an attribute that is true or false.
type FlagField struct{ Field[bool] }

// ResourceID is the resource's id.
func ResourceID() TextField[resource.ID] { return text[resource.ID](AttrResourceID) }

// CurrentRevisionID is the id of the current revision.
func CurrentRevisionID() TextField[resource.RevisionID] {
	return text[resource.RevisionID](AttrCurrentRevisionID)
}

// SchemaVersion is the schema version of the current payload; it may be null.
func SchemaVersion() TextField[string] { return text[string](AttrSchemaVersion) }

// TotalRevisionCount is the highest revision number ever issued.
func TotalRevisionCount() Field[int] { return Field[int]{AttrTotalRevisionCount} }

// CreatedTime is when the resource was created.
func CreatedTime() TimeField { return instant(AttrCreatedTime) }

// UpdatedTime is when the resource was last changed.
func UpdatedTime() TimeField { return instant(AttrUpdatedTime) }

// CreatedBy is who created the resource.
func CreatedBy() TextField[string] { return text[string](AttrCreatedBy) }

// UpdatedBy is who last changed the resource.
func UpdatedBy() TextField[string] { return text[string](AttrUpdatedBy) }

// IsDeleted tells whether the resource is softly deleted.
func IsDeleted() FlagField { return FlagField{Field[bool]{AttrIsDeleted}} }

// RevStatus is the status of the current revision; it may be unset.
func RevStatus() TextField[resource.Status] { return text[resource.Status](AttrRevStatus) }

// RevCreatedBy is who created the current revision; it may be unset.
func RevCreatedBy() TextField[string] { return text[string](AttrRevCreatedBy) }

// RevUpdatedBy is who last changed the current revision; it may be unset.
func RevUpdatedBy() TextField[string] { return text[string](AttrRevUpdatedBy) }

// RevCreatedTime is when the current revision was created; it may be unset.
func RevCreatedTime() TimeField { return instant(AttrRevCreatedTime) }

// RevUpdatedTime is when the current revision was last changed; it may be unset.
func RevUpdatedTime() TimeField { return instant(AttrRevUpdatedTime) }

func text[T textual](a Attr) TextField[T] { return TextField[T]{Field[T]{a}} }

func instant(a Attr) TimeField { return TimeField{Field[time.Time]{a}} }
