package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/tablename"
)

// look learns what it can of a model from its tables.
func (f *Factory) look(ctx context.Context, c candidate) (registered, bool, error) {
	m := registered{ModelInfo: storage.ModelInfo{Encoding: resource.JSON}, base: c.base}
	if f.medium == nil && !c.inside {
		return m, false, nil
	}
	t := tablesNamed("", c.base)
	metas, err := f.sample(ctx, t)
	if err != nil {
		return m, false, err
	}
	if m.Name, err = f.nameOf(ctx, c.base, metas); err != nil || m.Name == "" {
		return m, false, err
	}
	for _, meta := range metas {
		for path := range meta.IndexedData.Or(resource.Indexed{}).All() {
			m.IndexedPaths = append(m.IndexedPaths, path)
		}
	}
	slices.Sort(m.IndexedPaths)
	m.IndexedPaths = slices.Compact(m.IndexedPaths)
	if f.medium == nil {
		m.Encoding, err = f.sniffPayload(ctx, t)
	} else if len(metas) > 0 {
		m.Encoding, err = f.sniffOuter(ctx, m.Name, metas[0])
	}
	return m, true, err
}

// sampled is how many metas a model is learned from.
const sampled = 20

// sample returns some metas of a table. What is no meta must not keep the store shut:
// whoever reads the model meets it.
func (f *Factory) sample(ctx context.Context, t tables) (metas []resource.Meta, err error) {
	all, err := collect(ctx, f, pooled{f}, "look at "+t.meta+" in", `SELECT data FROM `+t.meta+` LIMIT $1`, []any{sampled}, func(rows pgx.Rows) (b []byte, err error) {
		return b, rows.Scan(&b)
	})
	for _, data := range all {
		if meta, bad := decodeMeta(data); bad == nil {
			metas = append(metas, meta)
		}
	}
	return metas, err
}

// sniff tells JSON from msgpack: a map begins with no other byte.
func sniff(data []byte) resource.Encoding {
	if len(data) > 0 && data[0] == '{' {
		return resource.JSON
	}
	return resource.Msgpack
}

// nameOf returns the name that the model is registered under: what its ids begin
// with, or what the medium calls it, when that makes the table's name, else the kebab
// form. It is empty for a table that the original names after no model.
func (f *Factory) nameOf(ctx context.Context, base string, metas []resource.Meta) (string, error) {
	snake := strings.TrimPrefix(base, f.prefix)
	for _, m := range metas {
		if name, _, found := strings.Cut(string(m.ResourceID), ":"); found && tablename.Snake(name) == snake {
			return name, nil
		}
	}
	if f.medium != nil {
		names, err := f.medium.Models(ctx)
		if err != nil {
			return "", err
		}
		for _, name := range names {
			if tablename.Snake(name) == snake {
				return name, nil
			}
		}
	}
	for _, name := range []string{tablename.Kebab(snake), snake} {
		if tablename.Snake(name) == snake {
			return name, nil
		}
	}
	return "", nil
}

// sniffPayload returns the encoding of the model's payloads, as one of them shows.
func (f *Factory) sniffPayload(ctx context.Context, t tables) (resource.Encoding, error) {
	for first, err := range stream(ctx, f, pooled{f}, "look at "+t.data+" in", `SELECT substr(data, 1, 1) FROM `+t.data+` LIMIT 1`, nil, func(rows pgx.Rows) (b []byte, err error) {
		return b, rows.Scan(&b)
	}) {
		return sniff(first), err
	}
	return resource.JSON, nil
}

// sniffEncoding returns the encoding of the metas in tables, "" when there are none.
func (f *Factory) sniffEncoding(ctx context.Context, candidates []candidate) (resource.Encoding, error) {
	for _, c := range candidates {
		for first, err := range stream(ctx, f, pooled{f}, "look for models in", `SELECT substr(data, 1, 1) FROM `+quote(c.base+metaSuffix)+` LIMIT 1`, nil, func(rows pgx.Rows) (b []byte, err error) {
			return b, rows.Scan(&b)
		}) {
			return sniff(first), err
		}
	}
	return "", nil
}

// decodeMeta decodes a stored meta of either encoding.
func decodeMeta(data []byte) (resource.Meta, error) { return resource.DecodeMeta(sniff(data), data) }

// decodeInfo decodes a stored info of either encoding: one store may hold both.
func decodeInfo(data []byte) (resource.RevisionInfo, error) {
	return resource.DecodeRevisionInfo(sniff(data), data)
}
