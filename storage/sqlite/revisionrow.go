package sqlite

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// noNumber stands in the index for a revision id without a number; such ids
// sort last, see resource.RevisionID.Compare.
const noNumber = 1 << 31

// numberOf returns the index's number of a revision id.
func numberOf(r resource.RevisionID) int {
	if n, ok := r.Number(); ok {
		return n
	}
	return noNumber
}

// versionText is how the index writes a schema version: none sorts before all
// others and cannot be mistaken for one.
func versionText(v opt.Value[string]) string {
	if s, ok := v.Get(); ok {
		return "v_" + s
	}
	return ""
}

func (t tables) insertData() string {
	return `INSERT INTO ` + t.data + ` (uid, data, info) VALUES (?, ?, ?) ON CONFLICT (uid) DO NOTHING`
}

func (t tables) upsertData() string {
	return `INSERT INTO ` + t.data + ` (uid, data, info) VALUES (?, ?, ?) ON CONFLICT (uid) DO UPDATE SET data = excluded.data, info = excluded.info`
}

// upsertIndex points a key at a uid.
func (t tables) upsertIndex() string {
	return `INSERT INTO ` + t.index + ` (resource_id, number, revision_id, schema_version, uid) VALUES (?1, ?2, ?3, ?4, ?5)` + indexConflict
}

// upsertStored points a key at a uid whose data row is there; it changes no row
// when that is missing.
func (t tables) upsertStored() string {
	return `INSERT INTO ` + t.index + ` (resource_id, number, revision_id, schema_version, uid)
	SELECT ?1, ?2, ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM ` + t.data + ` WHERE uid = ?5)` + indexConflict
}

const indexConflict = ` ON CONFLICT (resource_id, number, revision_id, schema_version) DO UPDATE SET uid = excluded.uid`

// entry is one row of the index.
type entry struct {
	key resource.RevisionKey
	uid uuid.UUID
}

func entryOf(i resource.RevisionInfo) entry { return entry{key: i.Key(), uid: i.UID} }

// place is where a revision is stored whose uid is another key's, equal for
// equal entries. What readers get is the uid in the info.
func (e entry) place() uuid.UUID {
	return uuid.NewSHA1(e.uid, []byte(string(e.key.Revision)+"\x00"+versionText(e.key.SchemaVersion)))
}

// indexWriter writes index entries and frees the revisions that nothing points
// at any more.
type indexWriter struct {
	t     *tx
	names tables
	// highest holds the highest stored number of each resource that has entries;
	// noNumber for one that has entries without a number.
	highest map[resource.ID]int
}

// newIndexWriter returns a writer for entries of the given resources.
func newIndexWriter(t *tx, names tables, ids []resource.ID) (*indexWriter, error) {
	w := &indexWriter{t: t, names: names, highest: map[resource.ID]int{}}
	return w, w.learn(ids)
}

// learn reads the highest numbers of resources.
func (w *indexWriter) learn(ids []resource.ID) error {
	return w.t.each(`SELECT j.value, (SELECT max(number) FROM `+w.names.index+` WHERE resource_id = j.value) AS n FROM json_each(?) j WHERE n IS NOT NULL`,
		[]any{jsonIDs(ids)}, func(rows *sql.Rows) error {
			var id resource.ID
			var n int
			if err := rows.Scan(&id, &n); err != nil {
				return err
			}
			w.highest[id] = n
			return nil
		})
}

// put points a key at a uid. A uid the key pointed at before is freed when no
// other key of the resource has it; what is stored under a uid is never shared
// between resources, see saveBytes.
func (w *indexWriter) put(e entry) error {
	_, err := w.upsert(w.names.upsertIndex(), e)
	return err
}

// putStored is put for a uid that was stored earlier: gone since, it is an error.
func (w *indexWriter) putStored(e entry) error {
	n, err := w.upsert(w.names.upsertStored(), e)
	if err == nil && n == 0 {
		err = fmt.Errorf("revision %s of model %s: its staged content was removed: load again", e.key.Revision, w.names.model)
	}
	return err
}

