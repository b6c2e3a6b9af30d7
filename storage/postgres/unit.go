package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// unit is the store's unit of work.
type unit struct{ f *Factory }

var _ storage.UnitOfWork = unit{}

// errRaced says that another transaction ended a job of this one meanwhile.
var errRaced = errors.New("a job was ended by another worker meanwhile")

// Update runs compute between the reads and the writes of one transaction. When the server
// refuses it, and not because of a single resource, it is asked which ones it refuses.
func (u unit) Update(ctx context.Context, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	names, err := u.tablesOfRefs(ctx, b)
	if err != nil {
		return err
	}
	if err = u.update(ctx, names, b, compute); refuses(err) && several(b) {
		if bad := u.blame(ctx, names, b, compute); bad != nil {
			return bad
		}
	}
	return err
}

func (u unit) update(ctx context.Context, names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	if u.f.medium != nil {
		return u.updateOuter(ctx, names, b, compute)
	}
	ahead, err := u.f.prepareAhead(ctx, names, b, compute)
	if err != nil {
		return u.f.explainWrite(doingUnit, err)
	}
	if ahead != nil {
		defer ahead.close(&u.f.buffers)
	}
	copies := ahead.copies()
	return u.f.repeat(ctx, doingUnit, func(attempt int) error {
		if attempt == 0 && len(copies) > 0 {
			return u.f.copyUnit(ctx, ahead, copies)
		}
		return u.f.try(ctx, attempt, func(t *tx) error {
			done, err := t.startUnit(b)
			if done || err != nil {
				return err
			}
			if ahead != nil && t.attempt == 0 {
				return t.writeUnit(ahead)
			}
			return t.runUnit(names, b, compute)
		})
	})
}

// runUnit reads, computes and writes.
func (t *tx) runUnit(names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) error {
	v, err := t.newView(names, b)
	if err != nil {
		return err
	}
	w, err := v.compute(b, compute)
	if err != nil {
		return err
	}
	p, err := t.f.prepare(v, b, w)
	if err != nil {
		return err
	}
	defer p.close(&t.f.buffers)
	return t.writeUnit(p)
}

// doingUnit says what fails when a unit does.
const doingUnit = "run a unit of work in"

// prepareAhead prepares a unit that nothing needs to be read for, before it takes a
// connection: one is encoded while others are being written. nil means that the
// unit is not such a one.
func (f *Factory) prepareAhead(ctx context.Context, names map[string]tables, b storage.Batch, compute func(storage.View) (storage.Writes, error)) (*prepared, error) {
	if !b.New || len(b.Jobs) > 0 && !b.NewJobs || len(b.Serial) > 0 || f.readOnly {
		return nil, nil
	}
	v := f.emptyView(ctx, f.pool, names, b)
	w, err := v.compute(b, compute)
	if err != nil {
		return nil, err
	}
	return f.prepare(v, b, w)
}

// tablesOfRefs returns the tables of every model that a batch names.
func (u unit) tablesOfRefs(ctx context.Context, b storage.Batch) (map[string]tables, error) {
	names := map[string]tables{}
	for _, r := range b.Refs {
		if _, ok := names[r.Model]; ok {
			continue
		}
		t, err := u.f.tables(ctx, r.Model)
		if err != nil {
			return nil, err
		}
		names[r.Model] = t
	}
	return names, nil
}

// startUnit waits for the units that this one must not run beside, and reports
// whether its chunk is done already.
func (t *tx) startUnit(b storage.Batch) (done bool, err error) {
	serial := slices.Clone(b.Serial)
	slices.Sort(serial)
	for _, model := range slices.Compact(serial) {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, t.f.identity.number, model); err != nil {
			return false, err
		}
	}
	if t.attempt >= queuedAttempt {
		if err := t.queue(b); err != nil {
			return false, err
		}
	}
	if b.Chunk == nil {
		return false, nil
	}
	return jobs{t: t}.chunk(*b.Chunk)
}

// queuedAttempt is the attempt from which units run one after another. Many that
// create overlapping resources would keep losing to each other: each has to be the
// first at every one of its resources.
const queuedAttempt = 2

// queue waits for the units of the same models that have lost as often. Those that
// have not do not wait, so that this costs nothing as long as none loses.
func (t *tx) queue(b storage.Batch) error {
	var models []string
	for _, r := range b.Refs {
		if len(models) == 0 || models[len(models)-1] != r.Model {
			models = append(models, r.Model)
		}
	}
	slices.Sort(models)
	for _, model := range slices.Compact(models) {
		if _, err := t.exec(`SELECT pg_advisory_xact_lock($1, hashtext($2))`, t.f.identity.number, "again "+model); err != nil {
			return err
		}
	}
	return nil
}

