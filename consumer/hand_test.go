package consumer

import (
	"slices"
	"testing"
)

// handOf returns a hand with messages in it, and how many bytes it has given back.
func handOf(bodies ...string) (*hand, *int) {
	freed := new(int)
	h := newHand(func(n int) { *freed += n }, 3)
	for i, body := range bodies {
		h.put(newFakeMessage(uint64(i+1), body))
	}
	return h, freed
}

func bodies(ms []message) (all []string) {
	for _, m := range ms {
		all = append(all, string(m.Data()))
	}
	return all
}

// TestKeptMessagesComeBackInTheirOrder, whichever of two batches is the first to settle.
func TestKeptMessagesComeBackInTheirOrder(t *testing.T) {
	for _, laterFirst := range []bool{false, true} {
		h, freed := handOf("a", "b", "c", "d", "e")
		first, _ := h.take(2, 100)
		second, _ := h.take(2, 100)
		one, other := first, second
		if laterFirst {
			one, other = second, first
		}
		h.settle(one, one[1:])
		if ms, _ := h.take(5, 100); ms != nil {
			t.Fatalf("%v was taken before all had come back", bodies(ms))
		}
		if there, _, _ := h.load(); there != loadNone {
			t.Fatalf("there is %d to take before all have come back", there)
		}
		h.settle(other, other[1:])
		ms, _ := h.take(5, 100)
		if got := bodies(ms); !slices.Equal(got, []string{"b", "d", "e"}) {
			t.Errorf("later batch first %v: %v", laterFirst, got)
		}
		if h.settle(ms, nil); *freed != 5 || h.bytes != 0 || len(h.active) != 0 {
			t.Errorf("%d bytes were given back, %d wait, %d messages are active", *freed, h.bytes, len(h.active))
		}
	}
}

func TestABatchIsBoundedByBytes(t *testing.T) {
	h, _ := handOf("aaaa", "b", "cc", "d")
	var batches []string
	for {
		ms, _ := h.take(2, 3)
		if ms == nil {
			break
		}
		batches = append(batches, string(slices.Concat(ms[0].Data(), ms[len(ms)-1].Data())))
	}
	if want := []string{"aaaaaaaa", "bcc", "dd"}; !slices.Equal(batches, want) {
		t.Errorf("the first and last messages of batches are %v", batches)
	}
}

func TestWhatIsWorthABatchBesideAnother(t *testing.T) {
	for _, c := range []struct {
		bodies []string
		want   load
	}{
		{nil, loadNone},
		{[]string{"a", "b"}, loadSome},
		{[]string{"a", "b", "c"}, loadFull},
		{[]string{string(make([]byte, besideBytes))}, loadFull},
	} {
		h, _ := handOf(c.bodies...)
		if got, batches, _ := h.load(); got != c.want || batches != 0 {
			t.Errorf("%d messages of %d bytes: %d beside %d batches, want %d", len(c.bodies), h.bytes, got, batches, c.want)
		}
	}
}
