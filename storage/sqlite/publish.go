package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// maxNamed is how many ids a DuplicateError names.
const maxNamed = 10

// publisher makes staged chunks visible inside one transaction.
type publisher struct {
	f *Factory
	j jobs
	// found are the staged resources that exist, or are staged twice. Once there
	// is one, only metas are still inserted: to count the others.
	found map[string][]resource.ID
	count int
}

// Publish makes everything that was staged under the claimed job visible and
// ends the job. A resource that exists shows as a meta that was not inserted.
func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	if err := checkFinal(final.State); err != nil {
		return err
	}
	return u.f.do(ctx, "publish a load in", func(t *tx) error {
		p := publisher{f: u.f, j: jobs{t: t, store: u.f.identity.number}, found: map[string][]resource.ID{}}
		if _, err := p.j.claimed(c); err != nil {
			return err
		}
		if err := p.publish(c); err != nil {
			return err
		}
		if err := p.duplicates(); err != nil {
			return err
		}
		_, err := t.exec(`UPDATE specstar_chunks SET staged = NULL WHERE store = ? AND job = ? AND staged IS NOT NULL`, p.j.store, c.Job[:])
		if err != nil {
			return err
		}
		return p.j.finish(c, final, u.f.now())
	})
}

// publish writes chunk after chunk, so that one is in memory at a time.
func (p *publisher) publish(c storage.Claim) error {
	numbers, err := p.j.stagedChunks(c.Job)
	if err != nil {
		return err
	}
	for _, no := range numbers {
		models, err := p.j.staged(c.Job, no)
		if err != nil {
			return err
		}
		for _, m := range models {
			if err := p.model(m); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *publisher) model(m stagedModel) error {
	names, err := p.f.tables(p.j.t.ctx, m.model)
	if err != nil {
		return err
	}
	if err := p.metas(names, m.metas); err != nil || p.count > 0 {
		return err
	}
	if err := p.entries(names, m.entries); err != nil {
		return err
	}
	return p.j.rememberBlobs(m.model, m.blobs)
}

func (p *publisher) metas(names tables, metas [][]byte) error {
	w := metaWriter{t: p.j.t, encoding: p.f.encoding()}
	query := names.insertMeta()
	for _, data := range metas {
		if err := p.j.t.check(); err != nil {
			return err
		}
		m, err := resource.DecodeMeta(w.encoding, data)
		if err != nil {
			return fmt.Errorf("model %s: staged meta: %w", names.model, err)
		}
		n, err := w.writeEncoded(query, m, data)
		if err != nil {
			return err
		}
		if n == 0 {
			p.found[names.model] = append(p.found[names.model], m.ResourceID)
			p.count++
		}
	}
	return nil
}

func (p *publisher) entries(names tables, entries []stagedEntry) error {
	ids := make([]resource.ID, len(entries))
	for i, e := range entries {
		ids[i] = e.key.Resource
	}
	slices.Sort(ids)
	w, err := newIndexWriter(p.j.t, names, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Info != nil {
			if err := p.j.t.saveBytes(names, p.f.encoding(), &e.entry, e.Info, e.Data); err != nil {
				return err
			}
		}
		if err := w.putStored(e.entry); err != nil {
			return err
		}
	}
	return nil
}

// duplicates returns the error for the resources that exist, nil for none.
func (p *publisher) duplicates() error {
	if p.count == 0 {
		return nil
	}
	model, ids := "", []resource.ID(nil)
	for name, found := range p.found {
		if model == "" || cmp.Less(name, model) {
			model, ids = name, found
		}
	}
	slices.Sort(ids)
	return &storage.DuplicateError{Model: model, IDs: ids[:min(maxNamed, len(ids))], Count: p.count}
}
