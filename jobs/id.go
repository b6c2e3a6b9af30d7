package jobs

import (
	"fmt"

	"github.com/google/uuid"
)

// maxIDBytes bounds the text of a job's id.
const maxIDBytes = 255

// ID returns the ledger key of the job whose id text is given: the text itself
// when it is a UUID in its usual form, else UUIDv5 of the store's id and the text.
func ID(store uuid.UUID, text string) uuid.UUID {
	if len(text) == 36 {
		if id, err := uuid.Parse(text); err == nil && id != uuid.Nil {
			return id
		}
	}
	return uuid.NewSHA1(store, []byte(text))
}

// NewID returns a fresh id for a job. Ids made one after another ascend.
func NewID() string {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.NewString()
	}
	return id.String()
}

// checkID reports why text cannot be a job's id.
func checkID(text string) error {
	if len(text) > maxIDBytes {
		return fmt.Errorf("job id of %d bytes is longer than %d", len(text), maxIDBytes)
	}
	for i, r := range text {
		if r < 0x20 || r == 0x7f || r == '\uFFFD' {
			return fmt.Errorf("job id %q has a control or invalid character at byte %d", text, i)
		}
	}
	return nil
}
