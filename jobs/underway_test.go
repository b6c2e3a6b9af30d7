package jobs

import (
	"testing"

	"github.com/google/uuid"
)

// TestUnderway: the last chunk of a job that ends here is looked behind when one of those
// beside it was done, whether it was itself or not.
func TestUnderway(t *testing.T) {
	var u underway
	one, other := uuid.New(), uuid.New()
	end := func(job uuid.UUID, want int) {
		t.Helper()
		if got := u.end(job); got != want {
			t.Errorf("the end of a chunk says %d, want %d", got, want)
		}
	}
	u.begin(one)
	end(one, 0) // it failed: nothing is done
	u.begin(one)
	u.begin(one)
	u.begin(other)
	u.done(one, 7)
	end(one, 0) // the other one looks
	end(one, 7) // though it failed
	u.done(other, 3)
	end(other, 3)
	u.begin(one)
	u.done(one, 7)
	end(one, 7)
	if len(u.jobs) != 0 {
		t.Errorf("%d jobs are remembered whose chunks have ended", len(u.jobs))
	}
}
