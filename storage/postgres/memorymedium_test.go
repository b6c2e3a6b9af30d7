package postgres

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// memoryMedium keeps revisions in memory; their ages can be set.
type memoryMedium struct {
	mu     sync.Mutex
	models map[string]*memoryModel
}

type memoryModel struct {
	mu       sync.Mutex
	entries  map[resource.RevisionKey]string
	contents map[string]storage.Content
	times    map[string]time.Time // of contents that are not new
	removed  func() error         // called when contents were removed; nil for none
}

var (
	_ storage.RevisionMedium = (*memoryMedium)(nil)
	_ storage.ModelMedium    = (*memoryModel)(nil)
)

func (m *memoryMedium) model(name string) *memoryModel {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.models == nil {
		m.models = map[string]*memoryModel{}
	}
	if m.models[name] == nil {
		m.models[name] = &memoryModel{
			entries: map[resource.RevisionKey]string{}, contents: map[string]storage.Content{}, times: map[string]time.Time{},
		}
	}
	return m.models[name]
}

func (m *memoryMedium) Model(name string) storage.ModelMedium { return m.model(name) }

func (m *memoryMedium) Models(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.models)), nil
}

func (m *memoryMedium) Exclusive() bool { return true }

func (m *memoryMedium) Close() error { return nil }

func (m *memoryModel) Put(_ context.Context, contents []storage.Content) ([]bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	stored := make([]bool, len(contents))
	for i, c := range contents {
		if _, ok := m.contents[c.UID]; !ok {
			m.contents[c.UID], stored[i] = c, true
		}
	}
	return stored, nil
}

func (m *memoryModel) Replace(_ context.Context, contents []storage.Content) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range contents {
		m.contents[c.UID] = c
		delete(m.times, c.UID)
	}
	return nil
}

func (m *memoryModel) Claim(_ context.Context, entries []storage.Entry) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	owners := make([]string, len(entries))
	for i, e := range entries {
		if _, ok := m.entries[e.Key]; !ok {
			m.entries[e.Key] = e.UID
		}
		owners[i] = m.entries[e.Key]
	}
	return owners, nil
}

func (m *memoryModel) Point(_ context.Context, entries []storage.Entry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		m.entries[e.Key] = e.UID
	}
	return nil
}

func (m *memoryModel) Lookup(_ context.Context, keys []resource.RevisionKey) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	uids := make([]string, len(keys))
	for i, k := range keys {
		uids[i] = m.entries[k]
	}
	return uids, nil
}

// sorted returns the entries of resources.
func (m *memoryModel) sorted() []storage.Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]storage.Entry, 0, len(m.entries))
	for k, uid := range m.entries {
		all = append(all, storage.Entry{Key: k, UID: uid})
	}
	slices.SortFunc(all, func(a, b storage.Entry) int {
		return cmp.Or(cmp.Compare(a.Key.Resource, b.Key.Resource), cmp.Compare(a.Key.Revision, b.Key.Revision),
			cmp.Compare(a.Key.SchemaVersion.Or(""), b.Key.SchemaVersion.Or("")))
	})
	return all
}

func (m *memoryModel) Count(context.Context) (int64, error) { return int64(len(m.sorted())), nil }

func (m *memoryModel) All(context.Context) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		for _, e := range m.sorted() {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m *memoryModel) Entries(_ context.Context, ids iter.Seq[resource.ID]) iter.Seq2[storage.Entry, error] {
	return func(yield func(storage.Entry, error) bool) {
		all := m.sorted()
		for id := range ids {
			for _, e := range all {
				if e.Key.Resource == id && !yield(e, nil) {
					return
				}
			}
		}
	}
}

func (m *memoryModel) Read(_ context.Context, uids []string) ([]storage.Content, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	contents := make([]storage.Content, len(uids))
	for i, uid := range uids {
		contents[i] = m.contents[uid]
	}
	return contents, nil
}

func (m *memoryModel) Infos(ctx context.Context, uids []string) ([][]byte, error) {
	contents, err := m.Read(ctx, uids)
	infos := make([][]byte, len(uids))
	for i, c := range contents {
		infos[i] = c.Info
	}
	return infos, err
}

func (m *memoryModel) Contents(context.Context) iter.Seq2[storage.StoredContent, error] {
	return func(yield func(storage.StoredContent, error) bool) {
		m.mu.Lock()
		all := maps.Clone(m.contents)
		times := maps.Clone(m.times)
		m.mu.Unlock()
		for uid, c := range all {
			at, ok := times[uid]
			if !ok {
				at = time.Now()
			}
			if !yield(storage.StoredContent{UID: uid, Bytes: int64(len(c.Info) + len(c.Data)), Time: at}, nil) {
				return
			}
		}
	}
}

func (m *memoryModel) RemoveEntries(_ context.Context, keys []resource.RevisionKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range keys {
		delete(m.entries, k)
	}
	return nil
}

func (m *memoryModel) RemoveContents(_ context.Context, uids []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, uid := range uids {
		delete(m.contents, uid)
	}
	if m.removed == nil {
		return nil
	}
	return m.removed()
}

// age makes contents look as if they were written before.
func (m *memoryModel) age(by time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for uid := range m.contents {
		m.times[uid] = time.Now().Add(-by)
	}
}

// size returns how many entries and contents there are.
func (m *memoryModel) size() (entries, contents int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries), len(m.contents)
}
