package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// view is what compute sees: reads of a transaction or, of resources that are
// believed to be new, none, and those of the medium where revisions are kept elsewhere.
type view struct {
	ctx      context.Context
	f        *Factory
	q        queryer
	names    map[string]tables
	ids      map[string][]resource.ID // the batch's resources, sorted, none twice
	metas    map[storage.Ref]resource.Meta
	versions map[storage.Ref]version        // the rows that metas were read from
	stored   map[storage.Ref][]byte         // the bytes of metas, where no lock is held
	counts   map[string]map[resource.ID]int // what the metas count, by model
	ended    map[uuid.UUID]bool
	marks    map[uuid.UUID]markRow
	highest  map[string]map[resource.ID]int // highest stored numbers, by model; only when the unit is computed again
	given    map[storage.Ref]int            // the numbers from which on compute was told that they are free
	exact    bool                           // stored numbers are looked up
	reader   revisionSource
	cache    map[string]*currentCache // by model
	failure  error                    // of a method that cannot return one
}

// newView locks and reads the metas of the batch's resources, models by name and
// ids ascending, and reads which jobs have ended.
func (t *tx) newView(names map[string]tables, b storage.Batch) (*view, error) {
	v := t.f.emptyView(t.ctx, t, names, b)
	v.exact = t.attempt > 0
	return v, v.read(b, ` FOR UPDATE`)
}

// read reads the metas, unless they are believed not to be there, and the jobs.
func (v *view) read(b storage.Batch, lock string) (err error) {
	if !b.New || v.exact {
		v.metas = make(map[storage.Ref]resource.Meta, len(b.Refs))
		v.versions = make(map[storage.Ref]version, len(b.Refs))
		for _, model := range slices.Sorted(maps.Keys(v.ids)) {
			if err := v.readMetas(model, lock); err != nil {
				return err
			}
		}
	}
	if !b.New || v.exact { // under the locks of the metas
		if v.marks, err = v.f.marksOf(v.ctx, v.q, b.Marks); err != nil {
			return err
		}
	}
	if !b.NewJobs || v.exact {
		v.ended, err = v.f.endedJobs(v.ctx, v.q, b.Jobs)
	}
	return err
}

// emptyView is the view of a batch that has read nothing.
func (f *Factory) emptyView(ctx context.Context, q queryer, names map[string]tables, b storage.Batch) *view {
	v := &view{
		ctx: ctx, f: f, q: q, names: names, reader: innerSource{f: f, q: q},
		ids:      map[string][]resource.ID{},
		metas:    map[storage.Ref]resource.Meta{},
		versions: map[storage.Ref]version{},
		stored:   map[storage.Ref][]byte{},
		counts:   map[string]map[resource.ID]int{},
		highest:  map[string]map[resource.ID]int{},
		given:    make(map[storage.Ref]int, len(b.Refs)),
		cache:    map[string]*currentCache{},
	}
	for _, r := range b.Refs {
		v.ids[r.Model] = append(v.ids[r.Model], r.ID)
	}
	for model, ids := range v.ids {
		slices.Sort(ids)
		v.ids[model] = slices.Compact(ids)
	}
	return v
}

// version tells the versions of a row apart: where one is, and the transaction that
// wrote it. What is left of an old version may be overwritten, but not by that one.
type version struct {
	at pgtype.TID
	by uint32
}

// versionsOf returns the versions of a model's rows that were read.
func (v *view) versionsOf(model string) func(resource.ID) version {
	return func(id resource.ID) version { return v.versions[storage.Ref{Model: model, ID: id}] }
}

func (v *view) readMetas(model, lock string) error {
	known := make(map[resource.ID]int, len(v.ids[model]))
	v.counts[model] = known
	query := `SELECT data, ctid, xmin FROM ` + v.names[model].meta + ` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C"` + lock
	_, err := scanRows(v.ctx, v.q, query, []any{texts(v.ids[model])}, func(rows pgx.Rows) (struct{}, error) {
		data, row, err := scanVersion(rows)
		if err != nil {
			return struct{}{}, err
		}
		m, err := decodeMeta(data)
		if err != nil {
			return struct{}{}, fmt.Errorf("model %s: stored meta: %w", model, err)
		}
		r := storage.Ref{Model: model, ID: m.ResourceID}
		v.metas[r], v.versions[r] = m, row
		known[m.ResourceID] = m.TotalRevisionCount
		if v.f.medium != nil {
			v.stored[r] = slices.Clone(data)
		}
		return struct{}{}, nil
	}, func(struct{}) bool { return true })
	return err
}

// scanVersion reads a row of data, ctid and xmin. The bytes are good until the next row.
// Scan takes longer than all else here, so what came in the binary format is read as
// it is: a place is a block and a number in it (tidsend of the server's tid.c).
// more are for columns behind them, which are scanned only when nothing came so.
func scanVersion(rows pgx.Rows, more ...any) (data []byte, v version, err error) {
	raw, binaries := rows.RawValues(), 0
	for _, f := range rows.FieldDescriptions() {
		binaries += int(f.Format)
	}
	if binaries != 3 || len(raw[1]) != 6 || len(raw[2]) != 4 {
		var b pgtype.DriverBytes
		err = rows.Scan(append([]any{&b, &v.at, &v.by}, more...)...)
		return b, v, err
	}
	return raw[0], versionOfRaw(raw[1], raw[2]), nil
}

