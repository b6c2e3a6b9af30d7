package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// Sweep counts, and on request removes, rows of this store that serve nobody.
// They are looked for in one snapshot; what is removed is looked at again in the
// transaction that removes it.
func (g garbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	if g.f.beside != nil {
		return g.f.beside.sweep(ctx, o)
	}
	s := sweeper{f: g.f}
	if err := s.look(ctx); err != nil {
		return storage.Sweep{}, err
	}
	if o.Remove {
		if err := s.removeStaged(ctx); err != nil {
			return storage.Sweep{}, err
		}
	}
	for _, m := range s.models {
		if o.Remove {
			if err := m.removeLost(ctx, s.f); err != nil {
				return storage.Sweep{}, err
			}
		}
		if o.Orphans {
			if err := m.removeOrphans(ctx, s.f); err != nil {
				return storage.Sweep{}, err
			}
		}
	}
	return s.found, nil
}

// sweeper carries one sweep.
type sweeper struct {
	f      *Factory
	found  storage.Sweep
	models []*sweptModel // by name
	ended  []uuid.UUID   // jobs that have ended and still have chunks staged
}

// sweptModel is what a sweep finds of one model.
type sweptModel struct {
	tables
	staged  []int64 // rows that are staged, ascending once they are all known
	lost    []lostRow
	orphans []resource.ID
}

// lostRow is a row of a data table that nothing leads to. The hash of its info,
// which holds a uid, tells it from a later row of the same id.
type lostRow struct {
	id   int64
	info uint64
}

// look finds everything in one snapshot.
func (s *sweeper) look(ctx context.Context) (err error) {
	snap, err := s.f.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	q := snap.(*snapshot).conn
	if err := s.findModels(ctx, q); err != nil {
		return err
	}
	if err := s.findStaged(ctx, q); err != nil {
		return err
	}
	for _, m := range s.models {
		slices.Sort(m.staged)
		if err := s.findLost(ctx, q, m); err != nil {
			return err
		}
		if err := s.findOrphans(ctx, q, m); err != nil {
			return err
		}
	}
	return nil
}

// findModels lists the models of this store.
func (s *sweeper) findModels(ctx context.Context, q queryer) error {
	all, err := garbage{s.f}.allTables(ctx, q)
	for _, m := range all {
		if m.store == s.f.identity.number {
			s.models = append(s.models, &sweptModel{tables: m.tables})
		}
	}
	return err
}

// stagedChunk is the row of a chunk that is staged.
type stagedChunk struct {
	job    uuid.UUID
	no     int
	staged []byte
	ended  bool
}

// findStaged notes the rows that chunks have staged, and finds the chunks whose
// job has ended or is gone.
func (s *sweeper) findStaged(ctx context.Context, q queryer) error {
	query := `SELECT c.job, c.no, c.staged, j.state IS NULL OR j.state NOT IN ('queued', 'running')
		FROM specstar_chunks AS c LEFT JOIN specstar_jobs AS j ON j.store = c.store AND j.id = c.job
		WHERE c.store = ? AND c.staged IS NOT NULL ORDER BY c.job, c.no`
	scan := func(rows *sql.Rows) (c stagedChunk, err error) {
		var job sql.RawBytes
		err = rows.Scan(&job, &c.no, &c.staged, &c.ended)
		copy(c.job[:], job)
		return c, err
	}
	for c, err := range stream(ctx, s.f, q, "look for staged chunks in", query, []any{s.f.identity.number}, scan) {
		if err != nil {
			return err
		}
		if err := s.chunk(ctx, q, c); err != nil {
			return fmt.Errorf("chunk %d of job %s: %w", c.no, c.job, err)
		}
	}
	return nil
}

func (s *sweeper) chunk(ctx context.Context, q queryer, c stagedChunk) error {
	models, err := staged.Rows.Read(c.staged)
	if err != nil {
		return err
	}
	if c.ended {
		s.found.Chunks.Count++
		if !slices.Contains(s.ended, c.job) {
			s.ended = append(s.ended, c.job)
		}
	}
	for _, part := range models {
		i := slices.IndexFunc(s.models, func(m *sweptModel) bool { return m.model == part.Name })
		if i < 0 {
			return fmt.Errorf("model %s: %w", part.Name, storage.ErrNotFound)
		}
		m := s.models[i]
		for _, e := range part.Entries {
			m.staged = append(m.staged, e.Row)
		}
		if !c.ended {
			continue
		}
		n, err := s.bytesOf(ctx, q, m, m.staged[len(m.staged)-len(part.Entries):])
		if err != nil {
			return err
		}
		s.found.Chunks.Bytes += n
	}
	return nil
}

// bytesOf returns how many bytes rows of a data table hold.
func (s *sweeper) bytesOf(ctx context.Context, q queryer, m *sweptModel, ids []int64) (n int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT coalesce(sum(length(info) + length(data)), 0) FROM `+m.data+` WHERE id IN (SELECT value FROM json_each(?))`,
		jsonNumbers(ids)).Scan(&n)
	return n, s.f.explain("look for staged chunks in", err)
}

// findLost finds payloads that no key leads to and that are not staged.
func (s *sweeper) findLost(ctx context.Context, q queryer, m *sweptModel) error {
	query := `SELECT id, info, length(info) + length(data) FROM ` + m.data + ` WHERE id NOT IN (SELECT data_id FROM ` + m.index + `)`
	var size int64
	scan := func(rows *sql.Rows) (r lostRow, err error) {
		var info sql.RawBytes
		err = rows.Scan(&r.id, &info, &size)
		r.info = xxh3.Hash(info)
		return r, err
	}
	for r, err := range stream(ctx, s.f, q, "look for lost payloads of model "+m.model+" in", query, nil, scan) {
		if err != nil {
			return err
		}
		if _, staged := slices.BinarySearch(m.staged, r.id); staged {
			continue
		}
		m.lost = append(m.lost, r)
		s.found.Payloads.Count++
		s.found.Payloads.Bytes += size
	}
	return nil
}

// findOrphans finds the resources that have revisions and no meta.
func (s *sweeper) findOrphans(ctx context.Context, q queryer, m *sweptModel) error {
	query := `SELECT i.resource_id, count(*), coalesce(sum(length(d.info) + length(d.data)), 0)
		FROM ` + m.index + ` AS i LEFT JOIN ` + m.data + ` AS d ON d.id = i.data_id
		WHERE NOT EXISTS (SELECT 1 FROM ` + m.meta + ` AS m WHERE m.resource_id = i.resource_id)
		GROUP BY i.resource_id ORDER BY i.resource_id`
	var t storage.Tally
	scan := func(rows *sql.Rows) (id resource.ID, err error) { return id, rows.Scan(&id, &t.Count, &t.Bytes) }
	for id, err := range stream(ctx, s.f, q, "look for orphans of model "+m.model+" in", query, nil, scan) {
		if err != nil {
			return err
		}
		m.orphans = append(m.orphans, id)
		s.found.Orphans.Count += t.Count
		s.found.Orphans.Bytes += t.Bytes
		if len(s.found.Resources) < storage.MaxOrphans {
			s.found.Resources = append(s.found.Resources, storage.Ref{Model: m.model, ID: id})
		}
	}
	return nil
}
