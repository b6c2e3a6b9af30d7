package main

import (
	"context"
	"io"

	"github.com/specstar-worker/worker/jobs"
)

// load is a load on its way to a queue.
type load struct {
	app      *app
	carrier  carrier
	flags    *loadFlags
	options  *jobOptions
	job      string
	rulesOff bool
	// envelope is the job, once the archive is known.
	envelope *jobs.Envelope
}

// newLoad returns the load of the archive that a command names; stdin is what "-" means.
func (a *app) newLoad(name string, stdin io.Reader, f *loadFlags, o *jobOptions) *load {
	return &load{
		app: a, carrier: a.carrierOf(name, stdin, o.uniqueKey == ""), flags: f, options: o, job: jobs.NewID(), rulesOff: a.global.rulesOff(),
	}
}

// submit puts the archive where workers read it and submits the job, again when it was
// submitted to an owner that went away: the job's id stays the same, so it is done once.
func (l *load) submit(ctx context.Context, s *session) (jobs.Receipt, error) {
	source, err := l.carrier.put(ctx, s, l.job)
	if err != nil {
		return jobs.Receipt{}, err
	}
	if row, err := s.store.Ledger().Get(ctx, jobs.ID(s.store.ID(), l.job)); err == nil {
		// A former owner recorded the job; whoever consumes finds the row.
		return jobs.Receipt{ID: row.ID, Text: row.Text, Duplicate: true}, nil
	}
	if l.envelope == nil {
		e, err := l.newEnvelope(source)
		if err != nil {
			return jobs.Receipt{}, err
		}
		l.envelope = &e
	}
	return l.submitUnique(ctx, s)
}

// newEnvelope returns the job of the archive that was put.
func (l *load) newEnvelope(args jobs.Load) (jobs.Envelope, error) {
	args.OnDuplicate, args.Models, args.Allow = l.flags.onDuplicate, l.flags.models, l.flags.allow
	e := jobs.NewLoad(l.app.global.rights.userName(), args)
	if err := l.options.apply(&e); err != nil {
		return e, err
	}
	e.ID, e.RulesOff = l.job, l.rulesOff
	if l.options.uniqueKey == "" {
		key, err := l.uniqueKey(args)
		if err != nil {
			return e, err
		}
		e.Unique = key
	}
	return e, nil
}

// forget removes the upload of a load that has ended.
func (l *load) forget(ctx context.Context, s *session) error { return l.carrier.remove(ctx, s, l.job) }
