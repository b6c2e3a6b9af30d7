package main

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
)

const (
	// defaultPack is how many lines become one job unless --batch says otherwise.
	defaultPack = 500
	// packBytes bounds the message of a job of several lines, so that the queue holds it.
	// One line may have more.
	packBytes = jobs.ContentBytes
	// lineBytes is what an operation has in a message besides its line, at most.
	lineBytes = 64
)

// saveJob is one job with the lines that its operations come from, in their order.
type saveJob struct {
	lines    []int
	envelope jobs.Envelope
	// hash is that of the message, by which the ledger tells two jobs of one id apart.
	hash [sha256.Size]byte
	// named: a line gave the id, which another one may give, too.
	named bool
	// asked: lines that are forbidden were taken out.
	asked bool
}

// packer makes jobs of lines: of consecutive ones without an id one job, as long as
// limits allow, and of each with an id its own.
type packer struct {
	model, user string
	rulesOff    bool
	// most is how many lines go into one job.
	most int
	// whole makes one job of all lines, which take effect together.
	whole   bool
	options *jobOptions

	open []readLine
	size int
	room []byte // for a message
	jobs []*saveJob
	bad  []lineError
}

// add takes a line.
func (p *packer) add(l readLine) {
	if l.err != nil {
		p.bad = append(p.bad, *l.err)
		return
	}
	size := l.size + lineBytes
	if p.whole {
		p.open = append(p.open, l)
		return
	}
	if l.id != "" || len(p.open) >= p.most || p.size+size > packBytes {
		p.flush()
	}
	if p.open, p.size = append(p.open, l), p.size+size; l.id != "" {
		p.flush()
	}
}

// end makes jobs of what is left. Of lines that take effect together a bad one takes the
// others with it.
func (p *packer) end() error {
	if !p.whole {
		p.flush()
		return nil
	}
	lines := p.open
	p.open = nil
	if len(lines) > jobs.MaxOperations {
		return usage("--on-error fail: %d lines are more than the %d of one job", len(lines), jobs.MaxOperations)
	}
	for _, l := range lines[min(1, len(lines)):] {
		if l.id != "" {
			return usage("--on-error fail makes one job of all lines: line %d has an id, which only the first may have", l.number)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	j, err := p.job(lines)
	if err == nil && len(p.bad) == 0 {
		j.asked = true // whoever does the job asks, and refuses all or none
		p.jobs = append(p.jobs, j)
		return nil
	}
	why := "another line is not an operation"
	if err != nil {
		why = err.Error()
	}
	for _, l := range lines {
		p.bad = append(p.bad, lineError{l.number, string(manager.CodeNotDone), why})
	}
	slices.SortFunc(p.bad, func(a, b lineError) int { return cmp.Compare(a.Line, b.Line) })
	return nil
}

// flush makes a job of the open lines. A line that would spoil the message is bad.
func (p *packer) flush() {
	lines := p.open
	p.open, p.size = nil, 0
	if len(lines) == 0 {
		return
	}
	j, err := p.job(lines)
	if err != nil {
		good := make([]readLine, 0, len(lines))
		for _, l := range lines {
			if _, err := p.job([]readLine{l}); err != nil {
				p.bad = append(p.bad, lineError{l.number, string(manager.CodeInvalid), err.Error()})
				continue
			}
			good = append(good, l)
		}
		if len(good) == 0 {
			return
		}
		if j, err = p.job(good); err != nil { // too long together
			for _, l := range good {
				p.open = []readLine{l}
				p.flush()
			}
			return
		}
	}
	p.jobs = append(p.jobs, j)
}

// job makes a job of lines. Its operations have the user and the time of their lines,
// where those differ from the job's.
func (p *packer) job(lines []readLine) (*saveJob, error) {
	j := &saveJob{lines: make([]int, len(lines)), named: lines[0].id != ""}
	user, at := cmp.Or(lines[0].op.User, p.user), lines[0].op.Time
	ops := make([]manager.Operation, len(lines))
	for i, l := range lines {
		j.lines[i], ops[i] = l.number, l.op
		if !l.op.Time.Equal(at) {
			at = time.Time{}
		}
	}
	for i := range ops {
		if cmp.Or(ops[i].User, p.user) == user {
			ops[i].User = ""
		} else {
			ops[i].User = cmp.Or(ops[i].User, p.user)
		}
		if ops[i].Time.Equal(at) {
			ops[i].Time = time.Time{}
		}
	}
	e := jobs.NewSave(p.model, user, ops...)
	if p.whole {
		e.Args = jobs.Save{Operations: ops, OnError: jobs.OnErrorFail}
	}
	if p.options != nil {
		if err := p.options.apply(&e); err != nil {
			return j, err
		}
	}
	e.ID = cmp.Or(lines[0].id, e.ID)
	e.Time, e.RulesOff = at, p.rulesOff
	if len(lines) > 1 {
		e.Form = jobs.FormBinary
	}
	j.envelope = e
	var err error
	j.hash, p.room, err = e.Digest(p.room)
	return j, err
}
