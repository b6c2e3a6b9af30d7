// Package canon makes metas and infos comparable with those of golden files, for tests.
package canon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Of makes a meta or an info comparable: the members of its JSON, instants in UTC.
func Of(t testing.TB, v any) map[string]any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for k, x := range m {
		s, ok := x.(string)
		if !ok || !strings.HasSuffix(k, "_time") {
			continue
		}
		if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
			m[k] = at.UTC().Format(time.RFC3339Nano)
		}
	}
	return m
}
