package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/uniquepath"
)

// sampled is how many metas a model is learned from.
const sampled = 20

// sniff tells JSON from msgpack: a map begins with no other byte.
func sniff(data []byte) resource.Encoding {
	if len(data) > 0 && data[0] == '{' {
		return resource.JSON
	}
	return resource.Msgpack
}

func decodeMeta(data []byte) (resource.Meta, error) { return resource.DecodeMeta(sniff(data), data) }

func decodeInfo(data []byte) (resource.RevisionInfo, error) {
	return resource.DecodeRevisionInfo(sniff(data), data)
}

// sniffMetas returns how the metas that are there are written. Where there are none
// it is as asked for, or JSON, which is the original's default. A store that is there
// keeps its encoding.
func (b *beside) sniffMetas(ctx context.Context, models []string, asked resource.Encoding) (resource.Encoding, error) {
	for _, model := range models {
		m, err := b.metas.Model(ctx, model, false)
		if err != nil {
			return "", err
		}
		some, err := m.Sample(ctx, 1)
		if err != nil {
			return "", err
		}
		for _, s := range some {
			found := sniff(s.Data)
			if asked != "" && asked != found {
				return "", fmt.Errorf("open store %s: its metas are written as %s, not as %s: leave the encoding out", b.f.dir, found, asked)
			}
			return found, nil
		}
	}
	if asked == "" && !exists(b.f.path) {
		asked = resource.JSON
	}
	return asked, nil
}

// sniffInfos returns how infos are written: as one that is there, else as metas.
func (b *beside) sniffInfos(ctx context.Context) (resource.Encoding, error) {
	models, err := b.medium.Models(ctx)
	if err != nil {
		return "", err
	}
	for _, name := range models {
		m := b.medium.Model(name)
		for c, err := range m.Contents(ctx) {
			if err != nil {
				return "", err
			}
			infos, err := m.Infos(ctx, []string{c.UID})
			if err != nil {
				return "", err
			}
			if infos[0] != nil {
				return sniff(infos[0]), nil
			}
		}
	}
	return b.f.encoding(), nil
}

// adopt takes in those of the models that are not remembered: what can be learned of
// them is.
func (b *beside) adopt(ctx context.Context, models []string) error {
	for _, model := range models {
		_, err := b.f.tables(ctx, model)
		if err == nil {
			continue
		}
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		info, err := b.look(ctx, model)
		if err != nil {
			return err
		}
		if b.f.readOnly {
			b.mu.Lock()
			b.found[model] = info
			b.mu.Unlock()
			continue
		}
		if err := b.saveModel(ctx, info); err != nil {
			return err
		}
	}
	return nil
}

// adoptNew takes in the models that the original has made since the last look.
func (b *beside) adoptNew(ctx context.Context) error {
	models, err := b.metas.Models(ctx)
	if err != nil {
		return err
	}
	return b.adopt(ctx, models)
}

// look learns what it can of a model from its metas and one payload.
func (b *beside) look(ctx context.Context, model string) (storage.ModelInfo, error) {
	info := storage.ModelInfo{Name: model, Encoding: resource.JSON}
	m, err := b.metas.Model(ctx, model, false)
	if err != nil {
		return info, err
	}
	some, err := m.Sample(ctx, sampled)
	if err != nil {
		return info, err
	}
	first := true
	for _, s := range some {
		meta, err := decodeMeta(s.Data)
		if err != nil {
			continue // whoever reads the model meets it
		}
		for path := range meta.IndexedData.Or(resource.Indexed{}).All() {
			info.IndexedPaths = append(info.IndexedPaths, path)
		}
		if !first {
			continue
		}
		first = false
		r, err := b.reader(model).Get(ctx, currentKey(meta))
		if err == nil {
			info.Encoding = sniff(r.Data)
		} else if !errors.Is(err, storage.ErrNotFound) {
			return info, err
		}
	}
	slices.Sort(info.IndexedPaths)
	info.IndexedPaths = slices.Compact(info.IndexedPaths)
	return info, nil
}

func currentKey(m resource.Meta) resource.RevisionKey {
	return resource.RevisionKey{Resource: m.ResourceID, Revision: m.CurrentRevisionID, SchemaVersion: m.SchemaVersion}
}

// saveModel makes the directory of a model and remembers it.
func (b *beside) saveModel(ctx context.Context, m storage.ModelInfo) error {
	if err := checkDirectory(m.Name); err != nil {
		return err
	}
	for _, path := range m.UniquePaths {
		if err := uniquepath.Check(path); err != nil {
			return err
		}
	}
	if b.f.readOnly {
		return fmt.Errorf("save model %s in %s: %w", m.Name, b.f.dir, errReadOnly)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if _, err := b.metas.Model(ctx, m.Name, true); err != nil {
		return err
	}
	return b.f.do(ctx, "save model "+m.Name+" in", func(t *tx) error {
		_, err := t.exec(saveModel, b.f.identity.number, m.Name, m.Name, string(m.Encoding),
			jsonIDs(m.IndexedPaths), jsonIDs(m.UniquePaths), textOrNull(m.SchemaVersion), bytesOrNull(m.Declaration))
		return err
	})
}

// build returns the stores of a model.
func (b *beside) build(ctx context.Context, model string) (storage.Stores, error) {
	m, err := b.modelMetas(ctx, model)
	if errors.Is(err, storage.ErrNotFound) {
		if err := b.adoptNew(ctx); err != nil {
			return storage.Stores{}, err
		}
		m, err = b.modelMetas(ctx, model)
	}
	if err != nil {
		return storage.Stores{}, err
	}
	return storage.Stores{Metas: besideStore{besideReader{b: b, m: m, model: model}, m}, Revisions: mediumStore{b.reader(model)}}, nil
}
