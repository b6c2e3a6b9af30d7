// Package tablename turns names of models into names of tables and back, by the
// original's rules.
package tablename

import (
	"regexp"
	"strings"
)

var (
	wordBorder = regexp.MustCompile(`(.)([A-Z][a-z]+)`)
	caseBorder = regexp.MustCompile(`([a-z0-9])([A-Z])`)
)

// Snake returns the model's name as it appears in table names: a name with _ is
// lower-cased, else one with - gets _ in its place, any other is split at case
// borders.
func Snake(model string) string {
	switch {
	case strings.Contains(model, "_"):
	case strings.Contains(model, "-"):
		model = strings.ReplaceAll(model, "-", "_")
	default:
		model = wordBorder.ReplaceAllString(model, "${1}_${2}")
		model = caseBorder.ReplaceAllString(model, "${1}_${2}")
	}
	return strings.ToLower(model)
}

// Kebab returns the name that the original registers a model under by itself when
// its snake form is the given one.
func Kebab(snake string) string { return strings.ReplaceAll(snake, "_", "-") }
