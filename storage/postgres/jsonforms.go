package postgres

import (
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/resource"
)

// maxForms bounds how many forms of a list or object are tried.
const maxForms = 64

// jsonForms returns the texts of all JSON values that values equal to v are written
// as, where jsonb would not take them for equal: true equals 1, and a large integer
// equals a float that is written with fewer digits. It returns none for what jsonb
// cannot hold, and false when there are more than maxForms.
func jsonForms(v any) (forms []string, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return []string{"true", "1"}, true
		}
		return []string{"false", "0"}, true
	case int64:
		return integerForms(big.NewInt(v)), true
	case uint64:
		return integerForms(new(big.Int).SetUint64(v)), true
	case float64:
		return floatForms(v), true
	case []any:
		return listForms(v)
	case map[string]any:
		return objectForms(v)
	}
	text := jsonText(v)
	if strings.Contains(text, `\u0000`) && holdsNULText(v) {
		return nil, true
	}
	return []string{text}, true
}

// holdsNULText reports whether v is a text with a NUL, which jsonb cannot hold.
func holdsNULText(v any) bool {
	s, ok := v.(string)
	return ok && strings.ContainsRune(s, 0)
}

// jsonText is how the column has a value.
func jsonText(v any) string {
	x, err := resource.NewIndexed(map[string]any{"v": v})
	if err != nil {
		return "null" // equals no value that was stored
	}
	text := string(x.AppendJSON(nil))
	return text[len(`{"v":`) : len(text)-len(`}`)]
}

func integerForms(n *big.Int) []string {
	forms := []string{n.String()}
	switch {
	case n.IsInt64() && n.Int64() == 0:
		forms = append(forms, "false")
	case n.IsInt64() && n.Int64() == 1:
		forms = append(forms, "true")
	}
	if f, accuracy := new(big.Float).SetInt(n).Float64(); accuracy == big.Exact {
		forms = append(forms, shortest(f))
	}
	return forms
}

func floatForms(f float64) []string {
	switch {
	case math.IsInf(f, 0) || math.IsNaN(f):
		return []string{"null"} // JSON has neither
	case f == math.Trunc(f):
		n, _ := big.NewFloat(f).Int(nil)
		return integerForms(n)
	}
	return []string{shortest(f)}
}

// shortest is the least precise decimal that is f.
func shortest(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func listForms(list []any) ([]string, bool) {
	forms := []string{""}
	for i, e := range list {
		before := ","
		if i == 0 {
			before = ""
		}
		var ok bool
		if forms, ok = appendForms(forms, before, e); !ok {
			return nil, false
		}
	}
	return enclose("[", forms, "]"), true
}

func objectForms(object map[string]any) ([]string, bool) {
	forms := []string{""}
	for i, key := range slices.Sorted(maps.Keys(object)) {
		if strings.ContainsRune(key, 0) {
			return nil, true
		}
		before := jsonText(key) + ":"
		if i > 0 {
			before = "," + before
		}
		var ok bool
		if forms, ok = appendForms(forms, before, object[key]); !ok {
			return nil, false
		}
	}
	return enclose("{", forms, "}"), true
}

// appendForms returns each of the forms followed by each form of v.
func appendForms(forms []string, before string, v any) ([]string, bool) {
	more, ok := jsonForms(v)
	if !ok || len(forms)*len(more) > maxForms {
		return nil, false
	}
	all := make([]string, 0, len(forms)*len(more))
	for _, f := range forms {
		for _, m := range more {
			all = append(all, f+before+m)
		}
	}
	return all, true
}

func enclose(open string, forms []string, closing string) []string {
	for i := range forms {
		forms[i] = open + forms[i] + closing
	}
	return forms
}
