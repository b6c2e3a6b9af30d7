// Package items makes archives of any size for benchmarks, record by record: the
// resources of package copybench, one after another in constant memory.
package items

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Model is the name of the only model.
const Model = "item"

// payloadBytes is how long a payload is.
const payloadBytes = 800

// Write writes an archive of so many resources to path, of five of which three have a
// second revision, and returns its length in bytes.
func Write(path string, resources int) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := archive.NewWriter(buffered)
	write := func(records ...archive.Record) {
		for _, rec := range records {
			if err == nil {
				err = w.Write(rec)
			}
		}
	}
	write(archive.Header{Version: archive.Version}, archive.ModelStart{Model: Model})
	m := maker{random: rand.New(rand.NewPCG(1, 2)), at: time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)}
	for i := 0; i < resources && err == nil; i++ {
		records, merr := m.resource(i, revisionsOf(i))
		if merr != nil {
			return 0, merr
		}
		write(records...)
	}
	write(archive.ModelEnd{Model: Model}, archive.EOF{})
	err = errors.Join(err, w.Close(), buffered.Flush())
	return w.Written(), err
}

// revisionsOf returns how many revisions the ith resource has.
func revisionsOf(i int) int {
	if i%5 < 3 {
		return 2
	}
	return 1
}

// maker makes resources; equal ones in each run.
type maker struct {
	random *rand.Rand
	at     time.Time
}

// resource returns the records of one resource with so many revisions.
func (m *maker) resource(i, revisions int) ([]archive.Record, error) {
	id := resource.ID(Model + ":" + m.uuid().String())
	m.at = m.at.Add(time.Millisecond)
	indexed, err := resource.NewIndexed(map[string]any{"level": int64(i % 100), "name": fmt.Sprintf("item-%d", i), "team": fmt.Sprintf("team-%d", i%50)})
	if err != nil {
		return nil, err
	}
	records := make([]archive.Record, 1, 1+revisions)
	for n := 1; n <= revisions; n++ {
		rev := m.revision(id, i, n)
		records = append(records, archive.Revision{Revision: rev})
		records[0] = archive.Meta{Meta: resource.Meta{
			CurrentRevisionID: rev.Info.RevisionID, ResourceID: id, TotalRevisionCount: n, CreatedTime: m.at, UpdatedTime: rev.Info.UpdatedTime,
			CreatedBy: "importer", UpdatedBy: "importer", IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(rev.Info),
		}}
	}
	return records, nil
}

// revision returns the nth revision of a resource, an hour after the one before.
func (m *maker) revision(id resource.ID, i, n int) resource.Revision {
	payload := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"%s`, i, i%100, i%50, m.uuid())
	payload += strings.Repeat("x", payloadBytes-len(payload)-2) + `"}`
	at := m.at.Add(time.Duration(n-1) * time.Hour)
	info := resource.RevisionInfo{
		UID: m.uuid(), ResourceID: id, RevisionID: id.Revision(n), DataHash: opt.Of(resource.DataHash([]byte(payload))), Status: "stable",
		CreatedTime: at, UpdatedTime: at, CreatedBy: "importer", UpdatedBy: "importer",
	}
	if n > 1 {
		info.ParentRevisionID = opt.Of(id.Revision(n - 1))
	}
	return resource.Revision{Info: info, Data: []byte(payload)}
}

func (m *maker) uuid() (id uuid.UUID) {
	for i := range id {
		id[i] = byte(m.random.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}
