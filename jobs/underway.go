package jobs

import (
	"sync"

	"github.com/google/uuid"
)

// underway are the chunks that this worker is doing. To see whether a chunk was the last
// one of its job takes a transaction and a look at all their rows: while others of the job
// are being done here it is left to them.
type underway struct {
	mu   sync.Mutex
	jobs map[uuid.UUID]*chunksHere
}

// chunksHere are those of one job.
type chunksHere struct {
	doing int
	// of is how many the job has, when one was done that nobody has looked behind yet;
	// else 0.
	of int
}

// begin notes that a chunk of a job is being done.
func (u *underway) begin(job uuid.UUID) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.jobs == nil {
		u.jobs = map[uuid.UUID]*chunksHere{}
	}
	if u.jobs[job] == nil {
		u.jobs[job] = &chunksHere{}
	}
	u.jobs[job].doing++
}

// done notes that one of the job's chunks, of so many, is done. It comes before end.
func (u *underway) done(job uuid.UUID, of int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.jobs[job].of = of
}

// end notes the end of what begin began, however it ended. It returns how many chunks the
// job has when it is for the caller to see whether all are done, else 0.
func (u *underway) end(job uuid.UUID) (of int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	here := u.jobs[job]
	if here.doing--; here.doing > 0 {
		return 0
	}
	delete(u.jobs, job)
	return here.of
}
