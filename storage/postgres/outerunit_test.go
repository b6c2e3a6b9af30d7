package postgres

import (
	"context"
	"errors"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

// endingMedium ends something as soon as entries are made.
type endingMedium struct {
	*memoryMedium
	end func()
}

func (m *endingMedium) Model(name string) storage.ModelMedium {
	return endingModel{m.model(name), m}
}

type endingModel struct {
	*memoryModel
	medium *endingMedium
}

func (m endingModel) Claim(ctx context.Context, entries []storage.Entry) ([]string, error) {
	defer m.medium.end()
	return m.memoryModel.Claim(ctx, entries)
}

// TestAUnitThatIsCancelledAtItsEndTakesItsEntriesBack: its context ends when they are made.
func TestAUnitThatIsCancelledAtItsEndTakesItsEntriesBack(t *testing.T) {
	medium := &endingMedium{&memoryMedium{}, func() {}}
	f := openSwept(t, Config{Revisions: medium})
	m := medium.model("person")
	w, refs := sweptWrites(0, 3)
	ctx, cancel := context.WithCancel(t.Context())
	medium.end = cancel
	update := func(ctx context.Context) error {
		return f.Unit().Update(ctx, storage.Batch{Refs: refs}, func(storage.View) (storage.Writes, error) {
			return storage.Writes{Models: map[string]storage.ModelWrites{"person": w}}, nil
		})
	}
	if err := update(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the unit gave %v", err)
	}
	if entries, _ := m.size(); entries != 0 {
		t.Errorf("%d entries are left", entries)
	}
	if err := update(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantSize(t, m, 3, 6) // the contents of the first one are garbage
}

// TestTakeBackBehindTheLastStatement: nothing fails any more, but the context has ended
// before the commit.
func TestTakeBackBehindTheLastStatement(t *testing.T) {
	f := openSwept(t, Config{Revisions: &memoryMedium{}})
	for _, ends := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		taken := false
		err := f.write(ctx, "test", func(t *tx) error {
			t.takeBack = func() error { taken = true; return nil }
			if ends {
				cancel()
			}
			return nil
		})
		cancel()
		if taken != ends || errors.Is(err, context.Canceled) != ends {
			t.Errorf("the context ended: %v, taken back: %v, %v", ends, taken, err)
		}
	}
}
