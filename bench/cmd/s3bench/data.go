package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// model is the name of the model of all measurements.
const model = "item"

// Sizes of a revision, in bytes.
const (
	payloadBytes = 800
	infoBytes    = 400
)

// makeRevisions returns the first revisions of resources with random ids.
func makeRevisions(n int) revisions {
	r := rand.New(rand.NewPCG(1, 2))
	var all revisions
	for i := range n {
		id := resource.ID(model + ":" + randomUUID(r).String())
		uid := randomUUID(r).String()
		all.contents = append(all.contents, storage.Content{
			UID: uid, Info: text(fmt.Sprintf(`{"uid":%q,"pad":"`, uid), infoBytes), Data: text(fmt.Sprintf(`{"name":"item-%d","body":"`, i), payloadBytes),
		})
		all.entries = append(all.entries, storage.Entry{Key: resource.RevisionKey{Resource: id, Revision: id.Revision(1)}, UID: uid})
	}
	return all
}

// text is a JSON object of a length.
func text(begin string, length int) []byte {
	return []byte(begin + strings.Repeat("x", length-len(begin)-2) + `"}`)
}

func randomUUID(r *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
