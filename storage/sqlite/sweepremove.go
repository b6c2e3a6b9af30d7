package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/storage"
)

// sweepBatch is how many rows or resources one transaction removes.
const sweepBatch = 500

// removeStaged forgets what is staged for jobs that have ended, each in a
// transaction of its own. A job that was put back to the queue meanwhile keeps it.
func (s *sweeper) removeStaged(ctx context.Context) error {
	for _, id := range s.ended {
		err := s.f.do(ctx, "forget staged chunks in", func(t *tx) error {
			j := jobs{t: t, store: s.f.identity.number}
			if may, err := j.mayUnstage(storage.Claim{Job: id}); !may || err != nil {
				return err
			}
			return s.f.unstage(j, id)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeLost removes the lost payloads of a model, unless a key leads to them now.
func (m *sweptModel) removeLost(ctx context.Context, f *Factory) error {
	for batch := range slices.Chunk(m.lost, sweepBatch) {
		ids := make([]int64, len(batch))
		for i, r := range batch {
			ids[i] = r.id
		}
		err := f.do(ctx, "remove lost payloads of model "+m.model+" in", func(t *tx) error {
			same, err := m.stillLost(t, batch, ids)
			if err != nil {
				return err
			}
			_, err = t.exec(`DELETE FROM `+m.data+` WHERE id IN (SELECT value FROM json_each(?1))
				AND id NOT IN (SELECT data_id FROM `+m.index+` WHERE data_id IN (SELECT value FROM json_each(?1)))`, jsonNumbers(same))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stillLost returns those rows that are what they were when they were found.
func (m *sweptModel) stillLost(t *tx, batch []lostRow, ids []int64) ([]int64, error) {
	found := make(map[lostRow]bool, len(batch))
	for _, r := range batch {
		found[r] = true
	}
	var same []int64
	err := t.each(`SELECT id, info FROM `+m.data+` WHERE id IN (SELECT value FROM json_each(?))`, []any{jsonNumbers(ids)}, func(rows *sql.Rows) error {
		var id int64
		var info sql.RawBytes
		if err := rows.Scan(&id, &info); err != nil {
			return err
		}
		if found[lostRow{id, xxh3.Hash(info)}] {
			same = append(same, id)
		}
		return nil
	})
	return same, err
}

// removeOrphans removes the revisions of resources that still have no meta.
func (m *sweptModel) removeOrphans(ctx context.Context, f *Factory) error {
	for batch := range slices.Chunk(m.orphans, sweepBatch) {
		orphans := ` AS i WHERE i.resource_id IN (SELECT value FROM json_each(?))
			AND NOT EXISTS (SELECT 1 FROM ` + m.meta + ` AS m WHERE m.resource_id = i.resource_id)`
		err := f.do(ctx, "remove orphans of model "+m.model+" in", func(t *tx) error {
			ids := jsonIDs(batch)
			if _, err := t.exec(`DELETE FROM `+m.data+` WHERE id IN (SELECT i.data_id FROM `+m.index+orphans+`)`, ids); err != nil {
				return err
			}
			_, err := t.exec(`DELETE FROM `+m.index+orphans, ids)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// jsonNumbers returns numbers as a JSON array for json_each.
func jsonNumbers(numbers []int64) string {
	if len(numbers) == 0 {
		return "[]"
	}
	b, err := json.Marshal(numbers)
	if err != nil {
		return "[]" // a slice of integers always marshals
	}
	return string(b)
}