// writeUnit stores what compute returned: models by name, marks, then the ledger (G22).
// When that ends with rows of COPY it also commits.
func (t *tx) writeUnit(p *prepared) error {
	if p.ledgerApart() {
		if err := t.writeRows(p); err != nil {
			return err
		}
		return t.writeLedgerOf(p)
	}
	if err := t.queueRows(p); err != nil {
		return err
	}
	t.proven = len(p.writes.Jobs) > 0
	err := t.flushAndCommit()
	p.sent = err == nil
	return err
}

// writeRows stores everything but what belongs to the ledger. Rows of jobs that are
// copied are sent with the others.
func (t *tx) writeRows(p *prepared) error {
	if err := t.queueRows(p); err != nil {
		return err
	}
	return t.flush()
}

// queueRows has the next flush write the last of a unit's rows, and writes the others.
func (t *tx) queueRows(p *prepared) error {
	for _, m := range p.models {
		if err := t.writeModel(p.view, m); err != nil {
			return err
		}
	}
	if err := t.raise(p.marks); err != nil {
		return err
	}
	if p.jobs != nil {
		t.copyLater("specstar_jobs", p.jobColumns, len(p.writes.Jobs), p.jobs.get)
	}
	return nil
}

// writeLedgerOf ends the jobs of a unit whose rows are stored.
func (t *tx) writeLedgerOf(p *prepared) error {
	if err := t.writeLedger(p.batch, p.writes, p.jobs != nil); err != nil {
		return err
	}
	p.sent = true
	return nil
}

// writeModel stores the writes to one model: new metas first, since a resource that
// somebody else made meanwhile then costs the least. The metas that are there are
// locked by now, so that whoever waits for one of them waits for nobody who waits.
func (t *tx) writeModel(v *view, m *preparedModel) error {
	if len(m.writes.Purge) > 0 {
		if err := t.flush(); err != nil {
			return err
		}
		if err := t.purge(m.names, m.writes.Purge); err != nil {
			return err
		}
	}
	if err := t.insertMetas(m.names, m.metas); err != nil {
		return err
	}
	if err := t.changeMetas(m.names, m.metas.known, v.versionsOf(m.names.model)); err != nil {
		return err
	}
	if m.data != nil {
		t.copyLater(m.names.data, dataColumns, len(m.revisions), m.data.get)
		t.copyLater(m.names.index, indexColumns, len(m.revisions), m.index.get)
	} else {
		if err := t.flush(); err != nil {
			return err
		}
		if err := t.saveRevisions(m.names, m.numbers, m.revisions); err != nil {
			return err
		}
	}
	if len(m.writes.Blobs) == 0 {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	return t.rememberBlobs(m.names.model, m.writes.Blobs)
}

// rememberBlobs adds blobs to what is remembered of a model.
func (t *tx) rememberBlobs(model string, blobs []string) error {
	if len(blobs) == 0 {
		return nil
	}
	for _, id := range blobs {
		if reason := badText(id); reason != "" {
			return fmt.Errorf("blob %q of model %s: %s: %w", id, model, reason, storage.ErrUnusableName)
		}
	}
	sorted := slices.Clone(blobs)
	slices.Sort(sorted)
	_, err := t.exec(`INSERT INTO specstar_model_blobs (store, model, file_id) SELECT $1, $2, unnest($3::text[]) ON CONFLICT DO NOTHING`,
		t.f.identity.number, model, slices.Compact(sorted))
	return err
}

// writeLedger ends the jobs of the batch, unless their rows are written already, and
// writes its chunk down.
func (t *tx) writeLedger(b storage.Batch, w storage.Writes, written bool) error {
	j := jobs{t: t}
	// Compute leaves out the jobs that have ended, and a chunk that is done stays.
	t.proven = len(w.Jobs) > 0 || b.Chunk != nil && w.Final == nil
	if !written && len(w.Jobs) > 0 {
		n, err := j.settle(w.Jobs)
		if err != nil {
			return err
		}
		if n < len(w.Jobs) {
			return errRaced
		}
	}
	if b.Chunk == nil {
		return nil
	}
	return j.addChunk(*b.Chunk, w.Chunk, nil, w.Final)
}
