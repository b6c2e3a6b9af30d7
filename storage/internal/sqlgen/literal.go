package sqlgen

import (
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// PathLiteral returns the SQL literal for a path of indexed data, which is a key of a
// flat map, dots and all; false when no row's column has that key: it is not UTF-8, or has
// a NUL. It is the only place where a text of a query becomes a part of SQL.
func PathLiteral(d Dialect, path string) (string, bool) {
	if !fits(path) {
		return "", false
	}
	if d == SQLite {
		return textLiteral("$." + jsonText(path)), true
	}
	if strings.Contains(path, `\`) {
		// Whether a backslash escapes in '' depends on a setting, in E'' it always does.
		return "E" + textLiteral(strings.ReplaceAll(path, `\`, `\\`)), true
	}
	return textLiteral(path), true
}

func textLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// jsonText is how indexed data has a value as JSON; null when it cannot.
func jsonText(v any) string {
	x, err := resource.NewIndexed(map[string]any{"v": v})
	if err != nil {
		return "null"
	}
	text := string(x.AppendJSON(nil))
	return text[len(`{"v":`) : len(text)-len(`}`)]
}
