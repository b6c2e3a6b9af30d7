// Package uniquepath has what databases share that look up the holders of a unique
// value.
package uniquepath

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Check reports why a path cannot have an index of its own: it becomes a literal in the
// schema and in queries, where it has no escapes.
func Check(path string) error {
	if path == "" || !utf8.ValidString(path) || strings.ContainsAny(path, "\"'\\") || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' }) {
		return fmt.Errorf("unique path %q: it may not be empty nor hold quotes, backslashes and control characters: %w", path, storage.ErrUnusableName)
	}
	return nil
}

// Stored returns the value of x at a path as a stored meta has it: JSON keeps times and
// bytes as texts.
func Stored(enc resource.Encoding, path string, x resource.Indexed) (any, error) {
	at := time.Unix(0, 0).UTC()
	m := resource.Meta{ResourceID: "x", CurrentRevisionID: "x:1", CreatedTime: at, UpdatedTime: at, IndexedData: opt.Of(x)}
	m, err := resource.DecodeMeta(enc, m.Append(enc, nil))
	if err != nil {
		return nil, err
	}
	back := m.IndexedData.Or(resource.Indexed{})
	value, _ := back.Lookup(path)
	return value, nil
}
