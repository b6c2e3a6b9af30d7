package storage

import (
	"crypto/rand"

	"github.com/google/uuid"
)

// probeSize is how much a probe writes, in bytes: what does not fit into the space
// that deleted rows left, so that a full disk shows.
const probeSize = 64 << 10

// NewProbe returns a job for [Ledger.Probe] to write and to remove in one transaction.
func NewProbe() Job {
	envelope := make([]byte, probeSize)
	_, _ = rand.Read(envelope) // never fails; what is random cannot be compressed
	return Job{ID: uuid.New(), Kind: "probe", State: JobQueued, Envelope: envelope}
}
