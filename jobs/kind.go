package jobs

import "slices"

// Kind is what a job does.
type Kind string

// The kinds of jobs.
const (
	KindSave     Kind = "save"     // operations on resources of one model
	KindLoad     Kind = "load"     // an archive into the store
	KindBackfill Kind = "backfill" // rev_* fields of rows that lack them
	KindMigrate  Kind = "migrate"  // payloads to the schema versions of their models
	KindDump     Kind = "dump"     // an archive of the store, to a target
	KindVerify   Kind = "verify"   // what is wrong with the store
	KindChunk    Kind = "chunk"    // a part of a long job, see [Chunk]; workers make these
)

// Kinds returns all kinds, the short one first.
func Kinds() []Kind {
	return []Kind{KindSave, KindLoad, KindBackfill, KindMigrate, KindDump, KindVerify, KindChunk}
}

// Lane is the urgency of a job. Lanes do not wait for each other.
type Lane string

// The lanes of a queue.
const (
	LaneHigh   Lane = "high"
	LaneNormal Lane = "normal"
	LaneBulk   Lane = "bulk"
)

// Lanes returns all lanes, the most urgent first.
func Lanes() []Lane { return []Lane{LaneHigh, LaneNormal, LaneBulk} }

// Subject returns the subject on which jobs of a namespace, lane and kind
// travel: specstar.NS.jobs.LANE.KIND.
func Subject(namespace string, l Lane, k Kind) string {
	return "specstar." + namespace + ".jobs." + string(l) + "." + string(k)
}

func (k Kind) valid() bool { return slices.Contains(Kinds(), k) }

func (l Lane) valid() bool { return slices.Contains(Lanes(), l) }
