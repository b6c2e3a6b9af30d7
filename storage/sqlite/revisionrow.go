package sqlite

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

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

// insertData adds a revision that no key points at yet.
func (t tables) insertData() string {
	return `INSERT INTO ` + t.data + ` (id, info, data) VALUES (?, ?, ?)`
}

// insertIndex points a new key at a stored revision.
func (t tables) insertIndex() string {
	return `INSERT INTO ` + t.index + ` (resource_id, number, revision_id, schema_version, data_id) VALUES (?, ?, ?, ?, ?)`
}

const whereKey = ` WHERE resource_id = ? AND number = ? AND revision_id = ? AND schema_version = ?`

// dataWriter adds revisions to a model's data table. Every key has a row of its
// own: a uid does not identify one, because a migration by the original keeps
// that of the bytes it replaces.
type dataWriter struct {
	t     *tx
	query string
	next  int64
}

// newDataWriter returns a writer. Ids ascend, so that rows are appended.
func newDataWriter(t *tx, names tables) (*dataWriter, error) {
	w := &dataWriter{t: t, query: names.insertData()}
	err := t.each(`SELECT coalesce(max(id), 0) + 1 FROM `+names.data, nil, func(rows *sql.Rows) error { return rows.Scan(&w.next) })
	return w, err
}

// add stores an encoded info and its payload and returns the row's id.
func (w *dataWriter) add(info, data []byte) (int64, error) {
	id := w.next
	w.next++
	_, err := w.t.exec(w.query, id, info, notNil(data))
	return id, err
}

// indexWriter writes index entries of a model.
type indexWriter struct {
	t     *tx
	names tables
	query string // insertIndex
	// highest holds at least the highest stored number of each resource that has
	// entries with one.
	highest map[resource.ID]int
}

// newIndexWriter returns a writer without knowledge of the index: learn, unless
// it is empty.
func newIndexWriter(t *tx, names tables) *indexWriter {
	return &indexWriter{t: t, names: names, query: names.insertIndex(), highest: map[resource.ID]int{}}
}

// empty reports whether the index has no entry at all.
func (w *indexWriter) empty() (bool, error) {
	empty := true
	err := w.t.each(`SELECT 1 FROM `+w.names.index+` LIMIT 1`, nil, func(*sql.Rows) error {
		empty = false
		return nil
	})
	return empty, err
}

// learn reads the highest numbers of resources.
func (w *indexWriter) learn(ids []resource.ID) error {
	slices.Sort(ids)
	return w.t.each(`SELECT j.value, (SELECT max(number) FROM `+w.names.index+` WHERE resource_id = j.value) AS n FROM json_each(?) j WHERE n IS NOT NULL`,
		[]any{jsonIDs(slices.Compact(ids))}, func(rows *sql.Rows) error {
			var id resource.ID
			var n int
			err := rows.Scan(&id, &n)
			w.highest[id] = n
			return err
		})
}

// stored returns the row that a key points at; false when the key is new.
func (w *indexWriter) stored(k resource.RevisionKey) (id int64, found bool, err error) {
	number := numberOf(k.Revision)
	if highest, ok := w.highest[k.Resource]; number != noNumber && (!ok || number > highest) {
		return 0, false, nil
	}
	err = w.t.each(`SELECT data_id FROM `+w.names.index+whereKey, keyArgs(k), func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&id)
	})
	return id, found, err
}

// insert points a new key at a row.
func (w *indexWriter) insert(k resource.RevisionKey, row int64) error {
	number := numberOf(k.Revision)
	w.highest[k.Resource] = max(number, w.highest[k.Resource])
	_, err := w.t.exec(w.query, string(k.Resource), number, string(k.Revision), versionText(k.SchemaVersion), row)
	return err
}

// point points a key at a row and removes the one it pointed at before.
func (w *indexWriter) point(k resource.RevisionKey, row int64) error {
	before, found, err := w.stored(k)
	if err != nil {
		return err
	}
	switch {
	case !found:
		return w.insert(k, row)
	case before == row: // it was missing, and its id was the next one again
		return nil
	}
	if _, err := w.t.exec(`UPDATE `+w.names.index+` SET data_id = ?5 WHERE resource_id = ?1 AND number = ?2 AND revision_id = ?3 AND schema_version = ?4`,
		append(keyArgs(k), row)...); err != nil {
		return err
	}
	return w.t.freeData(w.names, before)
}

// freeData removes a revision that no key points at.
func (t *tx) freeData(names tables, row int64) error {
	_, err := t.exec(`DELETE FROM `+names.data+` WHERE id = ?`, row)
	return err
}

// saveRevisions stores revisions under their keys; what is stored under a key
// already is replaced. highest are the highest stored numbers of the resources
// when they are known, else nil.
func (t *tx) saveRevisions(names tables, enc resource.Encoding, highest map[resource.ID]int, revisions []resource.Revision) error {
	if len(revisions) == 0 {
		return nil
	}
	index, err := knowingWriter(t, names, highest, revisions)
	if err != nil {
		return err
	}
	data, err := newDataWriter(t, names)
	if err != nil {
		return err
	}
	var info []byte // the driver copies it
	for i := range revisions {
		r := &revisions[i]
		if err := errors.Join(r.Info.Check(), t.check()); err != nil {
			return fmt.Errorf("revision %s: %w", r.Info.RevisionID, err)
		}
		info = r.Info.Append(enc, info[:0])
		if err := saveRevision(index, data, r.Info.Key(), info, r.Data); err != nil {
			return err
		}
	}
	return nil
}

// knowingWriter returns an index writer that knows what is stored of the resources
// of revisions.
func knowingWriter(t *tx, names tables, highest map[resource.ID]int, revisions []resource.Revision) (*indexWriter, error) {
	index := newIndexWriter(t, names)
	if highest != nil {
		index.highest = highest
		return index, nil
	}
	ids := make([]resource.ID, len(revisions))
	for i := range revisions {
		ids[i] = revisions[i].Info.ResourceID
	}
	return index, index.learn(ids)
}

func saveRevision(index *indexWriter, data *dataWriter, k resource.RevisionKey, info, payload []byte) error {
	row, found, err := index.stored(k)
	if err != nil {
		return err
	}
	if found {
		n, err := index.t.exec(`UPDATE `+index.names.data+` SET info = ?, data = ? WHERE id = ?`, info, notNil(payload), row)
		if err != nil || n == 1 {
			return err
		}
		// The row is missing in a damaged file: the key gets another.
	}
	if row, err = data.add(info, payload); err != nil {
		return err
	}
	return index.point(k, row)
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
