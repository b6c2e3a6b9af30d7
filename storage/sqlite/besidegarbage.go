package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// payloads returns every content of the medium, of models of any name.
func (b *beside) payloads(ctx context.Context) iter.Seq2[storage.Payload, error] {
	return func(yield func(storage.Payload, error) bool) {
		names, err := b.models(ctx)
		var held []string
		if err == nil {
			held, err = b.medium.Models(ctx)
		}
		if err != nil {
			yield(storage.Payload{}, err)
			return
		}
		names = append(names, held...)
		slices.Sort(names)
		for _, model := range slices.Compact(names) {
			for c, err := range outer.Contents(ctx, b.medium.Model(model)) {
				if err == nil {
					err = b.going(ctx)
				}
				if err != nil {
					yield(storage.Payload{}, err)
					return
				}
				p := storage.Payload{Model: model, Name: "content " + c.UID, Data: c.Data}
				if i, err := decodeInfo(c.Info); err == nil {
					p.Name, p.Resource = string(i.RevisionID), i.ResourceID
				}
				if !yield(p, nil) {
					return
				}
			}
		}
	}
}

// besideGrace is how old a content is before it may count as lost: what puts contents
// before anything leads to them may be another program.
const besideGrace = 24 * time.Hour

// besideSweep carries one sweep.
type besideSweep struct {
	b      *beside
	found  storage.Sweep
	ended  []uuid.UUID // jobs that have ended and still have chunks staged
	staged map[string]outer.UIDs
	freed  map[string]map[string]bool // uids that are staged for such jobs
}

// sweep counts, and on request removes, contents and entries that serve nobody, while
// no other process of ours writes when something is to be removed.
func (b *beside) sweep(ctx context.Context, o storage.SweepOptions) (storage.Sweep, error) {
	s := &besideSweep{b: b, staged: map[string]outer.UIDs{}, freed: map[string]map[string]bool{}}
	var err error
	if o.Remove || o.Orphans {
		err = b.alone(ctx, "sweep", func() error { return s.run(ctx, o) })
	} else if err = b.settled(ctx); err == nil {
		err = s.run(ctx, o)
	}
	return s.found, err
}

func (s *besideSweep) run(ctx context.Context, o storage.SweepOptions) error {
	if err := s.findStaged(ctx); err != nil {
		return err
	}
	models, err := s.b.models(ctx)
	if err != nil {
		return err
	}
	for _, model := range models {
		if err := s.model(ctx, model, o); err != nil {
			return err
		}
	}
	if !o.Remove {
		return nil
	}
	for _, id := range s.ended {
		err := s.b.f.do(ctx, "forget staged chunks in", func(t *tx) error {
			j := s.b.jobs(t)
			if may, err := j.mayUnstage(storage.Claim{Job: id}); !may || err != nil {
				return err
			}
			return s.b.f.unstage(j, id)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// findStaged notes the uids that are staged.
func (s *besideSweep) findStaged(ctx context.Context) error {
	query := `SELECT c.job, c.no, c.staged, j.state IS NULL OR j.state NOT IN ('queued', 'running')
		FROM specstar_chunks AS c LEFT JOIN specstar_jobs AS j ON j.store = c.store AND j.id = c.job
		WHERE c.store = ? AND c.staged IS NOT NULL ORDER BY c.job, c.no`
	scan := func(rows *sql.Rows) (c stagedChunk, err error) {
		var job sql.RawBytes
		err = rows.Scan(&job, &c.no, &c.staged, &c.ended)
		copy(c.job[:], job)
		return c, err
	}
	for c, err := range stream(ctx, s.b.f, s.b.f.reads, "look for staged chunks in", query, []any{s.b.f.identity.number}, scan) {
		var models []staged.Model
		if err == nil {
			models, err = staged.Rows.Read(c.staged)
		}
		if err != nil {
			return fmt.Errorf("chunk %d of job %s: %w", c.no, c.job, err)
		}
		if c.ended {
			s.found.Chunks.Count++
			if n := len(s.ended); n == 0 || s.ended[n-1] != c.job {
				s.ended = append(s.ended, c.job)
			}
		}
		for _, m := range models {
			s.note(m, c.ended)
		}
	}
	for _, uids := range s.staged {
		slices.Sort(uids)
	}
	return nil
}

func (s *besideSweep) note(m staged.Model, ended bool) {
	uids := s.staged[m.Name]
	if s.freed[m.Name] == nil {
		s.freed[m.Name] = map[string]bool{}
	}
	for _, e := range m.Entries {
		uids.Add(e.UID)
		if ended {
			s.freed[m.Name][e.UID] = true
		}
	}
	s.staged[m.Name] = uids
}

// model sweeps one model.
func (s *besideSweep) model(ctx context.Context, model string, o storage.SweepOptions) error {
	m := s.b.medium.Model(model)
	used := slices.Clone(s.staged[model])
	orphaned := map[string]bool{}
	var orphans []resource.ID
	page := map[resource.ID][]string{} // uids, by resource
	flush := func() error {
		metas, err := s.b.modelMetas(ctx, model)
		if err != nil {
			return err
		}
		there, err := metas.Find(ctx, slices.Collect(maps.Keys(page)))
		if err != nil {
			return err
		}
		for id, uids := range page {
			if _, ok := there[id]; ok {
				continue
			}
			orphans = append(orphans, id)
			s.found.Orphans.Count += int64(len(uids))
			for _, uid := range uids {
				orphaned[uid] = true
			}
		}
		clear(page)
		return nil
	}
	for e, err := range m.All(ctx) {
		if err != nil {
			return err
		}
		used.Add(e.UID)
		if _, ok := page[e.Key.Resource]; !ok && len(page) == 2*sweepBatch {
			if err := flush(); err != nil {
				return err
			}
		}
		page[e.Key.Resource] = append(page[e.Key.Resource], e.UID)
	}
	if err := flush(); err != nil {
		return err
	}
	slices.Sort(used)
	slices.Sort(orphans)
	for _, id := range orphans[:min(len(orphans), storage.MaxOrphans-len(s.found.Resources))] {
		s.found.Resources = append(s.found.Resources, storage.Ref{Model: model, ID: id})
	}
	lost, err := s.lost(ctx, model, m, used, orphaned)
	if err != nil {
		return err
	}
	if o.Orphans {
		if err := outer.Purge(ctx, m, orphans); err != nil {
			return err
		}
	}
	if !o.Remove {
		return nil
	}
	return m.RemoveContents(ctx, lost)
}

// lost reads what is stored, and returns what nothing leads to.
func (s *besideSweep) lost(ctx context.Context, model string, m storage.ModelMedium, used outer.UIDs, orphaned map[string]bool) (lost []string, err error) {
	limit := s.b.f.now().Add(-besideGrace)
	for c, err := range m.Contents(ctx) {
		switch {
		case err != nil:
			return nil, err
		case s.freed[model][c.UID]:
			s.found.Chunks.Bytes += c.Bytes
		case orphaned[c.UID]:
			s.found.Orphans.Bytes += c.Bytes
		case c.Time.Before(limit) && !used.Has(c.UID):
			lost = append(lost, c.UID)
			s.found.Payloads.Count++
			s.found.Payloads.Bytes += c.Bytes
		}
	}
	return lost, nil
}
