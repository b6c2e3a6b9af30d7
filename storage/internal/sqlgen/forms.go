package sqlgen

import (
	"maps"
	"slices"
	"time"
)

// maxForms bounds how many JSON texts of a list or map are tried.
const maxForms = 64

// formsOf returns the JSON texts of all values that equal a list, a map or one of their
// elements, where the database does not take them for equal itself. It is not ok when
// there are too many; they are not sure to be equal where a large number is among them.
func formsOf(d Dialect, v any) (forms []string, sure, ok bool) {
	if n, isNumber := numberOf(d, v); isNumber {
		return numberForms(d, n), n.exact || d == SQLite, true
	}
	switch v := v.(type) {
	case nil:
		return []string{"null"}, true, true
	case string:
		if d == PostgreSQL && !fits(v) || jsonText(v) == "null" {
			return nil, true, true
		}
		return []string{jsonText(v)}, true, true
	case time.Time:
		return nil, true, false // of any zone
	case []any:
		return joinForms(d, "[", "]", slices.Values(v), func(any) (string, bool) { return "", true })
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		values := make([]any, len(keys))
		for i, key := range keys {
			values[i] = v[key]
		}
		at := -1
		return joinForms(d, "{", "}", slices.Values(values), func(any) (string, bool) {
			at++
			text := jsonText(keys[at])
			return text + ":", text != "null" && (d == SQLite || fits(keys[at]))
		})
	}
	return nil, true, true // equals nothing
}

// joinForms returns each form of each element behind each form of those before it. before
// is what comes before an element; false when the database cannot hold it.
func joinForms(d Dialect, opening, closing string, elements func(func(any) bool), before func(any) (string, bool)) (forms []string, sure, ok bool) {
	forms, sure = []string{opening}, true
	for e := range elements {
		head, holds := before(e)
		more, certain, ok := formsOf(d, e)
		if !ok || len(forms)*len(more) > maxForms {
			return nil, false, false
		}
		if !holds || len(more) == 0 {
			return nil, true, true
		}
		forms, sure = appendForms(forms, head, more, opening), sure && certain
	}
	for i := range forms {
		forms[i] += closing
	}
	return forms, sure, true
}

func appendForms(forms []string, head string, more []string, opening string) []string {
	all := make([]string, 0, len(forms)*len(more))
	for _, f := range forms {
		if f != opening {
			f += ","
		}
		for _, m := range more {
			all = append(all, f+head+m)
		}
	}
	return all
}
