package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// crashUnit is how many resources a unit of the writer that is killed has.
const crashUnit = 20

// acknowledged is what the writer prints in front of a unit's number.
const acknowledged = "acknowledged "

// WriteUntilKilled writes unit after unit to the store at a place, leaving out
// those that are there, and a line to w for each that the store acknowledged. It
// returns only with an error. It is what the process of [Options.Writer] does.
func WriteUntilKilled(ctx context.Context, open Open, place string, w io.Writer) error {
	f, err := open(ctx, place)
	if err != nil {
		return err
	}
	if err := f.SaveModel(ctx, storage.ModelInfo{Name: model, Encoding: resource.JSON}); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if err := crashingUnit(n).write(ctx, f); err != nil {
			return fmt.Errorf("write unit %d: %w", n, err)
		}
		if _, err := fmt.Fprintf(w, "%s%d\n", acknowledged, n); err != nil {
			return err
		}
	}
}

// crashingUnit is the number of a unit. Every third one is a load in two chunks.
type crashingUnit int

func (n crashingUnit) isLoad() bool { return n%3 == 2 }

func (n crashingUnit) job() storage.Job {
	return storage.Job{ID: uuid.NewSHA1(uuid.NameSpaceOID, fmt.Append(nil, "job ", int(n))), Kind: "save", State: storage.JobDone, Finished: noon}
}

func (n crashingUnit) ids() []resource.ID {
	ids := make([]resource.ID, crashUnit)
	for i := range ids {
		ids[i] = resource.ID(fmt.Sprintf("unit%05d:%03d", int(n), i))
	}
	return ids
}

// blob is the content of the blob that is put before the unit.
func (n crashingUnit) blob() string { return fmt.Sprintf("blob of unit %d", int(n)) }

func (n crashingUnit) write(ctx context.Context, f storage.Factory) error {
	if err := n.putBlob(ctx, f); err != nil {
		return err
	}
	if n.isLoad() {
		return n.load(ctx, f)
	}
	j := n.job()
	b := storage.Batch{Refs: refsTo(n.ids()...), Jobs: []uuid.UUID{j.ID}}
	return f.Unit().Update(ctx, b, func(v storage.View) (storage.Writes, error) {
		if v.Ended(j.ID) {
			return storage.Writes{}, nil
		}
		return storage.Writes{Models: writesOf(model, resources(n.ids()...)), Jobs: []storage.Job{j}}, nil
	})
}

func (n crashingUnit) putBlob(ctx context.Context, f storage.Factory) error {
	blobs, err := storage.BuildBlobStore(ctx, f)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = blobs.Put(ctx, strings.NewReader(n.blob()), storage.PutOptions{})
	return err
}

// load stages two chunks and publishes them. The claim of a writer that was
// killed has expired from the start.
func (n crashingUnit) load(ctx context.Context, f storage.Factory) error {
	j := n.job()
	_, c, err := f.Ledger().Claim(ctx, j, -time.Second)
	if errors.Is(err, storage.ErrFinal) {
		return nil
	}
	if err != nil {
		return err
	}
	no := 0
	for chunk := range slices.Chunk(n.ids(), crashUnit/2) {
		err := f.Unit().Stage(ctx, storage.Staged{
			Chunk: storage.ChunkRef{Claim: c, No: no}, Models: writesOf(model, resources(chunk...)), Outcome: []byte(`{}`),
		})
		if err != nil {
			return err
		}
		no++
	}
	return f.Unit().Publish(ctx, c, storage.Final{State: storage.JobDone})
}
