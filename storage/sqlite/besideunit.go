package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// errRaced says that another program changed a meta or ended a job meanwhile.
var errRaced = errors.New("another writer was faster again and again")

// maxRaces is how often a unit of work is computed anew because of that.
const maxRaces = 40

// besideUnit carries one unit of work over all its attempts.
type besideUnit struct {
	b       *beside
	batch   storage.Batch
	mine    map[string]map[string]storage.Content // contents put so far, by model
	attempt int

	// Of one attempt:
	view    *besideView
	writers map[string]*outer.Writer
	effects []effect
	locked  []lockedFile
}

type lockedFile struct {
	file *metaFile
	t    *tx
}

// update is Update where metas and revisions are outside. Contents are put and numbers
// claimed while no file is locked; then the files of metas are locked and must hold
// what compute saw; then the ledger commits with a record of the effects, and these
// are brought to the files.
func (b *beside) update(ctx context.Context, batch storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	const doing = "run a unit of work in"
	for _, r := range batch.Refs {
		if err := b.know(ctx, r.Model); err != nil {
			return err
		}
	}
	return b.alone(ctx, doing, func() error {
		u := &besideUnit{b: b, batch: batch, mine: map[string]map[string]storage.Content{}}
		done, err := b.chunkDone(ctx, batch.Chunk)
		if done || err != nil {
			return err
		}
		for ; ; u.attempt++ {
			err := u.try(ctx, doing, compute)
			if err == nil {
				return u.finish(context.WithoutCancel(ctx))
			}
			if kind, unknown := b.undone(context.WithoutCancel(ctx)); kind == kindUnit || unknown != nil {
				// It has committed all the same, or nobody can tell: what is claimed stays.
				return errors.Join(errWhen(unknown != nil, err), unknown, u.unlock())
			}
			undone := u.undo(context.WithoutCancel(ctx))
			if u.attempt < maxRaces && undone == nil && ctx.Err() == nil && (errors.Is(err, errRaced) || errors.Is(err, outer.ErrTaken)) {
				continue
			}
			return withUndone(err, undone, b.forget(context.WithoutCancel(ctx)))
		}
	})
}

// withUndone returns err as it is, unless undoing what was done failed, too.
func withUndone(err error, undone ...error) error {
	if failed := errors.Join(undone...); failed != nil {
		return errors.Join(err, failed)
	}
	return err
}

// chunkDone checks the claim of a chunk and reports whether it is done.
func (b *beside) chunkDone(ctx context.Context, c *storage.ChunkRef) (done bool, err error) {
	if c == nil {
		return false, nil
	}
	err = b.f.do(ctx, "look at a chunk in", func(t *tx) error {
		done, err = b.jobs(t).chunk(*c)
		return err
	})
	return done, err
}

func (b *beside) jobs(t *tx) jobs { return jobs{t: t, store: b.f.identity.number} }

// chunk checks the claim of a chunk and reports whether it is done.
func (j jobs) chunk(c storage.ChunkRef) (done bool, err error) {
	if _, err := j.claimed(c.Claim); err != nil {
		return false, err
	}
	return j.chunkDone(c.Claim.Job, c.No)
}

// try runs the unit up to the commit.
func (u *besideUnit) try(ctx context.Context, doing string, compute func(storage.View) (storage.Writes, error)) error {
	u.writers, u.effects, u.locked = map[string]*outer.Writer{}, nil, nil
	v, err := u.b.newView(ctx, u.batch, u.attempt > 0)
	if err != nil {
		return err
	}
	u.view = v
	w, err := compute(v)
	if err == nil {
		err = v.failure
	}
	if err == nil {
		err = u.batch.Check(w)
	}
	if err != nil {
		return err
	}
	models := slices.Sorted(maps.Keys(w.Models))
	for _, model := range models {
		if err := u.put(ctx, model, order.ByID(w.Models[model])); err != nil {
			return err
		}
	}
	for _, model := range models {
		if err := u.writers[model].Claim(ctx); err != nil {
			return err
		}
	}
	if err := u.lock(ctx); err != nil {
		return err
	}
	return u.b.commit(ctx, doing, func(t *tx) error { return u.commit(t, models, w) })
}

// put stores the contents of one model and works out what is to be done to its files.
func (u *besideUnit) put(ctx context.Context, model string, w storage.ModelWrites) error {
	if err := u.b.know(ctx, model); err != nil {
		return err
	}
	e := effect{Model: model}
	var err error
	if e.Metas, err = u.metas(model, w); err != nil {
		return err
	}
	if u.mine[model] == nil {
		u.mine[model] = map[string]storage.Content{}
	}
	writer := u.b.writer(model, u.mine[model], func(ctx context.Context, entries []storage.Entry) error { return u.b.intend(ctx, model, entries) })
	u.writers[model] = writer
	if err := writer.Put(ctx, w.Revisions, func(k resource.RevisionKey) bool { return u.view.free(model, k) }); err != nil {
		return err
	}
	e.Points = writer.Points()
	if len(w.Purge) > 0 {
		if e.Purged, err = outer.FindPurged(ctx, u.b.medium.Model(model), w.Purge, writer.Leads()); err != nil {
			return err
		}
	}
	u.effects = append(u.effects, e)
	return nil
}

