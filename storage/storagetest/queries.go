package storagetest

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/specstar-worker/worker/storage/check"
)

// seedVariable has the seed of an earlier run of [RunQueries], which a failure tells.
const seedVariable = "SPECSTAR_TEST_SEED"

// RunQueries compares the answers to 2,000 generated queries, each asked of one of 100
// small data sets, with those of package qb; 50,000 in the long tests.
func RunQueries(t *testing.T, open check.Open) {
	seed, sets := rand.Uint64(), 100
	if s := os.Getenv(seedVariable); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	if os.Getenv("SPECSTAR_TEST_LONG") != "" {
		sets = 2500
	}
	t.Logf("%s=%d", seedVariable, seed)
	c := check.GeneratedQueries(seed, sets)
	fail(t, c.Run(t.Context(), open, "queries", check.Options{Timeout: 20 * time.Minute}))
}
