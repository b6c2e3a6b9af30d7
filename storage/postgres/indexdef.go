package postgres

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/internal/sqlgen"
)

// indexDef is an index of a meta table.
type indexDef struct {
	name     string // unquoted
	on       string // for people
	declared bool
	body     string // behind the table's name
	keys     []storage.IndexKey
}

// statement makes the index; option comes behind CREATE INDEX.
func (t tables) statement(d indexDef, option string) string {
	return `CREATE INDEX ` + option + quote(d.name) + ` ON ` + t.meta + ` ` + d.body
}

// How a statement that makes an index begins.
const (
	ifNotThere   = `IF NOT EXISTS `
	whileWriting = `CONCURRENTLY `
)

// defaultIndexes are those of every meta table. Their names have the table's in them: the
// original's do not, so that only its first table gets them. resource_id, which breaks
// ties of every order, is the last column of each. See ADR 0024 for why it is these.
func (t tables) defaultIndexes() []indexDef {
	return []indexDef{
		t.metaIndex("user", qb.AttrRevUpdatedBy, qb.AttrRevStatus, qb.AttrRevCreatedTime),
		t.metaIndex("status", qb.AttrRevStatus, qb.AttrRevCreatedTime),
		t.metaIndex("updated", qb.AttrUpdatedTime),
		t.metaIndex("created", qb.AttrCreatedTime),
		{name: t.base + metaSuffix + "_unfilled", on: "rev_* that are unset", body: `(` + idKey + `) WHERE ` + unfilled},
	}
}

// idKey is the last key of every index.
const idKey = `resource_id COLLATE "C"`

func (t tables) metaIndex(name string, attrs ...qb.Attr) indexDef {
	d := indexDef{name: t.base + metaSuffix + "_" + name, keys: make([]storage.IndexKey, len(attrs))}
	for i, a := range attrs {
		d.keys[i].Attr = a
	}
	d.on = storage.Index{Keys: d.keys}.String()
	d.body, _ = keysBody(d.keys) // these attributes can be indexed
	return d
}

// oldIndex is the name of an index that former versions made of every meta table.
func (t tables) oldIndex() string { return t.base + metaSuffix + "_rev" }

const oldIndexOn = "rev_status, rev_updated_by, rev_created_time"

// declaredPrefix begins the names of declared indexes.
const declaredPrefix = "specstar_index_"

// define returns what makes a declared index. Names of PostgreSQL have 63 bytes, and those of
// indexes are unique in their schema, so what it is on is hashed with the table.
//
// For elements there are two: what contains a value may also be a text or a map. Those are
// found by the second one, which is empty where all values are lists.
func (t tables) define(x storage.Index) ([]indexDef, error) {
	if err := x.Check(); err != nil {
		return nil, err
	}
	path := x.Equal + x.Elements
	at, err := literalOf(path)
	if err != nil {
		return nil, err
	}
	switch {
	case x.Elements != "":
		kind := `(jsonb_typeof(indexed_data -> ` + at + `))`
		return []indexDef{
			t.declared("elements of data", `USING gin (indexed_data jsonb_path_ops)`),
			t.declared("texts and maps of data."+path, `(`+kind+`) WHERE `+kind+` IN ('string', 'object')`),
		}, nil
	case x.Equal != "":
		return []indexDef{t.declared(x.String(), `USING hash ((indexed_data -> `+at+`))`)}, nil // of values of any length
	}
	body, err := keysBody(x.Keys)
	return []indexDef{t.declared(x.String(), body)}, err
}

func (t tables) declared(on, body string) indexDef {
	sum := xxh3.HashString128(t.base + "\x00" + on).Bytes()
	return indexDef{name: declaredPrefix + hex.EncodeToString(sum[:]), on: on, declared: true, body: body}
}

// longest is how many bytes the entries of an index may have together: PostgreSQL takes
// some 2,700.
const longest = 2650

// keysBody is the body of a B-tree.
func keysBody(keys []storage.IndexKey) (string, error) {
	parts, size := []string{}, maxIndexedText
	for _, k := range keys {
		part, n, err := keySQL(k)
		if err != nil {
			return "", err
		}
		parts, size = append(parts, part), size+n
	}
	if size > longest {
		return "", fmt.Errorf("index on %s: with their resource id, values may be longer than PostgreSQL takes into an index: of texts and indexed data one key is possible", storage.Index{Keys: keys})
	}
	if !slices.Contains(parts, idKey) {
		parts = append(parts, idKey)
	}
	return `(` + strings.Join(parts, ", ") + `)`, nil
}

// keySQL returns a key of a B-tree, and how many bytes it has at most. Of columns that
// may be NULL queries have NULLS FIRST upwards, and NULLS LAST downwards, which is that
// read backwards; of others they say nothing, see package sqlgen.
func keySQL(k storage.IndexKey) (sql string, size int, err error) {
	if k.Path != "" {
		at, err := literalOf(k.Path)
		if err != nil {
			return "", 0, err
		}
		return sqlgen.RankSQL(at) + `, ` + sqlgen.NumberSQL(at) + `, ` + sqlgen.TextSQL(at), 4 * sqlgen.TextLength, nil
	}
	sql = string(k.Attr)
	switch k.Attr {
	case qb.AttrTotalRevisionCount, qb.AttrCurrentRevisionID:
		return "", 0, fmt.Errorf("index on %s: PostgreSQL has no column of it", k.Attr)
	case qb.AttrResourceID:
		return idKey, 0, nil // its bytes are counted already
	case qb.AttrRevStatus:
		return sql + ` COLLATE "C" NULLS FIRST`, 16, nil
	}
	if k.Attr.Kind() == qb.KindText {
		return sql + ` COLLATE "C"` + nullsFirst(k.Attr), maxIndexedText, nil
	}
	return sql + nullsFirst(k.Attr), 8, nil
}

// nullsFirst is empty for columns that are never NULL: queries do not say it of them.
func nullsFirst(a qb.Attr) string {
	switch a {
	case qb.AttrCreatedTime, qb.AttrUpdatedTime, qb.AttrCreatedBy, qb.AttrUpdatedBy, qb.AttrIsDeleted:
		return ""
	}
	return ` NULLS FIRST`
}

func literalOf(path string) (string, error) {
	at, ok := sqlgen.PathLiteral(sqlgen.PostgreSQL, path)
	if !ok {
		return "", fmt.Errorf("index on data.%q: no meta in PostgreSQL can have that path", path)
	}
	return at, nil
}