// metas returns the changes of a model's metas: of a repeated one the last counts.
func (u *besideUnit) metas(model string, w storage.ModelWrites) ([]metaChange, error) {
	changes := map[resource.ID]metaChange{}
	set := func(id resource.ID, data []byte) {
		changes[id] = metaChange{ID: id, Old: u.view.stored[storage.Ref{Model: model, ID: id}], New: data}
	}
	for _, id := range w.Purge {
		set(id, nil)
	}
	for _, m := range w.Metas {
		if err := m.Check(); err != nil {
			return nil, err
		}
		set(m.ResourceID, m.Append(u.b.f.encoding(), nil))
	}
	list := make([]metaChange, 0, len(changes))
	for _, id := range slices.Sorted(maps.Keys(changes)) {
		list = append(list, changes[id])
	}
	return list, nil
}

// lock locks the files of metas that compute has seen or that are written, and writes
// the rows. It fails when another program has changed one of the metas meanwhile.
func (u *besideUnit) lock(ctx context.Context) error {
	for _, model := range slices.Sorted(maps.Keys(u.view.ids)) {
		file, err := u.b.file(ctx, model)
		if err != nil {
			return err
		}
		t, err := file.lock(ctx)
		if err != nil {
			return err
		}
		u.locked = append(u.locked, lockedFile{file, t})
		stored, err := t.stored(u.view.ids[model])
		if err != nil {
			return explain(file.path, "write metas", err)
		}
		for _, id := range u.view.ids[model] {
			seen, had := u.view.stored[storage.Ref{Model: model, ID: id}]
			now, has := stored[id]
			if had != has || !bytes.Equal(seen, now) {
				return errRaced
			}
		}
		for _, e := range u.effects {
			if e.Model != model {
				continue
			}
			if err := t.setFile(e.Metas); err != nil {
				return explain(file.path, "write metas", err)
			}
		}
	}
	return nil
}

// commit writes the ledger: the jobs, and what is to be done to the files.
func (u *besideUnit) commit(t *tx, models []string, w storage.Writes) error {
	j := u.b.jobs(t)
	if c := u.batch.Chunk; c != nil {
		done, err := j.chunk(*c)
		if err == nil && done {
			err = errRaced
		}
		if err != nil {
			return err
		}
	}
	ended, err := endedIn(t, j.store, u.batch.Jobs)
	if err != nil {
		return err
	}
	if !maps.Equal(ended, u.view.ended) {
		return errRaced
	}
	for _, model := range models {
		if err := u.writers[model].Replace(t.ctx); err != nil {
			return err
		}
		if err := j.rememberBlobs(model, w.Models[model].Blobs); err != nil {
			return err
		}
	}
	if err := (unit{u.b.f}).writeLedger(j, u.batch, w); err != nil {
		return err
	}
	if err := t.dropPending(kindIntent); err != nil || len(u.effects) == 0 {
		return err
	}
	return t.addPending(kindUnit, u.effects)
}

// finish brings the effects to the files. When that fails the unit has committed all
// the same: who reads or writes next does it.
func (u *besideUnit) finish(ctx context.Context) error {
	whole := true
	for _, e := range u.effects {
		if len(e.Points) > 0 && u.b.medium.Model(e.Model).Point(ctx, e.Points) != nil {
			whole = false
		}
	}
	for _, l := range u.locked {
		if l.file.end(l.t, whole) != nil {
			whole = false
		}
	}
	u.locked = nil
	if !whole {
		return nil
	}
	for _, e := range u.effects {
		if e.Purged.Remove(ctx, u.b.medium.Model(e.Model)) != nil {
			return nil
		}
	}
	if len(u.effects) > 0 {
		_ = u.b.note(ctx, "finish a write in", func(t *tx) error { return t.dropPending(kindUnit) }) // else it is found done
	}
	return nil
}

// undo gives up what an attempt has locked and claimed.
func (u *besideUnit) undo(ctx context.Context) error {
	errs := []error{u.unlock()}
	for _, w := range u.writers {
		errs = append(errs, w.TakeBack(ctx))
	}
	return errors.Join(errs...)
}

// unlock gives the files up as they were.
func (u *besideUnit) unlock() error {
	var errs []error
	for _, l := range u.locked {
		errs = append(errs, l.file.end(l.t, false))
	}
	u.locked = nil
	return errors.Join(errs...)
}

// forget removes what was made for a unit of work that failed. Whether its transaction
// committed is not always known when that failed: then it has left no intent.
func (b *beside) forget(ctx context.Context) error { return b.recover(ctx) }

