package main

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/jobfilter"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
)

// eventFilter are the flags that select events.
type eventFilter struct {
	types      []string
	model, job string
	since      string
	follow     bool
	limit      int
}

func (a *app) eventsCommand() *cobra.Command {
	var f eventFilter
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List what happened in the store, and what rules made of it",
		Long: `events lists the events of the last week, in their order: batches of saves that were
committed, the ends of other jobs, and which event and rule have led to a job. With
--follow it goes on until it is interrupted. See docs/events.md.`,
		Example: `  worker events --since 1h
  worker events --type load.* --type *.dead --follow -o ndjson
  worker events --job ID -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.events(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.types, "type", nil, "only events of `TYPE`: KIND.WHAT, where * stands for a word; repeat for more")
	flags.StringVar(&f.model, "model", "", "only events about model `M`")
	flags.StringVar(&f.job, "job", "", "only the events of job `ID` and of those that it has led to")
	flags.StringVar(&f.since, "since", "", "only what was told at `TIME` or later: RFC 3339, or a duration before now as 24h")
	flags.BoolVarP(&f.follow, "follow", "f", false, "wait for more")
	flags.IntVar(&f.limit, "limit", 0, "at most `N` events (0: all)")
	return cmd
}

// eventType is the form of --type.
var eventType = regexp.MustCompile(`^([a-z_-]+|\*)\.([a-z_-]+|\*)$`)

func (f *eventFilter) parse() (consumer.EventFilter, error) {
	out := consumer.EventFilter{Types: f.types, Follow: f.follow}
	for _, t := range f.types {
		if !eventType.MatchString(t) {
			return out, usage("--type %s: it is KIND.WHAT, where * stands for a word, as load.done or *.dead", t)
		}
	}
	if f.limit < 0 {
		return out, usage("--limit must not be negative")
	}
	var err error
	out.Since, err = jobfilter.Moment(jobfilter.Since, f.since)
	return out, wrongFlag(err)
}

func (a *app) events(ctx context.Context, f eventFilter) error {
	filter, err := f.parse()
	if err != nil {
		return err
	}
	shown := newEventList(a, f)
	err = a.withSession(ctx, sessionOptions{command: "events"}, func(ctx context.Context, s *session) error {
		for e, err := range s.events.Read(ctx, filter) {
			if err != nil {
				return err
			}
			if more, err := shown.add(e); err != nil || !more {
				return err
			}
		}
		return nil
	})
	return shown.close(err)
}

// eventList shows events, each once.
type eventList struct {
	app    *app
	filter eventFilter
	list   *render.List
	// seen are the ids of those that were shown; led are the jobs whose trail is followed,
	// by id and key.
	seen map[string]bool
	led  map[string]bool
}

func newEventList(a *app, f eventFilter) *eventList {
	l := &eventList{app: a, filter: f, seen: map[string]bool{}, led: map[string]bool{f.job: true}}
	if !f.follow {
		l.list = render.NewList(a.stdout, a.format, eventHeader...)
	}
	return l
}

// eventHeader are the columns of a table of events.
var eventHeader = []string{"TIME", "TYPE", "JOB", "MODELS", "COUNTS", "RULE", "CAUSE"}

// add shows an event, if it is to be shown, and reports whether there may be more.
func (l *eventList) add(e jobs.Event) (bool, error) {
	if l.seen[e.ID.String()] || !l.selects(&e) {
		return true, nil
	}
	l.seen[e.ID.String()] = true
	row := render.Row{ID: e.ID.String(), Value: e, Cells: eventCells(&e)}
	var err error
	switch {
	case l.list != nil:
		err = l.list.Add(row)
	case l.app.format == render.Table:
		_, err = fmt.Fprintln(l.app.stdout, render.Printable(strings.Join(row.Cells, "  ")))
	case l.app.format == render.IDs:
		_, err = fmt.Fprintln(l.app.stdout, row.ID)
	default:
		err = render.Document(l.app.stdout, render.NDJSON, e)
	}
	return l.filter.limit == 0 || len(l.seen) < l.filter.limit, err
}

// selects reports whether an event is to be shown.
func (l *eventList) selects(e *jobs.Event) bool {
	if _, about := e.Models[l.filter.model]; l.filter.model != "" && !about {
		return false
	}
	if l.filter.job == "" {
		return true
	}
	if !l.led[e.Job] && !l.led[e.Row.String()] && !l.led[e.Parent.String()] {
		return false
	}
	l.led[e.Job], l.led[e.Row.String()] = true, true
	delete(l.led, "")
	return true
}

// close ends the list, whatever ended the events.
func (l *eventList) close(err error) error {
	if l.list == nil {
		return err
	}
	if err != nil {
		return complete(l.list, err)
	}
	return l.list.Close()
}

// eventCells are the cells of an event in a table.
func eventCells(e *jobs.Event) []string {
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(e.Counts)) {
		if n := e.Counts[name]; n != 0 {
			counts = append(counts, fmt.Sprintf("%s=%d", name, n))
		}
	}
	rule, cause := "", ""
	if e.Cause != nil {
		rule, cause = e.Cause.Rule(), e.Cause.Event.String()
	}
	return []string{e.Time.Local().Format(time.DateTime), string(e.Type), e.Job, strings.Join(e.ModelNames(), ","), strings.Join(counts, " "), rule, cause}
}
