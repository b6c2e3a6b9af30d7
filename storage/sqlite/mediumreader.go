package sqlite

import (
	"context"
	"fmt"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/outer"
)

// mediumReader reads the revisions of one model from a medium.
type mediumReader struct {
	b     *beside
	m     storage.ModelMedium
	model string
}

var _ storage.RevisionReader = mediumReader{}

func (b *beside) reader(model string) mediumReader {
	return mediumReader{b: b, m: b.medium.Model(model), model: model}
}

// infos returns the encoded infos that are stored under keys, nil for none.
func (r mediumReader) infos(ctx context.Context, keys []resource.RevisionKey) ([][]byte, error) {
	infos := make([][]byte, len(keys))
	uids, err := r.m.Lookup(ctx, keys)
	if err != nil {
		return nil, err
	}
	var asked []string
	var at []int
	for i, uid := range uids {
		if uid != "" {
			asked, at = append(asked, uid), append(at, i)
		}
	}
	found, err := r.m.Infos(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, info := range found {
		infos[at[i]] = info
	}
	return infos, nil
}

// info returns the info stored under key.
func (r mediumReader) info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	infos, err := r.infos(ctx, []resource.RevisionKey{key})
	if err != nil {
		return resource.RevisionInfo{}, err
	}
	if infos[0] == nil {
		return resource.RevisionInfo{}, noRevision(tables{model: r.model}, key)
	}
	return decodeInfo(infos[0])
}

// get returns the revision stored under key.
func (r mediumReader) get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	uids, err := r.m.Lookup(ctx, []resource.RevisionKey{key})
	if err != nil {
		return resource.Revision{}, err
	}
	if uids[0] == "" {
		return resource.Revision{}, noRevision(tables{model: r.model}, key)
	}
	contents, err := r.m.Read(ctx, uids)
	if err != nil {
		return resource.Revision{}, err
	}
	if contents[0].Info == nil {
		return resource.Revision{}, noRevision(tables{model: r.model}, key)
	}
	info, err := decodeInfo(contents[0].Info)
	return resource.Revision{Info: info, Data: contents[0].Data}, err
}

// Count returns how many revisions are stored.
func (r mediumReader) Count(ctx context.Context) (int64, error) {
	if err := r.b.settled(ctx); err != nil {
		return 0, err
	}
	return r.m.Count(ctx)
}

// Info returns the info stored under key.
func (r mediumReader) Info(ctx context.Context, key resource.RevisionKey) (resource.RevisionInfo, error) {
	if err := r.b.settled(ctx); err != nil {
		return resource.RevisionInfo{}, err
	}
	return r.info(ctx, key)
}

// Get returns the revision stored under key.
func (r mediumReader) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	if err := r.b.settled(ctx); err != nil {
		return resource.Revision{}, err
	}
	return r.get(ctx, key)
}

// GetMany returns the revisions of those keys under which one is stored.
func (r mediumReader) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	if err := r.b.settled(ctx); err != nil {
		return nil, err
	}
	uids, err := r.m.Lookup(ctx, keys)
	if err != nil {
		return nil, err
	}
	var there []resource.RevisionKey
	var asked []string
	for i, uid := range uids {
		if uid != "" {
			there, asked = append(there, keys[i]), append(asked, uid)
		}
	}
	contents, err := r.m.Read(ctx, asked)
	if err != nil {
		return nil, err
	}
	found := make(map[resource.RevisionKey]resource.Revision, len(there))
	for i, c := range contents {
		if c.Info == nil {
			continue
		}
		info, err := decodeInfo(c.Info)
		if err != nil {
			return nil, fmt.Errorf("revision %s: %w", there[i].Revision, err)
		}
		found[there[i]] = resource.Revision{Info: info, Data: c.Data}
	}
	return found, nil
}

// List returns the infos of a resource's revisions.
func (r mediumReader) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return func(yield func(resource.RevisionInfo, error) bool) {
		if err := r.b.settled(ctx); err != nil {
			yield(resource.RevisionInfo{}, err)
			return
		}
		for rev, err := range r.each(ctx, one(id), false) {
			if !yield(rev.Info, err) || err != nil {
				return
			}
		}
	}
}

func one[T any](v T) iter.Seq[T] { return func(yield func(T) bool) { yield(v) } }

// DumpAll returns the revisions of the given resources, in their order.
func (r mediumReader) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		if err := r.b.settled(ctx); err != nil {
			yield(resource.Revision{}, err)
			return
		}
		for rev, err := range r.each(ctx, ids, true) {
			if !yield(rev, err) || err != nil {
				return
			}
		}
	}
}

