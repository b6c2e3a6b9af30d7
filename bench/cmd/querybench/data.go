package main

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// model is the name of the model of all measurements.
const model = "item"

// Values of metas: a fifth of them are drafts; users and prices are drawn evenly.
const (
	users  = 1024
	prices = 10_000
)

// firstMade is when the first resource was created, each other one a second after the
// one before.
var firstMade = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func user(i int) string { return fmt.Sprintf("user-%04d", i%users) }

// makeMetas returns the metas numbered from up to to, the same ones each time.
func makeMetas(from, to int) ([]resource.Meta, error) {
	metas := make([]resource.Meta, 0, to-from)
	for i := from; i < to; i++ {
		m, err := makeMeta(i)
		if err != nil {
			return nil, err
		}
		metas = append(metas, m)
	}
	return metas, nil
}

func makeMeta(i int) (resource.Meta, error) {
	r := rand.New(rand.NewPCG(1, uint64(i)))
	id := resource.ID(model + ":" + randomUUID(r).String())
	made := firstMade.Add(time.Duration(i) * time.Second)
	changed := made.Add(time.Duration(r.IntN(1_000_000)) * time.Second)
	status := resource.Stable
	if r.IntN(5) == 0 {
		status = resource.Draft
	}
	indexed, err := resource.NewIndexed(map[string]any{
		"name": fmt.Sprintf("item-%d", i), "price": int64(r.IntN(prices)), "team": fmt.Sprintf("team-%d", r.IntN(50)),
	})
	if err != nil {
		return resource.Meta{}, err
	}
	by := user(r.IntN(users))
	return resource.Meta{
		CurrentRevisionID: id.Revision(1), ResourceID: id, TotalRevisionCount: 1, CreatedTime: made, UpdatedTime: changed,
		CreatedBy: user(i), UpdatedBy: by, IndexedData: opt.Of(indexed),
		Rev: resource.RevMeta{
			Status: opt.Of(status), CreatedBy: opt.Of(user(i)), UpdatedBy: opt.Of(by), CreatedTime: opt.Of(made), UpdatedTime: opt.Of(changed),
		},
	}, nil
}

func randomUUID(r *rand.Rand) (id uuid.UUID) {
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

// infoOf describes the revision that a meta is of.
func infoOf(m resource.Meta, payload []byte) resource.RevisionInfo {
	return resource.RevisionInfo{
		UID: uuid.NewSHA1(uuid.NameSpaceOID, []byte(m.ResourceID)), ResourceID: m.ResourceID, RevisionID: m.CurrentRevisionID,
		DataHash: opt.Of(resource.DataHash(payload)), Status: m.Rev.Status.Or(resource.Stable),
		CreatedTime: m.CreatedTime, UpdatedTime: m.UpdatedTime, CreatedBy: m.CreatedBy, UpdatedBy: m.UpdatedBy,
	}
}
