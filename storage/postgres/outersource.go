package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// outerSource reads revisions from a medium.
type outerSource struct{ m storage.RevisionMedium }

var _ revisionSource = outerSource{}

// outerReader returns the reader of a model whose revisions are in the medium.
func (f *Factory) outerReader(t tables) revisionReader {
	return revisionReader{f: f, s: outerSource{f.medium}, t: t}
}

// lookup returns the keys that lead somewhere with the uids they lead to.
func (s outerSource) lookup(ctx context.Context, t tables, keys []resource.RevisionKey) (there []resource.RevisionKey, uids []string, err error) {
	all, err := s.m.Model(t.model).Lookup(ctx, keys)
	if err != nil {
		return nil, nil, err
	}
	for i, uid := range all {
		if uid != "" {
			there, uids = append(there, keys[i]), append(uids, uid)
		}
	}
	return there, uids, nil
}

func (s outerSource) infos(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.RevisionInfo, error) {
	there, uids, err := s.lookup(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	infos, err := s.m.Model(t.model).Infos(ctx, uids)
	if err != nil {
		return nil, err
	}
	found := make(map[resource.RevisionKey]resource.RevisionInfo, len(there))
	for i, b := range infos {
		if b == nil {
			continue
		}
		if found[there[i]], err = decodeInfo(b); err != nil {
			return nil, fmt.Errorf("revision %s: %w", there[i].Revision, err)
		}
	}
	return found, nil
}

func (s outerSource) revisions(ctx context.Context, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.Revision, error) {
	there, uids, err := s.lookup(ctx, t, keys)
	if err != nil {
		return nil, err
	}
	contents, err := s.m.Model(t.model).Read(ctx, uids)
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

func (s outerSource) entries(ctx context.Context, t tables, ids []resource.ID) ([]indexEntry, error) {
	var all []indexEntry
	for e, err := range s.m.Model(t.model).Entries(ctx, slices.Values(ids)) {
		if err != nil {
			return nil, err
		}
		all = append(all, indexEntry{key: e.Key, uid: e.UID})
	}
	return all, nil
}

func (s outerSource) contents(ctx context.Context, t tables, uids []string, payloads bool) (map[string]content, error) {
	found := make(map[string]content, len(uids))
	if !payloads {
		infos, err := s.m.Model(t.model).Infos(ctx, uids)
		for i, b := range infos {
			if b != nil {
				found[uids[i]] = content{uid: uids[i], info: b}
			}
		}
		return found, err
	}
	contents, err := s.m.Model(t.model).Read(ctx, uids)
	for i, c := range contents {
		if c.Info != nil {
			found[uids[i]] = content{uid: uids[i], info: c.Info, data: c.Data}
		}
	}
	return found, err
}

func (s outerSource) count(ctx context.Context, t tables) (int64, error) {
	return s.m.Model(t.model).Count(ctx)
}

// sniffOuter returns the encoding of a model's payloads, as that of one resource shows.
func (f *Factory) sniffOuter(ctx context.Context, model string, m resource.Meta) (resource.Encoding, error) {
	key := currentKey(m)
	found, err := outerSource{f.medium}.revisions(ctx, tables{model: model}, []resource.RevisionKey{key})
	if r, ok := found[key]; ok {
		return sniff(r.Data), err
	}
	return resource.JSON, err
}

// revisionInfos returns the infos that are stored under keys of one model.
func (f *Factory) revisionInfos(ctx context.Context, q queryer, t tables, keys []resource.RevisionKey) (map[resource.RevisionKey]resource.RevisionInfo, error) {
	var s revisionSource = innerSource{f: f, q: q}
	if f.medium != nil {
		s = outerSource{f.medium}
	}
	found, err := s.infos(ctx, t, keys)
	return found, f.explain("read revisions of model "+t.model+" in", err)
}
