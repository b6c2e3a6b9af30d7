package check

import (
	"strings"
	"testing"

	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/storage"
)

// TestFailuresShrink: a wrong answer is told as the least that gives one.
func TestFailuresShrink(t *testing.T) {
	unsorted := withMetas(func(m storage.MetaStore) storage.MetaStore {
		return asks{m, func(q qb.Query) qb.Query {
			if !q.After.IsSet() { // else it would be refused
				q.Sort = nil
			}
			return q
		}}
	})
	r := GeneratedQueries(1, 10).Run(t.Context(), unsorted, "", Options{})
	if r.State != Failed {
		t.Fatalf("the check %s", r.State)
	}
	query, metas, _ := strings.Cut(r.Message, "\nmetas:\n")
	if n := len(strings.Split(metas, "\n")); n > 2 || strings.Count(query, ", by ") != 1 || !strings.Contains(query, "seed 1, data set ") || !strings.Contains(query, "where everything") {
		t.Errorf("%d metas in\n%s", n, r.Message)
	}
}
