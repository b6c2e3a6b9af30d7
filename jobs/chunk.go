package jobs

import (
	"encoding/hex"
	"fmt"
	"math"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Chunk is a part of a long job that is done in parts by many workers. Its message is
// made by the worker that planned the job; the plan says what the part is.
type Chunk struct {
	// Job is the ledger's key of the long job.
	Job uuid.UUID
	// Plan is the digest of the job's plan, [storage.PlanDigestBytes] bytes. A chunk of
	// another plan than the job has is not done.
	Plan [storage.PlanDigestBytes]byte
	// No is the chunk's number in the plan, from 0.
	No int
}

type wireChunk struct {
	Job  uuid.UUID `json:"job"`
	Plan string    `json:"plan"`
	No   int       `json:"no"`
}

func (c Chunk) wire() wireChunk { return wireChunk{c.Job, hex.EncodeToString(c.Plan[:]), c.No} }

// id is that of the chunk's message: the same each time it is published.
func (c Chunk) id() string { return fmt.Sprintf("%s/%x/%d", c.Job, c.Plan[:8], c.No) }

// ref names the chunk for the transaction that does it.
func (c Chunk) ref() storage.ChunkRef {
	return storage.ChunkRef{Claim: storage.Claim{Job: c.Job}, No: c.No, Plan: c.Plan[:]}
}

func (d *decoder) chunk() (Args, error) {
	var c Chunk
	var plan string
	no := int64(-1)
	err := d.object(func(key string) (err error) {
		switch key {
		case "job":
			return d.uuid(&c.Job)
		case "plan":
			if err := d.text(&plan); err != nil {
				return err
			}
			b, err := hex.DecodeString(plan)
			if err != nil || len(b) != len(c.Plan) || hex.EncodeToString(b) != plan {
				return d.errorf("%s is not %d hexadecimal digits", quoted(plan), 2*len(c.Plan))
			}
			copy(c.Plan[:], b)
			return nil
		case "no":
			no, err = d.number(0, math.MaxInt32)
			return err
		}
		return d.unknown()
	})
	switch c.No = int(no); {
	case err != nil:
		return nil, err
	case c.Job == uuid.Nil:
		return nil, d.fieldErrorf("job", "is missing")
	case plan == "":
		return nil, d.fieldErrorf("plan", "is missing")
	case no < 0:
		return nil, d.fieldErrorf("no", "is missing")
	}
	return c, nil
}
