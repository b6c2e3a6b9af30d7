package s3

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/order"
)

// Claim makes entries for keys that have none.
func (m *modelRevisions) Claim(ctx context.Context, entries []storage.Entry) ([]string, error) {
	if err := m.writable(); err != nil {
		return nil, err
	}
	owners := make([]string, len(entries))
	err := m.s.parallel(ctx, len(entries), func(ctx context.Context, i int) (err error) {
		owners[i], err = m.claim(ctx, entries[i])
		return err
	})
	return owners, err
}

// claim creates an entry or reads the one that is there, which may be removed in
// between.
func (m *modelRevisions) claim(ctx context.Context, e storage.Entry) (string, error) {
	key, err := m.entryKey(e.Key)
	if err == nil {
		err = checkSegment("uid", e.UID)
	}
	if err != nil {
		return "", err
	}
	for range 3 {
		created, err := m.s.create(ctx, key, []byte(e.UID))
		if err != nil || created {
			return e.UID, err
		}
		owner, err := m.s.get(ctx, key)
		if !errors.Is(err, storage.ErrNotFound) {
			return string(owner), err
		}
	}
	return "", fmt.Errorf("claim %s: it is removed again and again: %w", key, storage.ErrUnavailable)
}

// Point makes keys lead to uids.
func (m *modelRevisions) Point(ctx context.Context, entries []storage.Entry) error {
	if err := m.writable(); err != nil {
		return err
	}
	return m.s.parallel(ctx, len(entries), func(ctx context.Context, i int) error {
		key, err := m.entryKey(entries[i].Key)
		if err != nil {
			return err
		}
		return m.s.put(ctx, object{key: key, body: bytesBody([]byte(entries[i].UID))})
	})
}

// Lookup returns where keys lead.
func (m *modelRevisions) Lookup(ctx context.Context, keys []resource.RevisionKey) ([]string, error) {
	uids := make([]string, len(keys))
	err := m.s.parallel(ctx, len(keys), func(ctx context.Context, i int) error {
		key, err := m.entryKey(keys[i])
		if err != nil {
			return err
		}
		uid, err := m.s.get(ctx, key)
		uids[i] = string(uid)
		return ignore(err, storage.ErrNotFound)
	})
	return uids, err
}

// RemoveEntries removes entries.
func (m *modelRevisions) RemoveEntries(ctx context.Context, keys []resource.RevisionKey) error {
	if err := m.writable(); err != nil {
		return err
	}
	return m.s.parallel(ctx, len(keys), func(ctx context.Context, i int) error {
		key, err := m.entryKey(keys[i])
		if err != nil {
			return err
		}
		return m.s.remove(ctx, key)
	})
}

// Entries returns the entries of resources.
func (m *modelRevisions) Entries(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[storage.Entry, error] {
	return flat(ahead(ctx, m.s.cfg.Parallel, m.groups(ctx, ids), m.entriesOf))
}

// checked are ids as long as ctx lasts.
func checked(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.ID, error] {
	return func(yield func(resource.ID, error) bool) {
		for id := range ids {
			if err := ctx.Err(); err != nil {
				yield("", err)
				return
			}
			if !yield(id, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield("", err)
		}
	}
}

// flat yields the elements of slices.
func flat[V any](slices iter.Seq2[[]V, error]) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		var zero V
		for vs, err := range slices {
			if err != nil {
				yield(zero, err)
				return
			}
			for _, v := range vs {
				if !yield(v, nil) {
					return
				}
			}
		}
	}
}

// entriesOf returns the entries of one resource.
func (m *modelRevisions) entriesOf(ctx context.Context, g group) ([]storage.Entry, error) {
	keys, err := m.keysOf(ctx, g)
	if err != nil {
		return nil, err
	}
	return m.follow(ctx, keys)
}

// keysOf returns the keys of one resource, which it lists if that was not done.
func (m *modelRevisions) keysOf(ctx context.Context, g group) ([]resource.RevisionKey, error) {
	if g.known {
		return g.keys, nil
	}
	dir, err := m.resourceKey(g.id)
	if err != nil {
		return nil, err
	}
	var keys []resource.RevisionKey
	for o, err := range m.s.list(ctx, dir) {
		if err != nil {
			return nil, err
		}
		if key, ok := parseEntry(g.id, o.key); ok {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// follow returns the entries of the keys of one resource in their order, without
// those that were removed since they were listed.
func (m *modelRevisions) follow(ctx context.Context, keys []resource.RevisionKey) ([]storage.Entry, error) {
	slices.SortFunc(keys, order.Keys)
	uids, err := m.Lookup(ctx, keys)
	if err != nil {
		return nil, err
	}
	entries := make([]storage.Entry, 0, len(keys))
	for i, key := range keys {
		if uids[i] != "" {
			entries = append(entries, storage.Entry{Key: key, UID: uids[i]})
		}
	}
	return entries, nil
}

// All returns every entry of the model, by one listing of all.
func (m *modelRevisions) All(ctx context.Context) iter.Seq2[storage.Entry, error] {
	return flat(ahead(ctx, m.s.cfg.Parallel, m.keys(ctx), m.follow))
}

// Count lists the model's entries and reads none.
func (m *modelRevisions) Count(ctx context.Context) (n int64, err error) {
	for keys, err := range m.keys(ctx) {
		if err != nil {
			return 0, err
		}
		n += int64(len(keys))
	}
	return n, nil
}

// keys lists the keys of each resource: in a listing they are together.
func (m *modelRevisions) keys(ctx context.Context) iter.Seq2[[]resource.RevisionKey, error] {
	return func(yield func([]resource.RevisionKey, error) bool) {
		if m.err != nil {
			yield(nil, m.err)
			return
		}
		var keys []resource.RevisionKey
		for o, err := range m.s.list(ctx, m.index) {
			if err != nil {
				yield(nil, err)
				return
			}
			id, rest, _ := strings.Cut(o.key, "/")
			key, ok := parseEntry(resource.ID(id), rest)
			if !ok {
				continue
			}
			if len(keys) > 0 && keys[0].Resource != key.Resource {
				if !yield(keys, nil) {
					return
				}
				keys = nil
			}
			keys = append(keys, key)
		}
		if len(keys) > 0 {
			yield(keys, nil)
		}
	}
}
