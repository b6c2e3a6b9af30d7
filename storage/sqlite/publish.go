package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/specstar-worker/worker/internal/caught"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/staged"
)

// publisher makes staged chunks visible inside one transaction.
type publisher struct {
	f *Factory
	j jobs
	// found are the staged resources that exist, or are staged twice. Once there
	// is one, only metas are still inserted: to count the others.
	found   map[string][]resource.ID
	count   int
	indexes map[string]*publishedIndex
}

// publishedIndex writes one model's index.
type publishedIndex struct {
	*indexWriter
	// fresh: the index was empty before this transaction. Then no key is stored,
	// since a resource that was staged twice is found among the metas.
	fresh bool
}

// Publish makes everything that was staged under the claimed job visible and
// ends the job. A resource that exists shows as a meta that was not inserted.
func (u unit) Publish(ctx context.Context, c storage.Claim, final storage.Final) error {
	if err := final.State.CheckFinal(); err != nil {
		return err
	}
	if u.f.beside != nil {
		return u.f.beside.publish(ctx, c, final)
	}
	return u.f.do(ctx, "publish a load in", func(t *tx) error {
		p := publisher{f: u.f, j: jobs{t: t, store: u.f.identity.number}, found: map[string][]resource.ID{}, indexes: map[string]*publishedIndex{}}
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

// publish writes chunk after chunk. While one is written the next is decoded, so
// that two are in memory at a time.
func (p *publisher) publish(c storage.Claim) error {
	numbers, err := p.j.stagedChunks(c.Job)
	if err != nil {
		return err
	}
	var decoding sync.WaitGroup
	defer decoding.Wait()
	next := func(no int) (<-chan decodedChunk, error) {
		b, err := p.j.stagedBytes(c.Job, no)
		if err != nil {
			return nil, err
		}
		ready := make(chan decodedChunk, 1)
		decoding.Go(func() {
			var c decodedChunk
			c.err = caught.Call(func() (err error) {
				c.models, err = decodeChunk(p.f.encoding(), b)
				return err
			})
			ready <- c
		})
		return ready, nil
	}
	var ready <-chan decodedChunk
	for i := range len(numbers) + 1 {
		var after <-chan decodedChunk
		if i < len(numbers) {
			if after, err = next(numbers[i]); err != nil {
				return fmt.Errorf("chunk %d of job %s: %w", numbers[i], c.Job, err)
			}
		}
		if i > 0 {
			if err := p.chunk(<-ready); err != nil {
				return fmt.Errorf("chunk %d of job %s: %w", numbers[i-1], c.Job, err)
			}
		}
		ready = after
	}
	return nil
}

// decodedChunk is a staged chunk ready to be written.
type decodedChunk struct {
	models []decodedModel
	err    error
}

// decodedModel is what a chunk gives one model: rows for the meta table, and the
// rest as it was staged.
type decodedModel struct {
	staged.Model
	rows []decodedMeta
}

// decodedMeta is a meta with its column values.
type decodedMeta struct {
	id   resource.ID
	args []any
}

func decodeChunk(enc resource.Encoding, b []byte) ([]decodedModel, error) {
	list, err := staged.Rows.Read(b)
	models := make([]decodedModel, len(list))
	for i, m := range list {
		if models[i], err = decodeModel(enc, m); err != nil {
			return nil, fmt.Errorf("model %s: staged meta: %w", m.Name, err)
		}
	}
	return models, err
}

func decodeModel(enc resource.Encoding, m staged.Model) (decodedModel, error) {
	d := decodedModel{Model: m, rows: make([]decodedMeta, len(m.Metas))}
	for i, data := range m.Metas {
		meta, err := resource.DecodeMeta(enc, data)
		if err != nil {
			return d, err
		}
		d.rows[i] = decodedMeta{id: meta.ResourceID, args: metaArgs(make([]any, 0, metaColumnCount), meta, data)}
	}
	return d, nil
}

func (p *publisher) chunk(c decodedChunk) error {
	if c.err != nil {
		return c.err
	}
	for _, m := range c.models {
		if err := p.model(m); err != nil {
			return err
		}
	}
	return nil
}

func (p *publisher) model(m decodedModel) error {
	names, err := p.f.tables(p.j.t.ctx, m.Name)
	if err != nil {
		return err
	}
	if err := p.metas(names, m.rows); err != nil || p.count > 0 {
		return err
	}
	if err := p.entries(names, m.Entries); err != nil {
		return err
	}
	return p.j.rememberBlobs(m.Name, m.Blobs)
}

func (p *publisher) metas(names tables, rows []decodedMeta) error {
	query := names.insertMeta()
	for _, row := range rows {
		if err := p.j.t.check(); err != nil {
			return err
		}
		n, err := p.j.t.exec(query, row.args...)
		if err != nil {
			return err
		}
		if n == 0 {
			p.found[names.model] = append(p.found[names.model], row.id)
			p.count++
		}
	}
	return nil
}

func (p *publisher) entries(names tables, entries []staged.Entry) error {
	w, err := p.index(names)
	if err != nil {
		return err
	}
	clear(w.highest) // of the chunk before, which has none of these resources
	if !w.fresh {
		ids := make([]resource.ID, len(entries))
		for i, e := range entries {
			ids[i] = e.Key.Resource
		}
		if err := w.learn(ids); err != nil {
			return err
		}
	}
	for _, e := range entries {
		if err := w.point(e.Key, e.Row); err != nil {
			return err
		}
	}
	return nil
}

// index returns the writer of a model's index.
func (p *publisher) index(names tables) (*publishedIndex, error) {
	if w, ok := p.indexes[names.model]; ok {
		return w, nil
	}
	w := &publishedIndex{indexWriter: newIndexWriter(p.j.t, names)}
	var err error
	if w.fresh, err = w.empty(); err != nil {
		return nil, err
	}
	p.indexes[names.model] = w
	return w, nil
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
	return &storage.DuplicateError{Model: model, IDs: ids[:min(storage.MaxDuplicateIDs, len(ids))], Count: p.count}
}
