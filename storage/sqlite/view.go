package sqlite

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// view is what compute sees: the transaction's own reads.
type view struct {
	f       *Factory
	t       *tx
	names   map[string]tables
	ids     map[string][]resource.ID // the batch's resources, sorted, none twice
	metas   map[storage.Ref]resource.Meta
	ended   map[uuid.UUID]bool
	marks   map[uuid.UUID]storage.Mark
	highest map[string]map[resource.ID]int // highest stored numbers, by model; filled when first asked for
	unique  map[string][]string            // unique paths, by model; read when first needed
	failure error                          // of a method that cannot return one
}

// newView reads the metas of the batch's resources and which jobs have ended,
// one query for each model and one for the jobs.
func newView(f *Factory, t *tx, names map[string]tables, b storage.Batch) (*view, error) {
	v := &view{
		f: f, t: t, names: names,
		ids:     map[string][]resource.ID{},
		metas:   make(map[storage.Ref]resource.Meta, len(b.Refs)),
		ended:   map[uuid.UUID]bool{},
		highest: map[string]map[resource.ID]int{},
		unique:  map[string][]string{},
	}
	for _, r := range b.Refs {
		v.ids[r.Model] = append(v.ids[r.Model], r.ID)
	}
	for model, ids := range v.ids {
		slices.Sort(ids)
		v.ids[model] = slices.Compact(ids)
		if err := v.readMetas(model); err != nil {
			return nil, err
		}
	}
	var err error
	if v.marks, err = marksIn(t, f.identity.number, b.Marks); err != nil {
		return nil, err
	}
	return v, v.readEnded(b.Jobs)
}

func (v *view) readMetas(model string) error {
	return v.t.each(`SELECT m.data FROM json_each(?) AS j CROSS JOIN `+v.names[model].meta+` AS m ON m.resource_id = j.value`,
		[]any{jsonIDs(v.ids[model])}, func(rows *sql.Rows) error {
			var data sql.RawBytes
			if err := rows.Scan(&data); err != nil {
				return err
			}
			m, err := resource.DecodeMeta(v.f.encoding(), data)
			if err != nil {
				return fmt.Errorf("model %s: stored meta: %w", model, err)
			}
			v.metas[storage.Ref{Model: model, ID: m.ResourceID}] = m
			return nil
		})
}

func (v *view) readEnded(ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	return v.t.each(`SELECT s.id FROM json_each(?) AS j CROSS JOIN specstar_jobs AS s ON s.store = ? AND s.id = unhex(j.value)
		WHERE s.state NOT IN ('queued', 'running')`, []any{jsonUIDs(ids), v.f.identity.number}, func(rows *sql.Rows) error {
		var id sql.RawBytes
		if err := rows.Scan(&id); err != nil {
			return err
		}
		v.ended[uuid.UUID(id)] = true
		return nil
	})
}

// jsonUIDs returns uids as a JSON array of hex texts for json_each and unhex.
func jsonUIDs(ids []uuid.UUID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = hex.EncodeToString(id[:])
	}
	return jsonIDs(texts)
}

// Meta returns the current meta of a resource.
func (v *view) Meta(r storage.Ref) (resource.Meta, bool) {
	m, ok := v.metas[r]
	return m, ok
}

// NextNumber returns the number of the resource's next revision. The first
// question reads the stored numbers of all the batch's resources of that model.
func (v *view) NextNumber(r storage.Ref) int {
	highest, ok := v.highest[r.Model]
	if !ok {
		highest = v.readHighest(r.Model)
		v.highest[r.Model] = highest
	}
	return max(highest[r.ID], v.metas[r].TotalRevisionCount) + 1
}

func (v *view) readHighest(model string) map[resource.ID]int {
	highest := map[resource.ID]int{}
	names, ok := v.names[model]
	if !ok {
		return highest
	}
	err := v.t.each(fmt.Sprintf(`SELECT j.value, (SELECT max(number) FROM %s WHERE resource_id = j.value AND number < %d) AS n
		FROM json_each(?) AS j WHERE n IS NOT NULL`, names.index, noNumber),
		[]any{jsonIDs(v.ids[model])}, func(rows *sql.Rows) error {
			var id resource.ID
			var n int
			err := rows.Scan(&id, &n)
			highest[id] = n
			return err
		})
	if err != nil {
		v.failure = err
	}
	return highest
}

// Info returns the info of a stored revision.
func (v *view) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	var info resource.RevisionInfo
	err := v.one(model, key, "d.info", func(b []byte) (err error) {
		info, err = resource.DecodeRevisionInfo(v.f.encoding(), b)
		return err
	})
	return info, err
}

// Data returns the payload of a stored revision.
func (v *view) Data(model string, key resource.RevisionKey) ([]byte, error) {
	var data []byte
	err := v.one(model, key, "d.data", func(b []byte) error {
		data = append([]byte{}, b...)
		return nil
	})
	return data, err
}

// one calls fn with one column of the revision stored under key.
func (v *view) one(model string, key resource.RevisionKey, column string, fn func([]byte) error) error {
	names, ok := v.names[model]
	if !ok {
		return fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	found := false
	err := v.t.each(names.selectKey(column), keyArgs(key), func(rows *sql.Rows) error {
		var b sql.RawBytes
		if err := rows.Scan(&b); err != nil {
			return err
		}
		found = true
		return fn(b)
	})
	if err == nil && !found {
		err = noRevision(names, key)
	}
	return err
}

// Infos returns the infos of all stored revisions of a resource.
func (v *view) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	names, ok := v.names[r.Model]
	if !ok {
		return nil, fmt.Errorf("model %s: %w", r.Model, storage.ErrNotFound)
	}
	var infos []resource.RevisionInfo
	err := v.t.each(names.selectInfos(), []any{string(r.ID)}, func(rows *sql.Rows) error {
		info, err := revisionReader{f: v.f}.info(rows)
		infos = append(infos, info)
		return err
	})
	return infos, err
}

// Ended reports whether a job of the batch has ended before.
func (v *view) Ended(job uuid.UUID) bool { return v.ended[job] }

// Mark returns a mark of the batch, when it is there.
func (v *view) Mark(key uuid.UUID) (storage.Mark, bool) {
	m, ok := v.marks[key]
	return m, ok
}
