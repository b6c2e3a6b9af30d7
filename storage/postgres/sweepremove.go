package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// remove removes what was found. Where that is much, an index that is there for the
// time being finds the entries that lead to a payload.
func (s *sweeper) remove(ctx context.Context, o storage.SweepOptions) (err error) {
	help, err := s.f.helpWithUIDs(ctx, s.needHelp(o))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, help.end(ctx)) }()
	if o.Remove {
		if err := s.removeStaged(ctx); err != nil {
			return err
		}
	}
	for _, m := range s.models {
		if o.Remove {
			if err := m.removeLost(ctx, s.f); err != nil {
				return err
			}
		}
		if o.Orphans {
			if err := m.removeOrphans(ctx, s.f); err != nil {
				return err
			}
		}
	}
	return nil
}

// needHelp returns the tables from which many payloads will be removed.
func (s *sweeper) needHelp(o storage.SweepOptions) []tables {
	var need []tables
	for _, m := range s.models {
		n := int64(0)
		if o.Remove {
			n += int64(len(m.freed) + len(m.lost))
		}
		if o.Orphans {
			n += m.orphaned
		}
		if n >= helpedFrom {
			need = append(need, m.tables)
		}
	}
	return need
}

// removeStaged forgets what is staged for jobs that have ended. A job that was put
// back to the queue meanwhile keeps it.
func (s *sweeper) removeStaged(ctx context.Context) error {
	for _, id := range s.ended {
		err := s.f.unstage(ctx, id, func(t *tx) (bool, error) { return t.hasEnded(id) })
		if err != nil {
			return err
		}
	}
	return nil
}

// hasEnded locks the row of a job and reports whether it has ended or is gone.
func (t *tx) hasEnded(job uuid.UUID) (ended bool, err error) {
	ended = true
	err = t.each(`SELECT state FROM specstar_jobs WHERE store = $1 AND id = $2 FOR UPDATE`, []any{t.f.identity.number, [16]byte(job)}, func(rows pgx.Rows) error {
		state, err := scanText[storage.JobState](rows)
		ended = state.Final()
		return err
	})
	return ended, err
}

// removeLost removes the lost payloads of a model, unless a key leads to them now.
func (m *sweptModel) removeLost(ctx context.Context, f *Factory) error {
	for batch := range slices.Chunk(m.lost, sweepBatch) {
		err := f.write(ctx, "remove lost payloads of model "+m.model+" in", func(t *tx) error {
			same, err := m.stillLost(t, batch)
			if err != nil {
				return err
			}
			return t.deleteUnled(m.tables, same)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stillLost locks those rows that are what they were when they were found. Who makes a
// key lead there, or writes another content there, waits, or came before and is seen.
func (m *sweptModel) stillLost(t *tx, batch []lostRow) ([]string, error) {
	uids, xmins := make([]string, len(batch)), make([]int64, len(batch))
	for i, r := range batch {
		uids[i], xmins[i] = r.uid, r.xmin
	}
	var same []string
	err := t.each(`SELECT d.uid FROM unnest($1::text[], $2::bigint[]) AS l (uid, xmin) JOIN `+m.data+` AS d ON d.uid = l.uid
		WHERE d.xmin::text::bigint = l.xmin ORDER BY d.uid FOR UPDATE OF d`, []any{uids, xmins}, func(rows pgx.Rows) error {
		uid, err := scanText[string](rows)
		same = append(same, uid)
		return err
	})
	return same, err
}

// deleteUnled removes those payloads that no key leads to. There may be no index by
// which to look for a uid, so the planner is free to read the index table whole, once.
func (t *tx) deleteUnled(names tables, uids []string) error {
	if len(uids) == 0 {
		return nil
	}
	if _, err := t.exec(`SELECT set_config('enable_seqscan', 'on', true), set_config('enable_hashjoin', 'on', true)`); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM `+names.data+` AS d WHERE d.uid = ANY($1) AND NOT EXISTS (SELECT FROM `+names.index+` AS i WHERE i.uid = d.uid)`, uids)
	return err
}

// removeOrphans removes the revisions of resources that still have no meta.
func (m *sweptModel) removeOrphans(ctx context.Context, f *Factory) error {
	for batch := range slices.Chunk(m.orphans, sweepBatch) {
		err := f.write(ctx, "remove orphans of model "+m.model+" in", func(t *tx) error {
			return t.withoutMeta(m.tables, batch, func(ids []resource.ID) error {
				var uids []string
				err := t.each(`DELETE FROM `+m.index+` WHERE resource_id = ANY($1) RETURNING uid`, []any{texts(ids)}, func(rows pgx.Rows) error {
					uid, err := scanText[string](rows)
					uids = append(uids, uid)
					return err
				})
				if err != nil {
					return err
				}
				return t.deleteUnled(m.tables, uids)
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// withoutMeta calls fn with those resources that have no meta, and that nobody gives
// one before the transaction ends: it holds their place by metas of its own, which
// are never seen. A unit of work that has just written one is waited for.
func (t *tx) withoutMeta(names tables, ids []resource.ID, fn func([]resource.ID) error) error {
	ids = slices.Clone(ids)
	slices.Sort(ids)
	var without []resource.ID
	err := t.each(`INSERT INTO `+names.meta+` (resource_id, data, created_time, updated_time, created_by, updated_by, is_deleted)
		SELECT id, '', now(), now(), '', '', true FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING RETURNING resource_id`, []any{texts(ids)}, func(rows pgx.Rows) error {
		id, err := scanText[resource.ID](rows)
		without = append(without, id)
		return err
	})
	if err != nil || len(without) == 0 {
		return err
	}
	if err := fn(without); err != nil {
		return err
	}
	_, err = t.exec(`DELETE FROM `+names.meta+` WHERE resource_id = ANY($1)`, texts(without))
	return err
}