func (w *indexWriter) upsert(query string, e entry) (int64, error) {
	number := numberOf(e.key.Revision)
	var previous []byte
	if highest, ok := w.highest[e.key.Resource]; ok && number <= highest {
		var err error
		if previous, err = w.previous(e.key); err != nil {
			return 0, err
		}
	}
	w.highest[e.key.Resource] = max(number, w.highest[e.key.Resource])
	n, err := w.t.exec(query, string(e.key.Resource), number, string(e.key.Revision), versionText(e.key.SchemaVersion), e.uid[:])
	if err != nil || previous == nil || bytes.Equal(previous, e.uid[:]) {
		return n, err
	}
	return n, w.free(e.key.Resource, previous)
}

// previous returns the uid a key points at, nil for none.
func (w *indexWriter) previous(k resource.RevisionKey) ([]byte, error) {
	var uid []byte
	err := w.t.each(`SELECT uid FROM `+w.names.index+` WHERE resource_id = ? AND number = ? AND revision_id = ? AND schema_version = ?`,
		[]any{string(k.Resource), numberOf(k.Revision), string(k.Revision), versionText(k.SchemaVersion)},
		func(rows *sql.Rows) error { return rows.Scan(&uid) })
	return uid, err
}

// free deletes a revision that no key of its resource points at.
func (w *indexWriter) free(id resource.ID, uid []byte) error {
	_, err := w.t.exec(`DELETE FROM `+w.names.data+` WHERE uid = ?1 AND NOT EXISTS (SELECT 1 FROM `+w.names.index+` WHERE resource_id = ?2 AND uid = ?1)`, uid, string(id))
	return err
}

// saveRevisions stores revisions and points their keys at them.
func (t *tx) saveRevisions(names tables, enc resource.Encoding, revisions []resource.Revision) error {
	ids := make([]resource.ID, 0, len(revisions))
	for _, r := range revisions {
		ids = append(ids, r.Info.ResourceID)
	}
	slices.Sort(ids)
	w, err := newIndexWriter(t, names, slices.Compact(ids))
	if err != nil {
		return err
	}
	entries := make([]entry, len(revisions))
	for i, r := range revisions {
		if err := errors.Join(r.Info.Check(), t.check()); err != nil {
			return fmt.Errorf("revision %s: %w", r.Info.RevisionID, err)
		}
		entries[i] = entryOf(r.Info)
		if err := t.saveBytes(names, enc, &entries[i], r.Info.Append(enc, nil), r.Data); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if err := w.put(e); err != nil {
			return err
		}
	}
	return nil
}

// saveBytes stores info and payload under the uid of an entry. Where that holds
// a revision of another key, they get a place of their own, to which the entry is
// then pointed: uids are unique as they are made, but a migration by the original
// keeps that of the bytes it replaces, and archives that were edited repeat them.
func (t *tx) saveBytes(names tables, enc resource.Encoding, e *entry, info, data []byte) error {
	n, err := t.exec(names.insertData(), e.uid[:], notNil(data), info)
	if err != nil || n == 1 {
		return err
	}
	owner, err := t.owner(names, enc, e.uid)
	if err != nil {
		return err
	}
	if owner != e.key {
		e.uid = e.place()
	}
	_, err = t.exec(names.upsertData(), e.uid[:], notNil(data), info)
	return err
}

// owner returns the key of the revision that is stored under a uid; one that is
// damaged has none.
func (t *tx) owner(names tables, enc resource.Encoding, uid uuid.UUID) (resource.RevisionKey, error) {
	var key resource.RevisionKey
	err := t.each(`SELECT info FROM `+names.data+` WHERE uid = ?`, []any{uid[:]}, func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		if info, err := resource.DecodeRevisionInfo(enc, b); err == nil {
			key = info.Key()
		}
		return nil
	})
	return key, err
}

// notNil returns b, which the driver would write as NULL when nil.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// jsonIDs returns ids as a JSON array for json_each.
func jsonIDs[T ~string](ids []T) string {
	if len(ids) == 0 {
		return "[]"
	}
	b, err := json.Marshal(ids)
	if err != nil {
		return "[]" // a slice of strings always marshals
	}
	return string(b)
}
