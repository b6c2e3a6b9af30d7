package outer

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// keyMedium holds where keys lead; what else there is of a medium is not called.
type keyMedium struct {
	storage.ModelMedium
	leads map[resource.RevisionKey]string
	// claiming runs before a claim is made; its error ends the claim half done.
	claiming func(ctx context.Context) error
}

func (m *keyMedium) Claim(ctx context.Context, entries []storage.Entry) ([]string, error) {
	owners := make([]string, len(entries))
	for i, e := range entries {
		err := m.claiming(ctx)
		if _, taken := m.leads[e.Key]; !taken {
			m.leads[e.Key] = e.UID
		}
		if err != nil {
			return owners, err
		}
		owners[i] = m.leads[e.Key]
	}
	return owners, nil
}

func (m *keyMedium) Lookup(_ context.Context, keys []resource.RevisionKey) ([]string, error) {
	uids := make([]string, len(keys))
	for i, k := range keys {
		uids[i] = m.leads[k]
	}
	return uids, nil
}

func (m *keyMedium) RemoveEntries(_ context.Context, keys []resource.RevisionKey) error {
	for _, k := range keys {
		delete(m.leads, k)
	}
	return nil
}

func writerOf(m *keyMedium, revisions ...string) *Writer {
	w := NewWriter(Config{Medium: m, Model: "note"})
	for _, r := range revisions {
		w.claims = append(w.claims, storage.Entry{Key: keyOf(r), UID: "uid of " + r})
	}
	return w
}

func keyOf(r string) resource.RevisionKey {
	return resource.RevisionKey{Resource: "a", Revision: resource.RevisionID(r)}
}

// A claim of which nobody knows whether it came to pass is taken back with the
// others; one of somebody else is left.
func TestTakeBackCoversClaimsOfUnknownOutcome(t *testing.T) {
	cut := errors.New("the connection was cut")
	for _, stopAt := range []int{1, 2, 3} {
		n := 0
		m := &keyMedium{leads: map[resource.RevisionKey]string{keyOf("a:2"): "uid of another"}}
		m.claiming = func(context.Context) error {
			if n++; n == stopAt {
				return cut
			}
			return nil
		}
		w := writerOf(m, "a:1", "a:2", "a:3")
		if err := w.Claim(t.Context()); !errors.Is(err, cut) {
			t.Fatalf("claim: %v, not that the connection was cut", err)
		}
		if err := w.TakeBack(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(m.leads) != 1 || m.leads[keyOf("a:2")] != "uid of another" {
			t.Errorf("cut at claim %d, what is left is %v, not the key of another alone", stopAt, m.leads)
		}
	}
}

// A caller that goes away while a claim is made does not cut it.
func TestClaimOutlastsItsCaller(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := &keyMedium{leads: map[resource.RevisionKey]string{}}
	m.claiming = func(claim context.Context) error {
		cancel()
		return claim.Err()
	}
	w := writerOf(m, "a:1", "a:2")
	if err := w.Claim(ctx); err != nil {
		t.Fatalf("claim: %v", err)
	}
	if !slices.Equal(w.claimed, w.claims) {
		t.Errorf("claimed %v of %v", w.claimed, w.claims)
	}
	if err := writerOf(m, "a:3").Claim(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a claim that begins after its caller went away: %v", err)
	}
}
