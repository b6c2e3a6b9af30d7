package sqlgen

import (
	"math"
	"unicode/utf8"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// sortKey is a key of an order, as a statement has it.
type sortKey struct {
	sort qb.Sort
	// blurred reports whether the statement may give other values, too, where it gives
	// this one. nil when it never does.
	blurred func(v any) bool
	// close reports whether the statement may not tell two different blurred values apart.
	close func(v, w any) bool
}

// orderBy returns the ORDER BY of an order, and its keys up to the last that matters. What
// comes behind a key that has no column is sorted by the program.
func (c *compiler) orderBy(sorts []qb.Sort) (sql []string, keys []sortKey) {
	desc := false
	for _, s := range sorts {
		desc = s.Descending()
		if a, ok := s.Attr(); ok {
			if noColumn(c.dialect, a) {
				c.note("%s has no column: metas are sorted by it in the program", a)
				return sql, append(keys, unordered(s))
			}
			sql, keys = append(sql, c.attributeKey(a, desc)), append(keys, sortKey{sort: s})
			continue
		}
		if c.nameless(s.Path()) {
			return sql, append(keys, unordered(s))
		}
		sql, keys = append(sql, c.dataKeys(s.Path(), desc)...), append(keys, c.dataKey(s))
	}
	return append(sql, c.attributeKey(qb.AttrResourceID, desc)), keys
}

// unordered is a key that the statement does not have.
func unordered(s qb.Sort) sortKey {
	return sortKey{sort: s, blurred: func(any) bool { return true }, close: func(any, any) bool { return true }}
}

// attributeKey has NULL first upwards and last downwards. SQLite does by itself.
// PostgreSQL has to be told, but only of columns that may be NULL: of the others an index
// would not serve the order any more.
func (c *compiler) attributeKey(a qb.Attr, desc bool) string {
	key := directed(c.column(a), desc)
	switch {
	case c.dialect == SQLite || neverNull[a]:
	case desc:
		key += " NULLS LAST"
	default:
		key += " NULLS FIRST"
	}
	return key
}

func directed(key string, desc bool) string {
	if desc {
		return key + " DESC"
	}
	return key
}

// dataKeys are the expressions by which values at a path are ordered. Where one is NULL
// in PostgreSQL those before it tell, so that its place does not matter.
func (c *compiler) dataKeys(path string, desc bool) []string {
	at, ok := PathLiteral(c.dialect, path)
	switch {
	case !ok:
		return nil // missing everywhere
	case c.dialect == SQLite:
		return []string{directed(KeySQL(at), desc)}
	}
	return []string{directed(RankSQL(at), desc), directed(NumberSQL(at), desc), directed(TextSQL(at), desc)}
}

// dataKey says which values a database does not tell apart: lists, numbers that it holds
// otherwise than the program, and in PostgreSQL texts that are long.
func (c *compiler) dataKey(s qb.Sort) sortKey {
	largest, dialect := float64(largestSQLite), c.dialect
	if dialect == PostgreSQL {
		largest = largestPostgreSQL
	}
	return sortKey{
		sort: s,
		blurred: func(v any) bool {
			switch v := v.(type) {
			case []any:
				return true
			case string:
				return dialect == PostgreSQL && utf8.RuneCountInString(v) >= TextLength
			}
			return math.Abs(floatOf(v)) >= largest
		},
		close: func(v, w any) bool {
			switch v := v.(type) {
			case []any:
				_, ok := w.([]any)
				return ok
			case string:
				w, ok := w.(string)
				return ok && dialect == PostgreSQL && cut(w) == cut(v)
			}
			x, y := floatOf(v), floatOf(w)
			return math.Abs(x) >= largest && math.Abs(x-y) <= math.Abs(x)*1e-14
		},
	}
}

// floatOf is about the number that a value is, 0 when it is none.
func floatOf(v any) float64 {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	case float64:
		return v
	}
	return 0
}

// blurs reports whether any key may need the program.
func blurs(keys []sortKey) bool {
	for _, k := range keys {
		if k.blurred != nil {
			return true
		}
	}
	return false
}

// together reports whether the statement may have the two metas the wrong way round, or
// others that come behind b before a.
func together(keys []sortKey, a, b *resource.Meta) bool {
	for _, k := range keys {
		if k.blurred == nil {
			if k.sort.Compare(a, b) != 0 {
				return false
			}
			continue
		}
		v, w := k.sort.Key(a), k.sort.Key(b)
		switch {
		case k.sort.Compare(a, b) != 0:
			return k.close(v, w)
		case k.blurred(v):
			return true
		}
	}
	return false
}
