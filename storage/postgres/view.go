package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// view is what compute sees: the transaction's own reads, and those of the medium
// where revisions are kept elsewhere.
type view struct {
	ctx     context.Context
	t       *tx
	names   map[string]tables
	ids     map[string][]resource.ID // the batch's resources, sorted, none twice
	metas   map[storage.Ref]resource.Meta
	stored  map[storage.Ref][]byte         // the bytes of metas, where no lock is held
	counts  map[string]map[resource.ID]int // what the metas count, by model
	ended   map[uuid.UUID]bool
	highest map[string]map[resource.ID]int // highest stored numbers, by model; only when the unit is computed again
	given   map[storage.Ref]int            // the numbers from which on compute was told that they are free
	exact   bool                           // stored numbers are looked up
	reader  revisionSource
	cache   map[string]*currentCache // by model
	failure error                    // of a method that cannot return one
}

// newView locks and reads the metas of the batch's resources, models by name and
// ids ascending, and reads which jobs have ended.
func (t *tx) newView(names map[string]tables, b storage.Batch) (*view, error) {
	v := emptyView(t.ctx, names, b)
	v.t, v.exact, v.reader = t, t.attempt > 0, innerSource{f: t.f, q: t}
	return v, v.read(b, ` FOR UPDATE`)
}

// read reads the metas, unless they are believed not to be there, and the jobs.
func (v *view) read(b storage.Batch, lock string) (err error) {
	if !b.New || v.t.attempt > 0 {
		for _, model := range slices.Sorted(maps.Keys(v.ids)) {
			if err := v.readMetas(v.t, model, lock); err != nil {
				return err
			}
		}
	}
	v.ended, err = jobs{t: v.t}.ended(b.Jobs)
	return err
}

func emptyView(ctx context.Context, names map[string]tables, b storage.Batch) *view {
	v := &view{
		ctx: ctx, names: names,
		ids:     map[string][]resource.ID{},
		metas:   make(map[storage.Ref]resource.Meta, len(b.Refs)),
		stored:  map[storage.Ref][]byte{},
		counts:  map[string]map[resource.ID]int{},
		highest: map[string]map[resource.ID]int{},
		given:   map[storage.Ref]int{},
		cache:   map[string]*currentCache{},
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

func (v *view) readMetas(q queryer, model, lock string) error {
	known := map[resource.ID]int{}
	v.counts[model] = known
	query := `SELECT data FROM ` + v.names[model].meta + ` WHERE resource_id = ANY($1) ORDER BY resource_id COLLATE "C"` + lock
	_, err := scanRows(v.ctx, q, query, []any{texts(v.ids[model])}, func(rows pgx.Rows) (struct{}, error) {
		var data pgtype.DriverBytes
		if err := rows.Scan(&data); err != nil {
			return struct{}{}, err
		}
		m, err := decodeMeta(data)
		if err != nil {
			return struct{}{}, fmt.Errorf("model %s: stored meta: %w", model, err)
		}
		r := storage.Ref{Model: model, ID: m.ResourceID}
		v.metas[r] = m
		known[m.ResourceID] = m.TotalRevisionCount
		if v.t.f.medium != nil {
			v.stored[r] = slices.Clone([]byte(data))
		}
		return struct{}{}, nil
	}, func(struct{}) bool { return true })
	return err
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
	return v.t.f.tables(v.ctx, model)
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
	for info, err := range (revisionReader{f: v.t.f, s: v.reader, t: names}).List(v.ctx, r.ID) {
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

// Holders returns the live resources with a value at a unique path.
func (v *view) Holders(model, path string, value any) ([]resource.ID, error) {
	names, err := v.namesOf(model)
	if err != nil {
		return nil, err
	}
	return v.t.holders(names, path, value)
}

// currentCache reads ahead: who asks for the current revision of one resource of the
// batch will ask for those of the others.
type currentCache struct {
	read  int // how many of the batch's resources have been read ahead: infos
	full  int // and whole revisions
	found map[resource.RevisionKey]resource.RevisionInfo
	whole map[resource.RevisionKey]resource.Revision
}

// Resources whose current revisions are read at once.
const (
	infosAhead    = 1000
	payloadsAhead = 100
)

func (v *view) current(model string) *currentCache {
	c, ok := v.cache[model]
	if !ok {
		c = &currentCache{found: map[resource.RevisionKey]resource.RevisionInfo{}, whole: map[resource.RevisionKey]resource.Revision{}}
		v.cache[model] = c
	}
	return c
}

// ahead returns the keys of current revisions from the given place of the batch on,
// with key first, and the place behind them.
func (v *view) ahead(model string, key resource.RevisionKey, from, most int) ([]resource.RevisionKey, int) {
	keys := []resource.RevisionKey{key}
	m, ok := v.metas[storage.Ref{Model: model, ID: key.Resource}]
	if !ok || currentKey(m) != key {
		return keys, from
	}
	ids := v.ids[model]
	for ; from < len(ids) && len(keys) < most; from++ {
		m, ok := v.metas[storage.Ref{Model: model, ID: ids[from]}]
		if ok && ids[from] != key.Resource {
			keys = append(keys, currentKey(m))
		}
	}
	return keys, from
}

func (c *currentCache) info(v *view, names tables, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if info, ok := c.found[key]; ok {
		return info, nil
	}
	if r, ok := c.whole[key]; ok {
		return r.Info, nil
	}
	keys, next := v.ahead(names.model, key, c.read, infosAhead)
	c.read = next
	infos, err := v.reader.infos(v.ctx, names, keys)
	if err != nil {
		return resource.RevisionInfo{}, err
	}
	maps.Copy(c.found, infos)
	if info, ok := infos[key]; ok {
		return info, nil
	}
	return resource.RevisionInfo{}, noRevision(names, key)
}

func (c *currentCache) data(v *view, names tables, key resource.RevisionKey) ([]byte, error) {
	if r, ok := c.whole[key]; ok {
		return r.Data, nil
	}
	keys, next := v.ahead(names.model, key, c.full, payloadsAhead)
	c.full = next
	revisions, err := v.reader.revisions(v.ctx, names, keys)
	if err != nil {
		return nil, err
	}
	maps.Copy(c.whole, revisions)
	if r, ok := revisions[key]; ok {
		return r.Data, nil
	}
	return nil, noRevision(names, key)
}

func noRevision(t tables, k resource.RevisionKey) error {
	version := ""
	if v, ok := k.SchemaVersion.Get(); ok {
		version = fmt.Sprintf(" at schema version %q", v)
	}
	return fmt.Errorf("revision %s%s of model %s: %w", k.Revision, version, t.model, storage.ErrNotFound)
}
