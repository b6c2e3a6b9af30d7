package sim

import (
	"slices"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

// line is the saves that a process has begun and that have not ended, in the order in
// which it began them first.
type line struct {
	saves  []inLine
	opened int // batches
}

// inLine is a save in a line.
type inLine struct {
	sequence uint64
	lane     string
	job      Job
	batch    int // that has it; 0 while it waits for the store
}

// open adds the saves of a batch, whose number it returns. What waited for the store has
// its place.
func (l *line) open(ds []jobs.Delivery, saves map[string]Job) int {
	l.opened++
	for _, d := range ds {
		waits := func(s inLine) bool { return s.sequence == d.Sequence && s.batch == 0 }
		if i := slices.IndexFunc(l.saves, waits); i >= 0 {
			l.saves[i].batch = l.opened
		} else if j, is := saves[d.MessageID]; is {
			l.saves = append(l.saves, inLine{d.Sequence, d.Subject, j, l.opened})
		}
	}
	return l.opened
}

// end removes the saves of a batch, but for those that wait for the store.
func (l *line) end(batch int, waits map[uint64]bool) {
	l.saves = slices.DeleteFunc(l.saves, func(s inLine) bool { return s.batch == batch && !waits[s.sequence] })
	for i, s := range l.saves {
		if s.batch == batch {
			l.saves[i].batch = 0
		}
	}
}

// leave removes a save that waited for the store and was handed back.
func (l *line) leave(sequence uint64) {
	l.saves = slices.DeleteFunc(l.saves, func(s inLine) bool { return s.sequence == sequence && s.batch == 0 })
}

// overtaken returns a save that comes before a job's and is in another batch, or waits.
func (l *line) overtaken(job string) (Job, bool) {
	at := slices.IndexFunc(l.saves, func(s inLine) bool { return s.job.ID == job && s.batch > 0 })
	if at < 0 {
		return Job{}, false
	}
	mine := l.saves[at]
	for _, s := range l.saves[:at] {
		if s.lane == mine.lane && s.job.Resource == mine.job.Resource && s.batch != mine.batch {
			return s.job, true
		}
	}
	return Job{}, false
}

// mustBeNext checks that saves which are about to be written overtake none that the
// process has begun before.
func (x *watched) mustBeNext(js []manager.SaveJob) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, j := range js {
		if earlier, found := x.line.overtaken(j.Row.Text); found {
			x.life.world.violated("%s: save %s overtakes %s in %s", x.life.name, j.Row.Text, earlier.ID, earlier.Resource)
		}
	}
}

// savesOf returns the saves of the deliveries that write a resource, by message.
func (w *world) savesOf(ds []jobs.Delivery) map[string]Job {
	w.mu.Lock()
	defer w.mu.Unlock()
	saves := make(map[string]Job)
	for _, d := range ds {
		id := d.MessageID
		if d.Job != "" {
			id = d.Job
		}
		if j, known := w.jobs[id]; known && !j.Long && j.Form != Refused {
			saves[d.MessageID] = j
		}
	}
	return saves
}
