package postgres

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/storage"
)

// maxName is how long PostgreSQL takes a name, in bytes; it cuts longer ones off.
const maxName = 63

// tables are the quoted names of a model's tables.
type tables struct {
	model string
	base  string // unquoted, without suffix
	meta  string
	data  string
	index string
	// zoned: the time columns of the meta table have a time zone.
	zoned bool
	// bytewise: the index of entries has resource ids in bytewise order.
	bytewise bool
}

func tablesNamed(model, base string) tables {
	return tables{
		model: model,
		base:  base,
		meta:  quote(base + metaSuffix),
		data:  quote(base + dataSuffix),
		index: quote(base + indexSuffix),
	}
}

const (
	metaSuffix  = "_meta"
	dataSuffix  = "_resource_data"
	indexSuffix = "_resource_index"
)

// quote makes an SQL identifier of any text.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// checkModelName reports why no tables can be named after the model: the original
// lets PostgreSQL cut long names, so that two models may share a table.
func checkModelName(model, base string) error {
	switch {
	case model == "" || strings.ContainsRune(model, 0) || !utf8.ValidString(model):
		return fmt.Errorf("model name %q is empty, contains a NUL or is not UTF-8: %w", model, storage.ErrUnusableName)
	case len(base)+len(indexSuffix) > maxName:
		return fmt.Errorf("model %s: the table name %s%s is longer than PostgreSQL's %d bytes: use a shorter model name or table prefix: %w",
			model, base, indexSuffix, maxName, storage.ErrUnusableName)
	}
	return nil
}
