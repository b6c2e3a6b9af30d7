package resource

import (
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/opt"
)

// RevisionInfo is everything known of a revision but its payload. The order of
// the fields is the order on the wire.
type RevisionInfo struct {
	// UID addresses the stored bytes; every write that builds an info makes a new one.
	UID        uuid.UUID
	ResourceID ID
	RevisionID RevisionID
	// ParentRevisionID is the revision this one was made from; unset (written as
	// null) for the first.
	ParentRevisionID opt.Value[RevisionID]
	// ParentSchemaVersion is present only on migrated revisions: unset leaves the
	// key out, set to nil writes null.
	ParentSchemaVersion opt.Value[*string]
	// SchemaVersion is the schema of the payload; unset is written as null.
	SchemaVersion opt.Value[string]
	// DataHash is [DataHash] of the payload; unset leaves the key out.
	DataHash    opt.Value[string]
	Status      Status
	CreatedTime time.Time
	UpdatedTime time.Time
	CreatedBy   string
	UpdatedBy   string
}

// Key returns the address of the revision within its model.
func (i RevisionInfo) Key() RevisionKey {
	return RevisionKey{Resource: i.ResourceID, Revision: i.RevisionID, SchemaVersion: i.SchemaVersion}
}

// RevisionKey addresses a stored revision within its model. A migrated revision
// is stored once per schema version. RevisionKey is comparable.
type RevisionKey struct {
	Resource      ID
	Revision      RevisionID
	SchemaVersion opt.Value[string]
}

// Revision is a revision with its payload. Data is never changed by whoever
// receives a Revision.
type Revision struct {
	Info RevisionInfo
	Data []byte
}

// hashPrefix names the algorithm in front of every data hash.
const hashPrefix = "xxh3_128:"

// DataHash returns the hash that a revision with the given payload carries:
// "xxh3_128:" and 32 hex digits of xxh3-128 with seed 0.
func DataHash(payload []byte) string {
	sum := xxh3.Hash128(payload).Bytes()
	b := append(make([]byte, 0, len(hashPrefix)+2*len(sum)), hashPrefix...)
	return string(hex.AppendEncode(b, sum[:]))
}

// ContentHash returns 32 lower-case hex digits of the xxh3-128 of b, which is
// also the id of a blob with content b.
func ContentHash(b []byte) string {
	sum := xxh3.Hash128(b).Bytes()
	return hex.EncodeToString(sum[:])
}
