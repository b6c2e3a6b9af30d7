package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/internal/cli/settings"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

// demoReport is what a tour did and what is in the store after it.
type demoReport struct {
	Resources int64 `json:"resources"`
	Revisions int64 `json:"revisions"`
	// Jobs counts the jobs of the tour by state, those done by a former tour too.
	Jobs struct {
		Done    int64 `json:"done"`
		Refused int64 `json:"refused"`
		Dead    int64 `json:"dead"`
	} `json:"jobs"`
	Seconds     float64 `json:"seconds"`
	Loaded      int64   `json:"loaded"`
	Skipped     int64   `json:"skipped"`
	AlreadyDone int64   `json:"already_done"`
	Backfilled  int64   `json:"backfilled"`

	steps  []*demoStep
	models []modelRow
}

// demoStep is one kind of jobs of the tour.
type demoStep struct {
	report *demoReport
	kind   string
	began  time.Time
	took   time.Duration
	items  int64
	unit   string
	remark string
	states map[storage.JobState]int64
}

// step begins to record one kind of jobs.
func (r *demoReport) step(kind string, began time.Time) *demoStep {
	s := &demoStep{report: r, kind: kind, began: began, took: time.Since(began), states: map[storage.JobState]int64{}}
	r.steps = append(r.steps, s)
	return s
}

// jobs records that a job has ended.
func (s *demoStep) jobs(row storage.Job) {
	s.states[row.State]++
	switch row.State {
	case storage.JobDone:
		s.report.Jobs.Done++
	case storage.JobRefused:
		s.report.Jobs.Refused++
	default:
		s.report.Jobs.Dead++
	}
}

// rate renders how many items a second were dealt with.
func (s *demoStep) rate() string {
	if s.items == 0 || s.took <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %s/s", float64(s.items)/s.took.Seconds(), s.unit)
}

// count looks at what is in the store.
func (d *demo) count(ctx context.Context) error {
	rows, err := d.app.countModels(ctx)
	if err != nil {
		return err
	}
	d.report.models = rows
	for _, r := range rows {
		d.report.Resources += r.Metas
		d.report.Revisions += r.Revisions
	}
	return nil
}

func (a *app) countModels(ctx context.Context) (rows []modelRow, err error) {
	err = a.view(ctx, func(s *store, snap *manager.Snapshot) (err error) {
		rows, err = a.modelRows(ctx, s, snap)
		return err
	})
	return rows, err
}

// print writes the summary, and for people the queries to try next.
func (d *demo) print(ctx context.Context) error {
	a := d.app
	if a.format != render.Table {
		return render.Document(a.stdout, a.format, d.report)
	}
	if err := d.printSummary(); err != nil {
		return err
	}
	if err := d.printQueries(ctx); err != nil {
		return err
	}
	return d.printNext()
}

func (d *demo) printSummary() error {
	a, r := d.app, &d.report
	fmt.Fprintf(a.stdout, "\nDone in %.1f s.\n\n", r.Seconds)
	list := render.NewList(a.stdout, render.Table, "JOBS", "DONE", "REFUSED", "DEAD", "DID", "RATE")
	for _, s := range r.steps {
		if err := list.Add(render.Row{Cells: []string{
			s.kind, number(s.states[storage.JobDone]), number(s.states[storage.JobRefused]), number(s.states[storage.JobDead]),
			number(s.items) + " " + s.unit, s.rate(),
		}}); err != nil {
			return err
		}
	}
	if err := list.Close(); err != nil {
		return err
	}
	for _, s := range r.steps {
		if s.remark != "" {
			fmt.Fprintf(a.stdout, "  %s: %s\n", s.kind, s.remark)
		}
	}
	fmt.Fprintln(a.stdout)
	models := render.NewList(a.stdout, render.Table, "MODEL", "RESOURCES", "REVISIONS", "WITHOUT REV_*")
	for _, m := range append(r.models, modelRow{Name: "all", Metas: r.Resources, Revisions: r.Revisions}) {
		if err := models.Add(render.Row{Cells: []string{m.Name, number(m.Metas), number(m.Revisions), number(m.UnsetRev)}}); err != nil {
			return err
		}
	}
	return models.Close()
}

// printQueries shows example queries and what they answer.
func (d *demo) printQueries(ctx context.Context) error {
	a := d.app
	const model, id = "go-symbol", "go-symbol:testing.B.StopTimer"
	drafts := filter{
		condition: condition{where: `rev_status = 'draft' and rev_updated_by = 'alice'`}, sort: []string{"-rev_created_time"}, limit: 3,
	}
	since := filter{condition: condition{query: `{"rev_updated_time_start":"2026-03-02T09:39:50Z"}`}, sort: []string{"-rev_created_time"}, limit: 3}
	byPackage := filter{condition: condition{where: `data.package = 'net/http'`}}
	for _, q := range []struct {
		command string
		run     func() error
	}{
		{"search " + model + drafts.commandLine(), func() error { return a.search(ctx, model, &drafts) }},
		{"search " + model + since.commandLine(), func() error { return a.search(ctx, model, &since) }},
		{"count " + model + byPackage.commandLine(), func() error { return a.count(ctx, model, &byPackage, "") }},
		{"revisions " + model + " " + id, func() error { return a.revisions(ctx, model, id) }},
		{"get go-release go-release:go1.26", func() error { return a.get(ctx, "go-release", resource.ID("go-release:go1.26"), "") }},
	} {
		if _, err := fmt.Fprintf(a.stdout, "\n$ %s %s%s\n", program(), q.command, a.storeFlags()); err != nil {
			return err
		}
		if err := q.run(); err != nil {
			return err
		}
	}
	return nil
}

// commandLine renders the filter as flags for a shell.
func (f *filter) commandLine() string {
	var b strings.Builder
	if f.query != "" {
		fmt.Fprintf(&b, " --query '%s'", f.query)
	}
	if f.where != "" {
		fmt.Fprintf(&b, ` --where "%s"`, f.where)
	}
	for _, s := range f.sort {
		fmt.Fprintf(&b, " --sort %s", s)
	}
	if f.limit > 0 {
		fmt.Fprintf(&b, " --limit %d", f.limit)
	}
	return b.String()
}

// storeFlags is what a command line needs to find the store of this one. What the
// environment says it will say again. A password is not shown.
func (a *app) storeFlags() string {
	var b strings.Builder
	for _, f := range []struct{ name, value string }{
		{"store", a.global.storeName()},
		{"objects", settings.Mask(a.global.objects)},
		{"revisions", a.global.revisions},
		{"table-prefix", a.global.tablePrefix},
	} {
		if a.origins[f.name] != settings.FromFlag {
			continue
		}
		if strings.ContainsAny(f.value, " \t\"$&*;<>?`|") {
			f.value = "'" + f.value + "'"
		}
		b.WriteString(" --" + f.name + " " + f.value)
	}
	return b.String()
}

func (d *demo) printNext() error {
	a := d.app
	where := "in memory, and gone when this ends"
	place, err := a.global.place()
	switch {
	case err != nil || place.Kind == preset.InMemory:
	case place.Dir == "":
		where = "in " + a.global.storeName()
	default:
		if where, err = filepath.Abs(place.Dir); err != nil {
			where = place.Dir
		}
	}
	_, err = fmt.Fprintf(a.stdout, `
The data is %s.
What to type next:
  %[3]s jobs list --limit 10%[2]s
  %[3]s dump --out backup.acbak%[2]s
  %[3]s verify%[2]s
  %[3]s load backup.acbak --store sqlite:./copy
  %[3]s run%[2]s
  %[3]s help
`, where, a.storeFlags(), program())
	return err
}