// revisionsPage is how many revisions are read at a time.
const revisionsPage = 100

// each returns the revisions of resources, page by page.
func (r mediumReader) each(ctx context.Context, ids iter.Seq[resource.ID], payloads bool) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		var page []storage.Entry
		flush := func() bool {
			more := r.yield(ctx, page, payloads, yield)
			page = page[:0]
			return more
		}
		for e, err := range r.m.Entries(ctx, ids) {
			if err != nil {
				yield(resource.Revision{}, err)
				return
			}
			if page = append(page, e); len(page) == revisionsPage && !flush() {
				return
			}
		}
		if len(page) > 0 {
			flush()
		}
	}
}

// yield reads what entries lead to. A dump must not leave out silently what an entry
// says is there, nor show one revision as another; but an entry may have been removed
// or made to lead elsewhere since it was listed.
func (r mediumReader) yield(ctx context.Context, page []storage.Entry, payloads bool, yield func(resource.Revision, error) bool) bool {
	uids := make([]string, len(page))
	for i, e := range page {
		uids[i] = e.UID
	}
	contents := make([]storage.Content, len(page))
	var err error
	if payloads {
		contents, err = r.m.Read(ctx, uids)
	} else {
		var infos [][]byte
		infos, err = r.m.Infos(ctx, uids)
		for i := range infos {
			contents[i].Info = infos[i]
		}
	}
	for i := range page {
		var rev resource.Revision
		var there bool
		if err == nil {
			rev, there, err = r.revision(ctx, page[i], contents[i], payloads)
		}
		if err == nil {
			err = r.b.going(ctx)
		}
		if err != nil {
			yield(resource.Revision{}, err)
			return false
		}
		if there && !yield(rev, nil) {
			return false
		}
	}
	return true
}

func (r mediumReader) revision(ctx context.Context, e storage.Entry, c storage.Content, payload bool) (rev resource.Revision, there bool, err error) {
	if c.Info == nil {
		uids, err := r.m.Lookup(ctx, []resource.RevisionKey{e.Key})
		switch {
		case err != nil || uids[0] == "":
			return rev, false, err
		case uids[0] == e.UID:
			return rev, false, fmt.Errorf("read revisions of model %s in %s: the content of revision %s is missing", r.model, r.b.f.dir, e.Key.Revision)
		}
		rev, err = r.get(ctx, e.Key)
		return rev, err == nil, err
	}
	rev.Data = c.Data
	rev.Info, err = decodeInfo(c.Info)
	switch {
	case err != nil:
		err = fmt.Errorf("read revisions of model %s in %s: revision %s: %w", r.model, r.b.f.dir, e.Key.Revision, err)
	case payload && rev.Info.RevisionID != e.Key.Revision:
		err = fmt.Errorf("read revisions of model %s in %s: revision %s is stored with the info of %s", r.model, r.b.f.dir, e.Key.Revision, rev.Info.RevisionID)
	}
	return rev, err == nil, err
}

// mediumStore writes revisions to the medium outside of a unit of work.
type mediumStore struct{ mediumReader }

var _ storage.RevisionStore = mediumStore{}

// SaveMany stores contents, then makes keys lead to them.
func (s mediumStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	return s.b.alone(ctx, "save revisions of model "+s.model+" in", func() error {
		return s.b.writer(s.model, map[string]storage.Content{}, nil).Save(ctx, revisions)
	})
}

// Purge removes every revision of the resources.
func (s mediumStore) Purge(ctx context.Context, ids []resource.ID) error {
	return s.b.alone(ctx, "purge revisions of model "+s.model+" in", func() error { return outer.Purge(ctx, s.m, ids) })
}

// writer returns a writer of revisions of a model for a unit of work.
func (b *beside) writer(model string, mine map[string]storage.Content, intend func(context.Context, []storage.Entry) error) *outer.Writer {
	c := b.writes(model)
	c.Mine, c.Adopts, c.Intend = mine, true, intend
	return outer.NewWriter(c)
}

// stager returns a writer of revisions that are staged.
func (b *beside) stager(model string) *outer.Writer {
	c := b.writes(model)
	c.Mine = map[string]storage.Content{}
	c.Intend = func(ctx context.Context, entries []storage.Entry) error { return b.intend(ctx, model, entries) }
	return outer.NewWriter(c)
}

func (b *beside) writes(model string) outer.Config {
	return outer.Config{
		Medium: b.medium.Model(model), Model: model, Infos: b.infos,
		Check: func(info *resource.RevisionInfo) error {
			if err := info.Check(); err != nil {
				return fmt.Errorf("revision %s: %w", info.RevisionID, err)
			}
			return nil
		},
	}
}
