package storage

import "fmt"

// PlanDigestBytes is how long [Plan.Digest] is.
const PlanDigestBytes = 16

// MaxPlanBytes is how long [Plan.Body] may be.
const MaxPlanBytes = 256 << 20

// Plan is how a long job is done in parts: by whoever, with its chunks in any order and
// side by side. A job has one, or none.
type Plan struct {
	// Digest tells the plan from others of the same job; see [PlanDigestBytes].
	Digest []byte
	// Chunks is how many parts there are; their numbers begin at 0.
	Chunks int
	// Total is how many units of progress the parts are together, as [Progress.Total].
	Total int64
	// Body says what the parts are. A store does not look into it.
	Body []byte
}

// Check reports why a plan may not be stored, nil when it may.
func (p Plan) Check() error {
	switch {
	case len(p.Digest) != PlanDigestBytes:
		return fmt.Errorf("the digest of a plan has %d bytes, not %d", len(p.Digest), PlanDigestBytes)
	case p.Chunks < 0 || p.Total < 0:
		return fmt.Errorf("a plan of %d chunks and %d units", p.Chunks, p.Total)
	case len(p.Body) > MaxPlanBytes:
		return fmt.Errorf("a plan of %d bytes; it may have %d", len(p.Body), MaxPlanBytes)
	}
	return nil
}