// besideView is what compute sees.
type besideView struct {
	ctx     context.Context
	b       *beside
	exact   bool // stored numbers are looked up
	ids     map[string][]resource.ID
	metas   map[storage.Ref]resource.Meta
	stored  map[storage.Ref][]byte
	ended   map[uuid.UUID]bool
	highest map[string]map[resource.ID]int
	given   map[storage.Ref]int              // the numbers from which on compute was told that they are free
	held    map[string]map[string]heldValues // by model and path
	failure error
}

// newView reads the metas of the batch's resources and which jobs have ended.
func (b *beside) newView(ctx context.Context, batch storage.Batch, exact bool) (*besideView, error) {
	v := &besideView{
		ctx: ctx, b: b, exact: exact,
		ids: map[string][]resource.ID{}, metas: map[storage.Ref]resource.Meta{}, stored: map[storage.Ref][]byte{},
		highest: map[string]map[resource.ID]int{}, given: map[storage.Ref]int{}, held: map[string]map[string]heldValues{},
	}
	for _, r := range batch.Refs {
		v.ids[r.Model] = append(v.ids[r.Model], r.ID)
	}
	for model, ids := range v.ids {
		slices.Sort(ids)
		v.ids[model] = slices.Compact(ids)
		file, err := b.file(ctx, model)
		if err != nil {
			return nil, err
		}
		found, err := fileReader{b: b, q: file.reads, model: model}.storedIn(ctx, v.ids[model])
		if err != nil {
			return nil, err
		}
		for id, data := range found {
			m, err := decodeMeta(data)
			if err != nil {
				return nil, fmt.Errorf("model %s: stored meta: %w", model, err)
			}
			r := storage.Ref{Model: model, ID: id}
			v.metas[r], v.stored[r] = m, data
		}
	}
	err := b.f.do(ctx, "look at jobs in", func(t *tx) (err error) {
		v.ended, err = endedIn(t, b.f.identity.number, batch.Jobs)
		return err
	})
	return v, err
}

// endedIn returns which of the jobs have ended.
func endedIn(t *tx, store int64, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	v := &view{f: &Factory{identity: identity{number: store}}, t: t, ended: map[uuid.UUID]bool{}}
	return v.ended, v.readEnded(ids)
}

// Meta returns the current meta of a resource.
func (v *besideView) Meta(r storage.Ref) (resource.Meta, bool) {
	m, ok := v.metas[r]
	return m, ok
}

// NextNumber returns the number of the resource's next revision: what the meta counts
// is believed at first, and when a revision is there that it does not count, the unit
// is computed again with the stored numbers.
func (v *besideView) NextNumber(r storage.Ref) int {
	next := v.metas[r].TotalRevisionCount + 1
	if v.exact {
		next = max(next, v.highestStored(r)+1)
	}
	v.given[r] = next
	return next
}

func (v *besideView) highestStored(r storage.Ref) int {
	highest, ok := v.highest[r.Model]
	if !ok {
		highest = map[resource.ID]int{}
		for e, err := range v.b.medium.Model(r.Model).Entries(v.ctx, slices.Values(v.ids[r.Model])) {
			if err != nil {
				v.failure = err
				break
			}
			highest[e.Key.Resource] = max(highest[e.Key.Resource], numberBehind(e.Key))
		}
		v.highest[r.Model] = highest
	}
	return highest[r.ID]
}

// numberBehind returns the number of a revision of a resource, 0 for none.
func numberBehind(k resource.RevisionKey) int {
	n, _ := k.Revision.Number()
	return n
}

// free reports whether a key is believed to be free: its number is one that compute
// was told to be, or at first, one above what the meta counts.
func (v *besideView) free(model string, k resource.RevisionKey) bool {
	r := storage.Ref{Model: model, ID: k.Resource}
	n := numberBehind(k)
	if from, ok := v.given[r]; ok && n >= from {
		return true
	}
	return !v.exact && n > v.metas[r].TotalRevisionCount
}

// Info returns the info of a stored revision.
func (v *besideView) Info(model string, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if err := v.named(model); err != nil {
		return resource.RevisionInfo{}, err
	}
	return v.b.reader(model).info(v.ctx, key)
}

// Data returns the payload of a stored revision.
func (v *besideView) Data(model string, key resource.RevisionKey) ([]byte, error) {
	if err := v.named(model); err != nil {
		return nil, err
	}
	rev, err := v.b.reader(model).get(v.ctx, key)
	return rev.Data, err
}

// Infos returns the infos of all stored revisions of a resource.
func (v *besideView) Infos(r storage.Ref) ([]resource.RevisionInfo, error) {
	if err := v.named(r.Model); err != nil {
		return nil, err
	}
	var infos []resource.RevisionInfo
	for rev, err := range v.b.reader(r.Model).each(v.ctx, one(r.ID), false) {
		if err != nil {
			return nil, err
		}
		infos = append(infos, rev.Info)
	}
	return infos, nil
}

func (v *besideView) named(model string) error {
	if _, ok := v.ids[model]; !ok {
		return fmt.Errorf("model %s: %w", model, storage.ErrNotFound)
	}
	return nil
}

// Ended reports whether a job of the batch has ended before.
func (v *besideView) Ended(job uuid.UUID) bool { return v.ended[job] }
