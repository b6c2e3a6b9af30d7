package resource

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
)

// source is a map in either encoding whose keys are texts. A reading method
// that meets something else than it is to read records the first error, which
// [source.end] returns; what it then gives is meaningless.
type source interface {
	next() (key string, ok bool) // ok is false behind the last pair or an error
	skip()
	null() bool // reads a null if one is next
	str() string
	bool() bool
	count() int
	time() time.Time
	uuid() uuid.UUID
	indexed() Indexed
	fail(err error)
	end() error // also checks that nothing is left
}

// field is the bit of a required field; optional ones are 0.
type field uint16

// Required fields of both records, in declaration order.
var (
	metaRequired = []string{
		"current_revision_id", "resource_id", "total_revision_count", "created_time",
		"updated_time", "created_by", "updated_by",
	}
	revisionRequired = []string{
		"uid", "resource_id", "revision_id", "status", "created_time", "updated_time",
		"created_by", "updated_by",
	}
)

// decodeFields reads all pairs of src and checks that the required fields, bit
// i of what decode returns for required[i], were there.
func decodeFields(src source, decode func(string, source) field, required []string) error {
	var seen field
	for key, ok := src.next(); ok; key, ok = src.next() {
		seen |= decode(key, src)
	}
	if err := src.end(); err != nil {
		return err
	}
	for i, name := range required {
		if seen&(1<<i) == 0 {
			src.fail(fmt.Errorf("required field %s is missing", name))
			return src.end()
		}
	}
	return nil
}

// decodeField reads the value of one key.
func (m *Meta) decodeField(key string, src source) field {
	switch key {
	case "current_revision_id":
		m.CurrentRevisionID = RevisionID(src.str())
		return 1 << 0
	case "resource_id":
		m.ResourceID = ID(src.str())
		return 1 << 1
	case "schema_version":
		m.SchemaVersion = strOrNull(src)
	case "total_revision_count":
		m.TotalRevisionCount = src.count()
		return 1 << 2
	case "created_time":
		m.CreatedTime = src.time()
		return 1 << 3
	case "updated_time":
		m.UpdatedTime = src.time()
		return 1 << 4
	case "created_by":
		m.CreatedBy = src.str()
		return 1 << 5
	case "updated_by":
		m.UpdatedBy = src.str()
		return 1 << 6
	case "is_deleted":
		m.IsDeleted = src.bool()
	case "indexed_data":
		m.IndexedData = opt.Of(src.indexed())
	default:
		m.Rev.decodeField(key, src)
	}
	return 0
}

func (r *RevMeta) decodeField(key string, src source) {
	switch key {
	case "rev_status":
		r.Status = opt.Of(status(src))
	case "rev_created_by":
		r.CreatedBy = opt.Of(src.str())
	case "rev_updated_by":
		r.UpdatedBy = opt.Of(src.str())
	case "rev_created_time":
		r.CreatedTime = opt.Of(src.time())
	case "rev_updated_time":
		r.UpdatedTime = opt.Of(src.time())
	default:
		src.skip()
	}
}

// decodeField reads the value of one key.
func (i *RevisionInfo) decodeField(key string, src source) field {
	switch key {
	case "uid":
		i.UID = src.uuid()
		return 1 << 0
	case "resource_id":
		i.ResourceID = ID(src.str())
		return 1 << 1
	case "revision_id":
		i.RevisionID = RevisionID(src.str())
		return 1 << 2
	case "parent_revision_id":
		i.ParentRevisionID = opt.Value[RevisionID]{}
		if !src.null() {
			i.ParentRevisionID = opt.Of(RevisionID(src.str()))
		}
	case "parent_schema_version":
		i.ParentSchemaVersion = opt.Of[*string](nil)
		if v, ok := strOrNull(src).Get(); ok {
			i.ParentSchemaVersion = opt.Of(&v)
		}
	case "schema_version":
		i.SchemaVersion = strOrNull(src)
	case "data_hash":
		i.DataHash = opt.Of(src.str())
	case "status":
		i.Status = status(src)
		return 1 << 3
	case "created_time":
		i.CreatedTime = src.time()
		return 1 << 4
	case "updated_time":
		i.UpdatedTime = src.time()
		return 1 << 5
	case "created_by":
		i.CreatedBy = src.str()
		return 1 << 6
	case "updated_by":
		i.UpdatedBy = src.str()
		return 1 << 7
	default:
		src.skip()
	}
	return 0
}

func strOrNull(src source) opt.Value[string] {
	if src.null() {
		return opt.Value[string]{}
	}
	return opt.Of(src.str())
}

func status(src source) Status {
	switch s := Status(src.str()); s {
	case Draft:
		return Draft
	case Stable:
		return Stable
	default:
		src.fail(fmt.Errorf("status %.40q is neither draft nor stable", string(s)))
		return ""
	}
}

// parseUUID reads the two text forms the original takes: 32 hex digits, with or
// without the four hyphens.
func parseUUID(s string) (uuid.UUID, error) {
	if len(s) != 32 && len(s) != 36 {
		return uuid.UUID{}, fmt.Errorf("%.40q is not a UUID", s)
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.UUID{}, fmt.Errorf("%.40q is not a UUID", s)
	}
	return id, nil
}
