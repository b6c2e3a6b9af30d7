package main

import (
	"errors"

	"go.uber.org/zap"

	"github.com/specstar-worker/worker/jobs"
)

// ruleSubmitter takes the jobs that rules want. For a worker that runs with --rules off
// there is none; of another command that says no more than for the jobs that it submits.
func (w *worker) ruleSubmitter() jobs.Submitter {
	s := w.session
	if s.options.kept != nil && s.app.global.rulesOff() {
		return nil
	}
	return countedSubmitter{s.unguarded, w.work}
}

// ruleActed logs and counts what a rule did.
func (w *worker) ruleActed(rule string, e *jobs.Event, job string, err error) {
	w.work.RuleActed(err)
	if errors.Is(err, jobs.ErrDebounced) {
		return
	}
	fields := []zap.Field{zap.String("rule", rule), zap.String("type", string(e.Type)), zap.Stringer("event", e.ID)}
	if err != nil {
		w.session.app.log.Warn("a rule could not submit its job", append(fields, zap.Error(err))...)
		return
	}
	w.session.app.log.Info("a rule submitted a job", append(fields, zap.String("job_id", job))...)
}
