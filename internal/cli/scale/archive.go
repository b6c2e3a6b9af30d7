package scale

import (
	"bufio"
	"encoding/binary"
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

const (
	// model is the model of the archive.
	model = "item"
	// payloadBytes is how long a payload is.
	payloadBytes = 800
)

// writeArchive writes an archive of so many resources with one revision each, ids in
// random order, three indexed values. Equal arguments make equal files.
func writeArchive(path string, resources int) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("make an archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buffered := bufio.NewWriterSize(f, 1<<20)
	w := archive.NewWriter(buffered)
	write := func(rec archive.Record) {
		if err == nil {
			err = w.Write(rec)
		}
	}
	m := maker{random: rand.New(rand.NewPCG(1, 2)), filler: strings.Repeat("x", payloadBytes)}
	write(archive.Header{Version: archive.Version})
	write(archive.ModelStart{Model: model})
	for i := 0; i < resources && err == nil; i++ {
		meta, rev, merr := m.item(i)
		if err = errors.Join(err, merr); err == nil {
			write(archive.Meta{Meta: meta})
			write(archive.Revision{Revision: rev})
		}
	}
	write(archive.ModelEnd{Model: model})
	write(archive.EOF{})
	if err = errors.Join(err, w.Close(), buffered.Flush()); err != nil {
		return fmt.Errorf("make an archive: %w", err)
	}
	return nil
}

// maker makes resources.
type maker struct {
	random *rand.Rand
	filler string
}

// item makes the resource of a number.
func (m *maker) item(i int) (resource.Meta, resource.Revision, error) {
	indexed, err := resource.NewIndexed(map[string]any{"level": int64(i % 100), "name": fmt.Sprintf("item-%d", i), "team": fmt.Sprintf("team-%d", i%50)})
	if err != nil {
		return resource.Meta{}, resource.Revision{}, err
	}
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Millisecond)
	id := resource.ID(model + ":" + m.uuid().String())
	payload := fmt.Sprintf(`{"name":"item-%d","level":%d,"team":"team-%d","body":"%s`, i, i%100, i%50, m.uuid())
	payload += m.filler[:payloadBytes-len(payload)-2] + `"}`
	info := resource.RevisionInfo{
		UID: m.uuid(), ResourceID: id, RevisionID: id.Revision(1), DataHash: opt.Of(resource.DataHash([]byte(payload))), Status: resource.Stable,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "importer", UpdatedBy: "importer",
	}
	return resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1, CreatedTime: at, UpdatedTime: at,
		CreatedBy: "importer", UpdatedBy: "importer", IndexedData: opt.Of(indexed), Rev: resource.RevMetaOf(info),
	}, resource.Revision{Info: info, Data: []byte(payload)}, nil
}

func (m *maker) uuid() (id uuid.UUID) {
	binary.LittleEndian.PutUint64(id[:8], m.random.Uint64())
	binary.LittleEndian.PutUint64(id[8:], m.random.Uint64())
	return id
}
