package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/internal/cli/render"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// defaultPreview is how many bytes of a job's message are shown.
const defaultPreview = 2048

// shownJob is one job with everything that is known of it.
type shownJob struct {
	jobs.Tree
	// Lives is how often the job was begun anew: by its submission and by each retry
	// that the audit trail knows.
	Lives int `json:"lives"`
	// Cause is the rule that submitted the job, and the event because of which it did.
	Cause   *jobs.Cause   `json:"cause,omitempty"`
	Death   *shownDeath   `json:"death,omitempty"`
	Payload *shownPayload `json:"payload,omitempty"`
	Audit   []auditView   `json:"audit,omitempty"`
	Subject string        `json:"subject,omitzero"`
	row     storage.Job
}

// shownDeath is why a job is dead, and where its letter is.
type shownDeath struct {
	jobs.Death
	Stream string `json:"stream"`
	Letter string `json:"letter"`
}

// shownPayload is the beginning of a job's message: as text, or when it is none in
// base64.
type shownPayload struct {
	Bytes     int    `json:"bytes"`
	Text      string `json:"text,omitzero"`
	Base64    string `json:"base64,omitzero"`
	Truncated bool   `json:"truncated,omitzero"`
}

func (a *app) jobsShowCommand() *cobra.Command {
	preview := defaultPreview
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one job: how far it is, its error, its message, what was done to it",
		Long: `show prints a job with its error, the beginning of its message and the entries of
the audit trail; of a running one its stage, how fast it is and which workers do it,
of any the jobs that it caused; of a dead job also the class of its last error, the SQLSTATE or the
byte where the trouble is, and where its dead letter is. Nothing in a message can
move the cursor of a terminal.`,
		Example: `  worker jobs show 0193e1f0-7c8e-7a53-9d1c-3c8f2f5f7f10 -o json
  worker jobs show ID --payload 0`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if preview < 0 {
				return usage("--payload must not be negative")
			}
			return a.showJob(cmd.Context(), args[0], preview)
		},
	}
	cmd.Flags().IntVar(&preview, "payload", preview, "show at most `N` bytes of the job's message")
	return cmd
}

func (a *app) showJob(ctx context.Context, id string, preview int) (err error) {
	s, err := a.openReader(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	j, err := a.findJob(ctx, s, id)
	if err != nil {
		return err
	}
	v, err := showOf(ctx, s.Ledger(), j, preview)
	if err != nil {
		return err
	}
	if a.format != render.Table {
		return a.printShown(v)
	}
	if err := a.printJob(v.Tree); err != nil {
		return err
	}
	_, err = fmt.Fprint(a.stdout, v.text())
	return err
}

func (a *app) printShown(v shownJob) error {
	if a.format == render.IDs {
		_, err := fmt.Fprintln(a.stdout, v.JobID)
		return err
	}
	return render.Document(a.stdout, a.format, v)
}

func showOf(ctx context.Context, l storage.Ledger, j storage.Job, preview int) (shownJob, error) {
	tree, err := jobs.TreeOf(ctx, l, j, time.Now())
	v := shownJob{Tree: tree, Lives: 1, Cause: jobs.CauseOf(j), Subject: j.Subject, Payload: payloadOf(j.Envelope, preview), row: j}
	if err != nil {
		return v, err
	}
	for e, err := range l.Audits(ctx, storage.AuditFilter{Job: j.ID}) {
		if err != nil {
			return v, fmt.Errorf("read the audit trail of job %s: %w", v.JobID, err)
		}
		v.Audit = append(v.Audit, viewOfAudit(e))
		if e.Verb == storage.VerbRetry && e.Code == "" {
			v.Lives++
		}
	}
	if j.State == storage.JobDead {
		letter := jobs.LetterOf(j)
		q := consumer.QueueConfig{Namespace: namespaceOf(j.Subject)}
		v.Death = &shownDeath{Death: letter.Death, Stream: q.DeadName(), Letter: q.LetterSubject(letter)}
	}
	return v, nil
}

// namespaceOf is the part of a job's subject that is the queue's: specstar.NS.jobs.LANE.KIND.
func namespaceOf(subject string) string {
	parts := strings.Split(subject, ".")
	if len(parts) < 2 {
		return defaultNamespace
	}
	return parts[1]
}

func payloadOf(envelope []byte, most int) *shownPayload {
	if len(envelope) == 0 {
		return nil
	}
	p := &shownPayload{Bytes: len(envelope), Truncated: len(envelope) > most}
	if p.Truncated {
		envelope = envelope[:most]
	}
	text := envelope
	for n := 0; p.Truncated && n < utf8.UTFMax && !utf8.Valid(text) && len(text) > 0; n++ {
		text = text[:len(text)-1] // a character that was cut
	}
	if utf8.Valid(text) {
		p.Text = string(text)
	} else {
		p.Base64 = base64.StdEncoding.EncodeToString(envelope)
	}
	return p
}

// text is what is shown below the line of the job.
func (v shownJob) text() string {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, render.Printable(value))
		}
	}
	b.WriteByte('\n')
	line("lives", fmt.Sprint(v.Lives))
	if c := v.Cause; c != nil {
		line("rule", strings.Join(c.Rules, ", then "))
		line("event", string(c.Type)+" "+c.Event.String())
	}
	line("started", shownTime(v.Started))
	line("finished", shownTime(v.Finished))
	line("stage", string(v.Progress.Stage))
	line("pace", pace(v.Progress))
	for _, w := range v.Progress.Workers {
		line("worker", fmt.Sprintf("%s: %d chunks, %d %s in the last 10 s", w.Worker, w.Chunks, w.Units, units(v.Kind)))
	}
	if t := v.Together; t != nil {
		line("together", fmt.Sprintf("%d of %d jobs ended, %d/%d", t.Ended, t.Jobs, t.Done, t.Total))
	}
	if d := v.Death; d != nil {
		line("class", d.Class)
		line("sqlstate", d.SQLState)
		if d.Offset != nil {
			line("byte", fmt.Sprint(*d.Offset))
		}
		line("worker", d.Worker)
		line("stream", d.Stream)
		line("letter", d.Letter)
	}
	for _, e := range v.Audit {
		line(e.Verb, strings.TrimSpace(fmt.Sprintf("%s by %s (%s) %s", shownTime(e.At), e.By, e.Via, e.Code)))
	}
	if p := v.Payload; p != nil {
		more := ""
		if p.Truncated {
			more = ", of which this is the beginning"
		}
		fmt.Fprintf(&b, "\nmessage of %d bytes%s:\n", p.Bytes, more)
		switch {
		case p.Base64 != "":
			fmt.Fprintf(&b, "%s (base64)\n", p.Base64)
		case p.Text != "":
			fmt.Fprintf(&b, "%s\n", render.Printable(p.Text))
		}
	}
	return b.String()
}

func shownTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return stamp(t)
}