// versionOfRaw reads ctid and xmin as they come in the binary format.
func versionOfRaw(ctid, xmin []byte) version {
	at := pgtype.TID{BlockNumber: binary.BigEndian.Uint32(ctid), OffsetNumber: binary.BigEndian.Uint16(ctid[4:]), Valid: true}
	return version{at: at, by: binary.BigEndian.Uint32(xmin)}
}

// compute calls fn and checks what it wants to write.
func (v *view) compute(b storage.Batch, fn func(storage.View) (storage.Writes, error)) (storage.Writes, error) {
	w, err := fn(v)
	if err == nil {
		err = v.failure
	}
	if err == nil {
		err = b.Check(w)
	}
	return w, err
}

// tablesOf returns the tables of a model that compute writes.
func (v *view) tablesOf(model string) (tables, error) {
	if t, ok := v.names[model]; ok {
		return t, nil
	}
	return v.f.tables(v.ctx, model)
}

// Meta returns the current meta of a resource.
func (v *view) Meta(r storage.Ref) (resource.Meta, bool) {
	m, ok := v.metas[r]
	return m, ok
}

// NextNumber returns the number of the resource's next revision: what the meta
// counts is believed at first. When a revision is there that it does not count, the
// unit is computed again and the stored numbers of all its resources are read.
func (v *view) NextNumber(r storage.Ref) int {
	next := v.metas[r].TotalRevisionCount + 1
	if v.exact {
		next = max(next, v.highestStored(r)+1)
	}
	v.given[r] = next
	return next
}

// gave reports whether the number of a revision is one that was free when compute was
// told so. Whoever made a revision of it since is not to be written over.
func (v *view) gave(model string, k resource.RevisionKey) bool {
	from, ok := v.given[storage.Ref{Model: model, ID: k.Resource}]
	return ok && numberBehind(k.Resource, k.Revision) >= from
}

// highestStored returns the highest stored number of a resource.
func (v *view) highestStored(r storage.Ref) int {
	highest, ok := v.highest[r.Model]
	if names, known := v.names[r.Model]; !ok && known {
		var err error
		if highest, err = highestOf(v.ctx, v.reader, names, v.ids[r.Model]); err != nil {
			v.failure = err
		}
		v.highest[r.Model] = highest
	}
	return highest[r.ID]
}

// Info returns the info of a stored revision.
func (v *view) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	names, err := v.namesOf(model)
	if err != nil {
		return resource.RevisionInfo{}, err
	}
	return v.current(model).info(v, names, key)
}

// Data returns the payload of a stored revision.
func (v *view) Data(model string, key resource.RevisionKey) ([]byte, error) {
	names, err := v.namesOf(model)
	if err != nil {
		return nil, err
	}
	return v.current(model).data(v, names, key)
}

// Infos returns the infos of all stored revisions of a resource.
func (v *view) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	names, err := v.namesOf(r.Model)
	if err != nil {
		return nil, err
	}
	var infos []resource.RevisionInfo
	for info, err := range (revisionReader{f: v.f, s: v.reader, t: names}).List(v.ctx, r.ID) {
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// highestOf returns the highest stored numbers of resources.
func highestOf(ctx context.Context, s revisionSource, t tables, ids []resource.ID) (map[resource.ID]int, error) {
	entries, err := s.entries(ctx, t, ids)
	highest := map[resource.ID]int{}
	for _, e := range entries {
		id := e.key.Resource
		highest[id] = max(highest[id], numberBehind(id, e.key.Revision))
	}
	return highest, err
}

func (v *view) namesOf(model string) (tables, error) {
	names, ok := v.names[model]
	if !ok {
		return tables{}, fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return names, nil
}

// Ended reports whether a job of the batch has ended before.
func (v *view) Ended(job uuid.UUID) bool { return v.ended[job] }

// Mark returns a mark of the batch, when it is there.
func (v *view) Mark(key uuid.UUID) (storage.Mark, bool) {
	m, ok := v.marks[key]
	return m.Mark, ok
}

// Holders returns the live resources with a value at a unique path.
func (v *view) Holders(model, path string, value any) ([]resource.ID, error) {
	names, err := v.namesOf(model)
	if err != nil {
		return nil, err
	}
	return v.f.holders(v.ctx, v.q, names, path, value)
}

func noRevision(t tables, k resource.RevisionKey) error {
	version := ""
	if v, ok := k.SchemaVersion.Get(); ok {
		version = fmt.Sprintf(" at schema version %q", v)
	}
	return fmt.Errorf("revision %s%s of model %s: %w", k.Revision, version, t.model, storage.ErrNotFound)
}
