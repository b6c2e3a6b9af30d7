package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// outerGrace is how old a content of a medium is before it may count as lost: a unit
// of work puts its contents before anything leads to them.
const outerGrace = 24 * time.Hour

// orphansBatch is how many resources one transaction removes from a medium: the
// requests take their time, and the server ends transactions that are idle.
const orphansBatch = 50

// lookOuter finds what the medium holds that serves nobody. Nothing there happens at
// one time, so the order matters: what is staged is read first, for a publish moves it
// to entries. A resource that a unit of work is just making may be counted as an
// orphan, but not removed.
func (s *sweeper) lookOuter(ctx context.Context) error {
	if err := s.findModels(ctx); err != nil {
		return err
	}
	if err := s.findStaged(ctx, s.f.pool); err != nil {
		return err
	}
	for _, m := range s.models {
		l := outerLook{s: s, m: m, medium: s.f.medium.Model(m.model), used: slices.Clone(m.staged), orphaned: map[string]bool{}}
		if err := l.entries(ctx); err != nil {
			return err
		}
		slices.Sort(l.used)
		if err := l.contents(ctx); err != nil {
			return err
		}
		slices.Sort(m.orphans)
		s.nameOrphans(m)
	}
	return nil
}

// outerLook looks through one model of a medium.
type outerLook struct {
	s        *sweeper
	m        *sweptModel
	medium   storage.ModelMedium
	used     outer.UIDs      // what an entry leads to or is staged
	orphaned map[string]bool // uids that entries of orphans lead to
}

// entries reads every entry of the model.
func (l *outerLook) entries(ctx context.Context) error {
	page := map[resource.ID][]string{} // uids, by resource
	for e, err := range l.medium.All(ctx) {
		if err != nil {
			return err
		}
		l.used.Add(e.UID)
		id := e.Key.Resource
		if _, ok := page[id]; !ok && len(page) == 2*sweepBatch {
			if err := l.metas(ctx, page); err != nil {
				return err
			}
			clear(page)
		}
		page[id] = append(page[id], e.UID)
	}
	return l.metas(ctx, page)
}

// metas finds those of the resources that have no meta.
func (l *outerLook) metas(ctx context.Context, page map[resource.ID][]string) error {
	ids := make([]string, 0, len(page))
	for id := range page {
		ids = append(ids, string(id))
	}
	there, err := collect(ctx, l.s.f, l.s.f.pool, "look for orphans of model "+l.m.model+" in",
		`SELECT resource_id FROM `+l.m.meta+` WHERE resource_id = ANY($1)`, []any{ids}, scanText[resource.ID])
	if err != nil {
		return err
	}
	for _, id := range there {
		delete(page, id)
	}
	for id, uids := range page {
		l.m.orphans = append(l.m.orphans, id)
		l.s.found.Orphans.Count += int64(len(uids))
		for _, uid := range uids {
			l.orphaned[uid] = true
		}
	}
	return nil
}

// contents reads what is stored, and finds what nothing leads to.
func (l *outerLook) contents(ctx context.Context) error {
	freed := make(map[string]bool, len(l.m.freed))
	for _, uid := range l.m.freed {
		freed[uid] = true
	}
	limit := time.Now().Add(-outerGrace)
	for c, err := range l.medium.Contents(ctx) {
		switch {
		case err != nil:
			return err
		case freed[c.UID]:
			l.s.found.Chunks.Bytes += c.Bytes
		case l.orphaned[c.UID]:
			l.s.found.Orphans.Bytes += c.Bytes
		case c.Time.Before(limit) && !l.used.Has(c.UID):
			l.m.lost = append(l.m.lost, lostRow{uid: c.UID})
			l.s.found.Payloads.Count++
			l.s.found.Payloads.Bytes += c.Bytes
		}
	}
	return nil
}

// removeOuter removes what was found: of orphans the entries first, then what they led
// to. A lost content is older than any unit of work that could lead to it.
func (s *sweeper) removeOuter(ctx context.Context, o storage.SweepOptions) error {
	if o.Remove {
		if err := s.removeStaged(ctx); err != nil {
			return err
		}
	}
	for _, m := range s.models {
		if o.Orphans {
			if err := m.removeOuterOrphans(ctx, s.f); err != nil {
				return err
			}
		}
	}
	if !o.Remove {
		return nil
	}
	return s.removeOuterLost(ctx)
}

func (m *sweptModel) removeOuterOrphans(ctx context.Context, f *Factory) error {
	for batch := range slices.Chunk(m.orphans, orphansBatch) {
		err := f.write(ctx, "remove orphans of model "+m.model+" in", func(t *tx) error {
			return t.withoutMeta(m.tables, batch, func(ids []resource.ID) error { return outer.Purge(ctx, f.medium.Model(m.model), ids) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// removeOuterLost removes lost contents that are not staged now.
func (s *sweeper) removeOuterLost(ctx context.Context) error {
	now := sweeper{f: s.f}
	for _, m := range s.models {
		now.models = append(now.models, &sweptModel{tables: m.tables})
	}
	if err := now.findStaged(ctx, s.f.pool); err != nil {
		return err
	}
	for i, m := range s.models {
		staged := now.models[i].staged
		for batch := range slices.Chunk(m.lost, sweepBatch) {
			var uids []string
			for _, r := range batch {
				if !staged.Has(r.uid) {
					uids = append(uids, r.uid)
				}
			}
			if err := s.f.medium.Model(m.model).RemoveContents(ctx, uids); err != nil {
				return err
			}
		}
	}
	return nil
}
