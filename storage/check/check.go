package check

import (
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/specstar-worker/worker/storage"
)

// T is what a check reports to: the part of *testing.T that is needed. Fatalf
// does not return.
type T interface {
	Context() context.Context
	Helper()
	Fatalf(format string, args ...any)
}

// Open opens the store at a place: an empty one where there is none, apart from
// all others, else the one that is there, as the next process would. A place is
// a short name that may be a file name, below [Options.Dir] when that is given.
// A store that forgets is empty each time.
type Open func(ctx context.Context, place string) (storage.Factory, error)

// Need is what a store may lack: a check that needs it is skipped then.
type Need string

// What a store may lack.
const (
	Nothing     Need = ""
	AtomicBatch Need = "Traits.AtomicBatch"
	AtomicLoad  Need = "Traits.AtomicLoad"
	Durable     Need = "Traits.Durable"
	Blobs       Need = "a blob store"
	// Process is a process that may be killed, and a store that survives it.
	Process Need = "a process"
)

// Check proves a part of one guarantee.
type Check struct {
	// Name is G<number>/<what_is_promised>.
	Name string
	// Needs is what a store may lack to be spared this check.
	Needs Need
	run   func(t T, s *subject)
}

// Guarantee returns the number of the guarantee that c is about, 0 when its name
// has none.
func (c Check) Guarantee() int {
	number, _, _ := strings.Cut(strings.TrimPrefix(c.Name, "G"), "/")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0
	}
	return n
}

// check is a row of the lists below.
type check struct {
	name string
	run  func(t T, s *subject)
}

// All returns every check, by area.
func All() []Check {
	return slices.Concat(
		needing(
			Nothing, modelChecks(), metaChecks(), swapChecks(), rangeChecks(), revisionChecks(), uidChecks(),
			unitChecks(), concurrencyChecks(), historyChecks(), effectChecks(), stageChecks(), publishChecks(),
			jobChecks(), claimChecks(), shortJobChecks(), adminChecks(), waitingChecks(), suspendChecks(), plannedChecks(), auditChecks(),
			queryChecks(), pageChecks(), iterationChecks(), cancelChecks(), snapshotChecks(), limitChecks(), unsetChecks(), receivedChecks(), unknownChecks(), garbageChecks(),
			purgeChecks(), uniqueChecks(), markChecks(),
		),
		[]Check{GeneratedQueries(rand.Uint64(), generatedSets)},
		needing(AtomicBatch, wholeBatchChecks(), wholePurgeChecks()),
		needing(AtomicLoad, wholeLoadChecks()),
		needing(Blobs, blobChecks(), ageChecks()),
		needing(Durable, durabilityChecks()),
		needing(Process, crashChecks()),
	)
}

func needing(n Need, lists ...[]check) []Check {
	var all []Check
	for _, c := range slices.Concat(lists...) {
		all = append(all, Check{Name: c.name, Needs: n, run: c.run})
	}
	return all
}
