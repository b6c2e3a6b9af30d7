package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
)

// cutShown is how many of the jobs that were cut short an error names.
const cutShown = 3

// stop ends consuming. After a signal a command hands its jobs back at once; run
// lets them finish within the grace, unless a second signal comes. When they did not, it
// says so by an error.
func (w *worker) stop(ctx context.Context) error {
	w.draining.Store(true)
	w.handles.Stop()
	if ctx.Err() != nil && !w.session.options.exclusive {
		w.handles.Abort(errInterrupted)
	}
	base := context.WithoutCancel(ctx)
	second, ignore := signal.NotifyContext(base, os.Interrupt, syscall.SIGTERM)
	defer ignore()
	grace := w.session.options.grace
	patient, cancel := context.WithTimeout(second, grace)
	defer cancel()
	err := w.handles.Join(patient)
	late := patient.Err() != nil
	if late {
		w.session.app.log.Warn("cancelling running jobs; they continue in the next worker", zap.Bool("second_signal", second.Err() != nil))
		w.handles.Abort(errInterrupted)
		err = w.handles.Join(base)
	}
	w.cancel()
	w.background.Wait()
	switch {
	case second.Err() != nil && err != nil:
		return w.cutShort("a second signal came")
	case late && errors.Is(err, errInterrupted):
		return w.cutShort(fmt.Sprintf("the grace of %s was over", grace))
	case errors.Is(err, errInterrupted), errors.Is(err, nats.ErrConnectionClosed):
		return nil
	}
	return err
}

// cutShort says that jobs were not let finish, and which were handed back.
func (w *worker) cutShort(why string) error {
	return &failure{
		Exit: exitError, Code: codeInterrupted,
		Message: why + " before all jobs had finished; they continue in the next worker" + handedBack(w.executor.handedBack()),
	}
}

// handedBack names the first jobs of those that were handed back, by kind and id.
func handedBack(jobs []string) string {
	switch more := len(jobs) - cutShown; {
	case len(jobs) == 0:
		return ""
	case more > 0:
		return fmt.Sprintf(": %s and %d more", strings.Join(jobs[:cutShown], ", "), more)
	}
	return ": " + strings.Join(jobs, ", ")
}
