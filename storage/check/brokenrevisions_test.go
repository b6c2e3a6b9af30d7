package check

import (
	"bytes"
	"context"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func brokenRevisions() map[string]broken {
	return map[string]broken{
		"lists revisions as texts": {
			open:   withRevisions(func(r storage.RevisionStore) storage.RevisionStore { return textOrder{r} }),
			caught: []string{"G5/revisions_come_by_number", "G14/publish_shows_all"},
		},
		"gives bytes that change later": {
			open:   withRevisions(func(r storage.RevisionStore) storage.RevisionStore { return &aliases{RevisionStore: r} }),
			caught: []string{"G20/received_revisions_do_not_change"},
		},
		"forgets to purge": {
			open:   withRevisions(func(r storage.RevisionStore) storage.RevisionStore { return keepsAll{r} }),
			caught: []string{"G10/purge_removes_all_of_a_resource", "G3/generated_histories_equal_the_oracle"},
		},
		"keeps one revision for all schema versions": {
			open:   withRevisions(func(r storage.RevisionStore) storage.RevisionStore { return oneSchema{r} }),
			caught: []string{"G10/schema_versions_are_apart", "G10/keys_may_share_a_uid", "G8/absent_revision_is_not_found"},
		},
		"gets many of any schema version": {
			open:   withRevisions(func(r storage.RevisionStore) storage.RevisionStore { return anySchema{r} }),
			caught: []string{"G10/many_revisions_are_those_of_their_keys"},
		},
		"shows half a blob": {
			open:   withBlobs(func(b storage.BlobStore) storage.BlobStore { return halfBlobs{b} }),
			caught: []string{"G18/blob_is_complete_or_not_there"},
		},
	}
}

type textOrder struct{ storage.RevisionStore }

func (r textOrder) List(ctx context.Context, id resource.ID) iter.Seq2[resource.RevisionInfo, error] {
	return func(yield func(resource.RevisionInfo, error) bool) {
		var infos []resource.RevisionInfo
		for info, err := range r.RevisionStore.List(ctx, id) {
			if err != nil {
				yield(resource.RevisionInfo{}, err)
				return
			}
			infos = append(infos, info)
		}
		slices.SortStableFunc(infos, func(a, b resource.RevisionInfo) int {
			return strings.Compare(string(a.RevisionID), string(b.RevisionID))
		})
		for _, info := range infos {
			if !yield(info, nil) {
				return
			}
		}
	}
}

// anySchema takes a revision at another schema version where it has none at the asked one.
type anySchema struct{ storage.RevisionStore }

func (r anySchema) GetMany(ctx context.Context, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	found, err := r.RevisionStore.GetMany(ctx, keys)
	for _, key := range keys {
		if _, ok := found[key]; ok || err != nil {
			continue
		}
		for info, err := range r.List(ctx, key.Resource) {
			if err != nil {
				return nil, err
			}
			if info.RevisionID != key.Revision {
				continue
			}
			if found[key], err = r.Get(ctx, info.Key()); err != nil {
				return nil, err
			}
		}
	}
	return found, err
}

// aliases reads every payload into the same memory.
type aliases struct {
	storage.RevisionStore
	buffer []byte
}

func (r *aliases) DumpAll(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error] {
	return func(yield func(resource.Revision, error) bool) {
		for rev, err := range r.RevisionStore.DumpAll(ctx, ids) {
			r.buffer = append(r.buffer[:0], rev.Data...)
			rev.Data = r.buffer
			if !yield(rev, err) {
				return
			}
		}
	}
}

type keepsAll struct{ storage.RevisionStore }

func (r keepsAll) Purge(ctx context.Context, _ []resource.ID) error { return ctx.Err() }

// oneSchema looks for a revision without its schema version.
type oneSchema struct{ storage.RevisionStore }

func (r oneSchema) Get(ctx context.Context, key resource.RevisionKey) (resource.Revision, error) {
	for rev, err := range r.DumpAll(ctx, slices.Values(one(key.Resource))) {
		if err != nil || rev.Info.RevisionID == key.Revision {
			return rev, err
		}
	}
	return r.RevisionStore.Get(ctx, key)
}

// halfBlobs keeps what came before the source broke.
type halfBlobs struct{ storage.BlobStore }

func (b halfBlobs) Put(ctx context.Context, r io.Reader, o storage.PutOptions) (storage.BlobInfo, error) {
	data, readErr := io.ReadAll(r)
	info, err := b.BlobStore.Put(ctx, bytes.NewReader(data), o)
	if readErr != nil {
		return storage.BlobInfo{}, readErr
	}
	return info, err
}
