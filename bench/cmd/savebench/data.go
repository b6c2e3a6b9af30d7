package main

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// model is what is saved: three indexed fields, payloads of some 800 bytes.
var model = storage.ModelInfo{Name: "item", IndexedPaths: []string{"label", "n", "weight"}}

// makeOperations returns n operations on new resources with random ids, the same
// ones for each seed.
func makeOperations(n int, seed uint64) []manager.Operation {
	rnd := rand.New(rand.NewPCG(seed, 0))
	ops := make([]manager.Operation, n)
	for i := range ops {
		var id uuid.UUID
		for j := range id {
			id[j] = byte(rnd.Uint32())
		}
		ops[i] = manager.Operation{
			Op: manager.OpCreate, ResourceID: resource.ID("item:" + id.String()), User: "bench",
			Data: payload(i, rnd.Float64()),
		}
	}
	return ops
}

func payload(i int, weight float64) []byte {
	return fmt.Appendf(nil, `{"n":%d,"label":"item %d","weight":%g,"tags":["a","b"],"text":"%s"}`, i, i, weight, strings.Repeat("lorem ipsum ", 60))
}
