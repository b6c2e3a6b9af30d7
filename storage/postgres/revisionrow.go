package postgres

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

const (
	dataColumns  = `uid, data, info`
	indexColumns = `resource_id, revision_id, schema_version, uid`
)

// noVersion is how the original writes that there is no schema version.
const noVersion = "__none__"

// versionText is how the index writes a schema version. One that reads like the
// absence of one is refused, see checkRevision.
func versionText(v opt.Value[string]) string { return v.Or(noVersion) }

// versionOf reads what versionText writes; NULL is what others may have written.
func versionOf(s *string) opt.Value[string] {
	if s == nil || *s == noVersion {
		return opt.Value[string]{}
	}
	return opt.Of(*s)
}

// checkRevision reports why the tables cannot hold a revision.
func checkRevision(t tables, info *resource.RevisionInfo) error {
	if err := info.Check(); err != nil {
		return &storage.RecordError{Model: t.model, ID: info.ResourceID, Reason: fmt.Sprintf("revision %s: %v", info.RevisionID, err)}
	}
	version := info.SchemaVersion.Or("")
	for _, x := range []struct{ field, text string }{
		{"resource_id", string(info.ResourceID)}, {"revision_id", string(info.RevisionID)}, {"schema_version", version},
	} {
		if reason := badText(x.text); reason != "" {
			return &storage.RecordError{Model: t.model, ID: info.ResourceID, Field: x.field, Reason: reason}
		}
	}
	if len(info.ResourceID)+len(info.RevisionID)+len(version) > maxKey {
		return &storage.RecordError{Model: t.model, ID: info.ResourceID, Field: "revision_id", Reason: "resource_id, revision_id and schema_version together do not fit in an index of PostgreSQL"}
	}
	if version == noVersion {
		return &storage.RecordError{Model: t.model, ID: info.ResourceID, Field: "schema_version", Reason: "the original writes " + noVersion + " where there is none"}
	}
	return nil
}

// maxKey is how many bytes the texts of an index entry's key may take together.
const maxKey = 2600

// placed is a revision with the uid that it is stored under.
type placed struct {
	*resource.Revision
	uid uuid.UUID
}

// placedAll returns revisions under their own uids, when the tables can hold them.
func placedAll(t tables, revisions []resource.Revision) ([]placed, error) {
	all := make([]placed, len(revisions))
	var bad storage.RecordErrors
	for i := range revisions {
		r := &revisions[i]
		if err := bad.Add(checkRevision(t, &r.Info)); err != nil {
			return nil, err
		}
		all[i] = placed{Revision: r, uid: r.Info.UID}
	}
	return all, bad.Err()
}

// key is where a revision is found.
func (p placed) key() resource.RevisionKey { return p.Info.Key() }

// copyData inserts payloads and infos whose uids are free.
func (t *tx) copyData(names tables, revisions []placed) error {
	if len(revisions) == 0 {
		return nil
	}
	return t.copyIn(names.data, dataColumns, t.f.copyOfData(revisions))
}

// copyOfData returns rows of dataColumns for COPY.
func (f *Factory) copyOfData(revisions []placed) *copyRows {
	size := 0
	for _, r := range revisions {
		size += len(r.Data) + 512
	}
	c := f.buffers.contents.rows(size)
	for _, r := range revisions {
		c.row(3)
		c.uid(r.uid)
		c.bytes(r.Data)
		c.sized(func(b []byte) []byte { return r.Info.Append(f.infoEncoding(), b) })
	}
	return c
}

// indexEntry leads from a key to the uid that a content is stored under.
type indexEntry struct {
	key resource.RevisionKey
	uid string
}

// copyIndex inserts entries whose keys are free.
func (t *tx) copyIndex(names tables, entries []indexEntry) error {
	if len(entries) == 0 {
		return nil
	}
	return t.copyIn(names.index, indexColumns, copyOfIndex(entries))
}

// copyOfIndex returns rows of indexColumns for COPY.
func copyOfIndex(entries []indexEntry) *copyRows {
	c := newCopyRows(160 * len(entries))
	for i := range entries {
		c.entry(&entries[i].key)
		c.text(entries[i].uid)
	}
	return c
}

// copyOfEntries is copyOfIndex of the entries of revisions.
func (f *Factory) copyOfEntries(revisions []placed) *copyRows {
	c := f.buffers.entries.rows(160 * len(revisions))
	for i := range revisions {
		key := revisions[i].key()
		c.entry(&key)
		c.uid(revisions[i].uid)
	}
	return c
}

// entry begins a row of indexColumns: all but the uid.
func (c *copyRows) entry(key *resource.RevisionKey) {
	c.row(4)
	c.text(string(key.Resource))
	c.text(string(key.Revision))
	c.text(versionText(key.SchemaVersion))
}

// entriesOf returns the index entries of revisions.
func entriesOf(revisions []placed) []indexEntry {
	entries := make([]indexEntry, len(revisions))
	for i, r := range revisions {
		entries[i] = indexEntry{key: r.key(), uid: r.uid.String()}
	}
	return entries
}

// numberBehind returns the number of a revision id of a resource, 0 for one
// without, or for that of another resource.
func numberBehind(id resource.ID, r resource.RevisionID) int {
	if n, ok := r.Number(); ok && strings.HasPrefix(string(r), string(id)) {
		return n
	}
	return 0
}
