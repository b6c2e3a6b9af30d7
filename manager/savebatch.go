package manager

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// MaxBatchIDs is up to how many resources a [SaveBatch] names.
const MaxBatchIDs = 100

// SaveBatch is what the save jobs did together that one unit of work committed. The
// row of its first job holds it, those of the others name that job: so it can be told of
// later, whichever of them is looked at.
type SaveBatch struct {
	// First is the job whose row holds the batch, Ended when all its jobs ended.
	First uuid.UUID
	Ended time.Time
	// Jobs is how many jobs there are, Effects how many operations had each effect.
	Jobs    int
	Effects map[Effect]int64
	// IDs are the resources concerned, in the order of the operations; nil when there are
	// more than [MaxBatchIDs].
	IDs []resource.ID
}

// batchFields are what a row's outcome says of its batch, beside the operations: the
// batch itself, or the first job's id in base64. A batch of one job is its operations.
type batchFields struct {
	Outcomes []Outcome    `json:"outcomes"`
	Batch    string       `json:"batch"`
	Holds    *storedBatch `json:"holds"`
}

// storedBatch is a batch in the row of its first job.
type storedBatch struct {
	Jobs    int              `json:"jobs"`
	Effects map[Effect]int64 `json:"effects"`
	IDs     []resource.ID    `json:"resource_ids,omitempty"`
}

// add counts the operations of a job.
func (b *SaveBatch) add(outcomes []Outcome) {
	if b.Effects == nil {
		b.Effects = make(map[Effect]int64, 2)
	}
	b.Jobs++
	for i := range outcomes {
		b.Effects[outcomes[i].Effect]++
	}
}

// nameAll names the resources, unless there are too many.
func (b *SaveBatch) nameAll(out []SaveJobOutcome) {
	seen := make(map[resource.ID]bool, MaxBatchIDs)
	for i := range out {
		for _, o := range out[i].Outcomes {
			if o.ResourceID == "" || seen[o.ResourceID] {
				continue
			}
			if len(b.IDs) == MaxBatchIDs {
				b.IDs = nil
				return
			}
			seen[o.ResourceID] = true
			b.IDs = append(b.IDs, o.ResourceID)
		}
	}
}

// joinJobs makes one batch of the jobs that a unit of work ends, and has their rows lead to
// it. rows are in the order of those of out that are not repeated.
func joinJobs(out []SaveJobOutcome, rows []storage.Job, now time.Time) error {
	if len(rows) == 0 {
		return nil
	}
	b := &SaveBatch{First: rows[0].ID, Ended: now}
	for i := range out {
		if !out[i].Repeated {
			out[i].Batch = b
			b.add(out[i].Outcomes)
		}
	}
	b.nameAll(out)
	if len(rows) == 1 {
		return nil
	}
	holds, err := json.Marshal(storedBatch{Jobs: b.Jobs, Effects: b.Effects, IDs: b.IDs})
	if err != nil {
		return fmt.Errorf("encode what %d jobs did together: %w", len(rows), err)
	}
	rows[0].Outcome = appendField(rows[0].Outcome, "holds", holds)
	first := append(base64.RawURLEncoding.AppendEncode([]byte{'"'}, b.First[:]), '"')
	for i := range rows[1:] {
		rows[i+1].Outcome = appendField(rows[i+1].Outcome, "batch", first)
	}
	return nil
}

// appendField adds a field to an object in JSON that has some.
func appendField(object []byte, name string, value []byte) []byte {
	b := append(object[:len(object)-1], `,"`...)
	b = append(append(b, name...), `":`...)
	return append(append(b, value...), '}')
}

// BatchOf returns the batch in which the save of a row ended, or, with all but First zero,
// the job whose row holds it. It reports false when no batch is known: the job did nothing
// that was committed with others.
func BatchOf(row storage.Job) (b SaveBatch, whole bool, ok bool) {
	var f batchFields
	if json.Unmarshal(row.Outcome, &f) != nil || f.Outcomes == nil {
		return SaveBatch{}, false, false
	}
	if f.Batch != "" {
		id, err := base64.RawURLEncoding.DecodeString(f.Batch)
		if err != nil || len(id) != len(b.First) {
			return SaveBatch{}, false, false
		}
		copy(b.First[:], id)
		return b, false, true
	}
	b = SaveBatch{First: row.ID, Ended: row.Finished}
	if f.Holds != nil {
		b.Jobs, b.Effects, b.IDs = f.Holds.Jobs, f.Holds.Effects, f.Holds.IDs
		return b, true, true
	}
	b.add(f.Outcomes)
	b.nameAll([]SaveJobOutcome{{Outcomes: f.Outcomes}})
	return b, true, true
}
