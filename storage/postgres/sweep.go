package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// Sweep counts, and on request removes, rows of this store, or contents and entries
// of its medium, that serve nobody. Rows are looked for in one snapshot; what is
// removed is looked at again in the transaction that removes it.
func (g garbage) Sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	if g.f.readOnly && (o.Remove || o.Orphans) {
		return storage.Sweep{}, fmt.Errorf("sweep %s: %w", g.f.place, errReadOnly)
	}
	s := sweeper{f: g.f}
	look, remove := s.look, s.remove
	if g.f.medium != nil {
		look, remove = s.lookOuter, s.removeOuter
	}
	if err := look(ctx); err != nil {
		return storage.Sweep{}, err
	}
	if o.Remove || o.Orphans {
		if err := remove(ctx, o); err != nil {
			return storage.Sweep{}, err
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
	staged   outer.UIDs // what is staged
	freed    []string   // of these, what is staged for jobs that have ended
	lost     []lostRow
	orphans  []resource.ID
	orphaned int64 // index entries of orphans
}

// lostRow is a payload that nothing leads to. The transaction that wrote the row tells
// it from a later row of the same uid.
type lostRow struct {
	uid  string
	xmin int64
}

// look finds everything in one snapshot.
func (s *sweeper) look(ctx context.Context) (err error) {
	if err := s.findModels(ctx); err != nil {
		return err
	}
	snap, err := s.f.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	q := snap.(*snapshot)
	if err := s.findStaged(ctx, q); err != nil {
		return err
	}
	for _, m := range s.models {
		n, err := s.bytesOf(ctx, q, m, m.freed)
		if err != nil {
			return err
		}
		s.found.Chunks.Bytes += n
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
func (s *sweeper) findModels(ctx context.Context) error {
	all, err := garbage{s.f}.everyModel(ctx)
	slices.SortFunc(all, func(a, b tables) int { return strings.Compare(a.model, b.model) })
	for _, t := range all {
		s.models = append(s.models, &sweptModel{tables: t})
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

// findStaged notes the uids that chunks have staged, and finds the chunks whose job
// has ended or is gone.
func (s *sweeper) findStaged(ctx context.Context, q queryer) error {
	if s.f.foreign() {
		return nil
	}
	query := `SELECT c.job, c.no, c.staged, j.state IS NULL OR j.state NOT IN ('queued', 'running')
		FROM specstar_chunks AS c LEFT JOIN specstar_jobs AS j ON j.store = c.store AND j.id = c.job
		WHERE c.store = $1 AND c.staged IS NOT NULL ORDER BY c.job, c.no`
	scan := func(rows pgx.Rows) (c stagedChunk, err error) {
		return c, rows.Scan((*[16]byte)(&c.job), &c.no, &c.staged, &c.ended)
	}
	for c, err := range stream(ctx, s.f, q, "look for staged chunks in", query, []any{s.f.identity.number}, scan) {
		if err != nil {
			return err
		}
		if err := s.chunk(c); err != nil {
			return fmt.Errorf("chunk %d of job %s: %w", c.no, c.job, err)
		}
	}
	for _, m := range s.models {
		slices.Sort(m.staged)
	}
	return nil
}

func (s *sweeper) chunk(c stagedChunk) error {
	models, err := staged.UIDs.Read(c.staged)
	if err != nil {
		return err
	}
	if c.ended {
		s.found.Chunks.Count++
		if n := len(s.ended); n == 0 || s.ended[n-1] != c.job {
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
			m.staged.Add(e.UID)
			if c.ended {
				m.freed = append(m.freed, e.UID)
			}
		}
	}
	return nil
}

// bytesOf returns how many bytes payloads hold.
func (s *sweeper) bytesOf(ctx context.Context, q queryer, m *sweptModel, uids []string) (total int64, err error) {
	query := `SELECT coalesce(sum(octet_length(info) + octet_length(data)), 0)::bigint FROM ` + m.data + ` WHERE uid = ANY($1)`
	for batch := range slices.Chunk(uids, 10*sweepBatch) {
		for n, err := range stream(ctx, s.f, q, "look for staged chunks in", query, []any{batch}, scanCount) {
			if err != nil {
				return 0, err
			}
			total += n
		}
	}
	return total, nil
}

// findLost finds payloads that no key leads to and that are not staged.
func (s *sweeper) findLost(ctx context.Context, q queryer, m *sweptModel) error {
	query := `SELECT d.uid, d.xmin::text::bigint, octet_length(d.info) + octet_length(d.data) FROM ` + m.data + ` AS d
		WHERE NOT EXISTS (SELECT FROM ` + m.index + ` AS i WHERE i.uid = d.uid)`
	var size int64
	scan := func(rows pgx.Rows) (r lostRow, err error) { return r, rows.Scan(&r.uid, &r.xmin, &size) }
	for r, err := range stream(ctx, s.f, q, "look for lost payloads of model "+m.model+" in", query, nil, scan) {
		if err != nil {
			return err
		}
		if m.staged.Has(r.uid) {
			continue
		}
		m.lost = append(m.lost, r)
		if size == 0 {
			continue // it was emptied, see hollow
		}
		s.found.Payloads.Count++
		s.found.Payloads.Bytes += size
	}
	return nil
}

// findOrphans finds the resources that have revisions and no meta.
func (s *sweeper) findOrphans(ctx context.Context, q queryer, m *sweptModel) error {
	query := `SELECT i.resource_id, count(*), coalesce(sum(octet_length(d.info) + octet_length(d.data)), 0)::bigint
		FROM ` + m.index + ` AS i LEFT JOIN ` + m.data + ` AS d ON d.uid = i.uid
		WHERE NOT EXISTS (SELECT FROM ` + m.meta + ` AS m WHERE m.resource_id = i.resource_id)
		GROUP BY i.resource_id ORDER BY i.resource_id COLLATE "C"`
	var t storage.Tally
	scan := func(rows pgx.Rows) (id string, err error) { return id, rows.Scan(&id, &t.Count, &t.Bytes) }
	for id, err := range stream(ctx, s.f, q, "look for orphans of model "+m.model+" in", query, nil, scan) {
		if err != nil {
			return err
		}
		m.orphans = append(m.orphans, resource.ID(id))
		m.orphaned += t.Count
		s.found.Orphans.Count += t.Count
		s.found.Orphans.Bytes += t.Bytes
	}
	s.nameOrphans(m)
	return nil
}

// nameOrphans names the first resources that are orphans.
func (s *sweeper) nameOrphans(m *sweptModel) {
	for _, id := range m.orphans[:min(len(m.orphans), storage.MaxOrphans-len(s.found.Resources))] {
		s.found.Resources = append(s.found.Resources, storage.Ref{Model: m.model, ID: id})
	}
}
