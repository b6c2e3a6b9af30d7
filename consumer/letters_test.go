package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/specstar-worker/worker/consumer"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

func (w *world) operator() jobs.Operator {
	return jobs.Operator{Ledger: w.factory.Ledger(), Publisher: w.sender, Letters: w.box(), By: "alice", Via: "test"}
}

func (w *world) box() *consumer.Letters { return consumer.NewLetters(w.js(w.nc), w.queue) }

func (w *world) keeper() *jobs.LetterKeeper {
	return &jobs.LetterKeeper{Store: w.factory.ID(), Ledger: w.factory.Ledger(), Letters: w.box(), Queue: w.sender.Queue()}
}

// compared returns what is wrong when dead rows and letters are not one to one: each
// letter must be that of the row's present life, with its message, code and attempts.
func (w *world) compared() error {
	dead := map[string]storage.Job{}
	for row, err := range w.factory.Ledger().List(w.t.Context(), storage.JobFilter{States: []storage.JobState{storage.JobDead}}) {
		if err != nil {
			return err
		}
		dead[row.Text] = row
	}
	for _, m := range w.letters() {
		text := m.Header.Get("Specstar-Job")
		row, there := dead[text]
		if !there {
			return fmt.Errorf("a letter of %s, which has no dead row or a letter already", text)
		}
		delete(dead, text)
		if err := w.compareLetter(m, row); err != nil {
			return fmt.Errorf("letter of %s: %w", text, err)
		}
	}
	for text := range dead {
		return fmt.Errorf("the dead job %s has no letter", text)
	}
	return nil
}

func (w *world) compareLetter(m *jetstream.RawStreamMsg, row storage.Job) error {
	kind := row.Kind
	if kind == "" {
		kind = "other"
	}
	subject := fmt.Sprintf("specstar.test.dead.%s.%s.%d", kind, row.ID, row.Finished.UnixMicro())
	died, err := time.Parse(time.RFC3339Nano, m.Header.Get("Specstar-Last-Time"))
	switch {
	case m.Subject != subject:
		return fmt.Errorf("it is on %s instead of %s", m.Subject, subject)
	case err != nil || !died.Equal(row.Finished):
		return fmt.Errorf("of a job that died %s instead of %s", died, row.Finished)
	case string(m.Data) != string(row.Envelope) || len(m.Data) == 0:
		return fmt.Errorf("body %q instead of %q", m.Data, row.Envelope)
	case m.Header.Get("Specstar-Attempts") != fmt.Sprint(row.Attempt):
		return fmt.Errorf("attempts %s instead of %d", m.Header.Get("Specstar-Attempts"), row.Attempt)
	case m.Header.Get("Specstar-Error-Code") != row.ErrorCode:
		return fmt.Errorf("code %s instead of %s", m.Header.Get("Specstar-Error-Code"), row.ErrorCode)
	}
	return matchesSchema(m.Header)
}

// matchesSchema checks the headers of a letter against their published schema.
func matchesSchema(h nats.Header) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(consumer.LetterSchema()))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("letter", doc); err != nil {
		return err
	}
	s, err := c.Compile("letter")
	if err != nil {
		return err
	}
	flat := map[string]any{}
	for name := range h {
		flat[name] = h.Get(name)
	}
	b, err := json.Marshal(flat)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	return errors.Join(err, s.Validate(v))
}

func (w *world) oneToOne() {
	w.t.Helper()
	if err := w.compared(); err != nil {
		w.t.Fatal(err)
	}
}

// mended lets a keeper make its passes until there is nothing to mend.
func (w *world) mended(k *jobs.LetterKeeper) (all jobs.Mended) {
	w.t.Helper()
	for range 3 {
		m, err := k.Pass(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if m == (jobs.Mended{}) {
			w.oneToOne()
			return all
		}
		all = jobs.Mended{Published: all.Published + m.Published, Discarded: all.Discarded + m.Discarded, Adopted: all.Adopted + m.Adopted}
	}
	w.t.Fatal("three passes, and there is still something to mend")
	return all
}

// deadly makes saves of a resource fail until cured.
func (w *world) deadly(id string) (cured *atomic.Bool) {
	cured = new(atomic.Bool)
	w.withSaver(&faultySaver{poison: id, fault: func() error {
		if cured.Load() {
			return nil
		}
		return errors.New("no room at postgres://worker:hunter2@db/x: password=hunter2")
	}})
	return cured
}

func TestEachDeathHasItsOwnLetter(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		cured := w.deadly("p1")
		w.start()
		r := w.send(w.create("p1"))
		var lives []jobs.Life
		for range 3 {
			row := w.wait(storage.JobDead, r...)[0]
			w.until("its letter is there", w.compared)
			lives = append(lives, jobs.LifeOf(row))
			if _, err := w.operator().Retry(t.Context(), row.ID); err != nil {
				t.Fatal(err)
			}
			cured.Store(len(lives) == 3)
			if len(lives) < 3 {
				w.until("it has died again", func() error {
					row, err := w.factory.Ledger().Get(t.Context(), r[0].ID)
					if err == nil && (row.State != storage.JobDead || jobs.LifeOf(row) == lives[len(lives)-1]) {
						err = errors.New("not yet")
					}
					return err
				})
			}
		}
		w.wait(storage.JobDone, r...)
		w.drained(jobs.LaneNormal, jobs.KindSave)
		w.until("no letter is left", w.compared)
		if lives[0] == lives[1] || lives[1] == lives[2] || w.revisions("p1") != 1 {
			t.Fatalf("lives %v, %d revisions", lives, w.revisions("p1"))
		}
	})
}

func TestALetterTellsWhy(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.deadly("p1")
		w.start()
		save := w.create("p1")
		body, err := save.Encode()
		if err != nil {
			t.Fatal(err)
		}
		msg := &nats.Msg{Subject: jobs.Subject("test", jobs.LaneNormal, jobs.KindSave), Data: body, Header: nats.Header{
			"Trace": {"abc"}, "Authorization": {"Bearer abcdefghijklmnop"},
		}}
		if _, err := w.js(w.nc).PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
		w.wait(storage.JobDead, jobs.Receipt{ID: jobs.ID(w.factory.ID(), save.ID), Text: save.ID})
		w.until("its letter is there", w.compared)
		h := w.letters()[0].Header
		for name, want := range map[string]string{
			"Specstar-Error-Class": "transient", "Specstar-Error-Code": "failed", "Specstar-Worker": "v1.2.3-test", "Specstar-Header-Trace": "abc",
			"Specstar-Error":                "no room at postgres://***@db/x: password=***",
			"Specstar-Header-Authorization": "Bearer ***",
			"Specstar-Subject":              msg.Subject, "Specstar-Model": "person", "Specstar-User": "tester",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

// TestMessagesThatAreNoJobsHaveRows: whatever is published, it ends as a row and a
// letter that can be tried again and dropped.
func TestMessagesThatAreNoJobsHaveRows(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.start()
		good := `{"schema":1,"kind":"save","model":"person","args":{"op":"create","data":{"a":1}}}`
		subject := jobs.Subject("test", jobs.LaneNormal, jobs.KindSave)
		odd := []struct{ id, body string }{
			{"", "\x00\xff"},
			{"", `{"schema":1,"kind":"save","model":"per\u0000son","args":{"op":"dance"}}`},
			{"bad\xffid", good},
			{strings.Repeat("x", 300), good},
			{"misfit", `{"schema":1,"kind":"load","args":{"source":"upload:x"}}`},
			{"empty", " "},
		}
		for _, o := range odd {
			msg := &nats.Msg{Subject: subject, Data: []byte(o.body), Header: nats.Header{}}
			if o.id != "" {
				msg.Header.Set(jetstream.MsgIDHeader, o.id)
			}
			if _, err := w.js(w.nc).PublishMsg(t.Context(), msg); err != nil {
				t.Fatal(err)
			}
		}
		w.drained(jobs.LaneNormal, jobs.KindSave)
		w.oneToOne()
		if n := len(w.letters()); n != len(odd) {
			t.Fatalf("%d letters of %d messages", n, len(odd))
		}
		w.retryAll()
		w.drained(jobs.LaneNormal, jobs.KindSave)
		w.until("all have ended", w.compared)
		counts, err := w.factory.Ledger().Count(t.Context())
		if err != nil || counts[storage.JobDone] != 2 || counts[storage.JobDead] != int64(len(odd)-2) || counts[storage.JobQueued] != 0 {
			t.Fatalf("after all were tried again, those with an id that cannot be used under another: %v, %v", counts, err)
		}
	})
}

// retryAll has every dead job tried again.
func (w *world) retryAll() {
	w.t.Helper()
	for row, err := range w.factory.Ledger().List(w.t.Context(), storage.JobFilter{States: []storage.JobState{storage.JobDead}}) {
		if err == nil {
			_, err = w.operator().Retry(w.t.Context(), row.ID)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

func TestLettersAreMadeAnewWhenTheirStreamIsLost(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.deadly("p1")
		w.start()
		w.wait(storage.JobDead, w.send(w.create("p1"))...)
		w.until("its letter is there", w.compared)
		k := w.keeper()
		if m := w.mended(k); m != (jobs.Mended{}) {
			t.Fatalf("nothing was wrong: %+v", m)
		}
		if err := w.js(w.nc).DeleteStream(t.Context(), w.queue.DeadName()); err != nil {
			t.Fatal(err)
		}
		if err := consumer.EnsureStreams(t.Context(), w.js(w.nc), w.queue); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(k); m != (jobs.Mended{Published: 1}) {
			t.Fatalf("mended %+v", m)
		}
		if err := w.box().DiscardAll(t.Context(), w.deadIDs()[0]); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(k); m != (jobs.Mended{Published: 1}) {
			t.Fatalf("mended %+v after the letter was purged", m)
		}
	})
}

func (w *world) deadIDs() (ids []uuid.UUID) {
	w.t.Helper()
	for row, err := range w.factory.Ledger().List(w.t.Context(), storage.JobFilter{States: []storage.JobState{storage.JobDead}}) {
		if err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, row.ID)
	}
	return ids
}

// TestALetterOfAJobThatIsDeadNoMoreGoes: who had it tried again died before the letter
// was removed.
func TestALetterOfAJobThatIsDeadNoMoreGoes(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.deadly("p1")
		h, _ := w.start()
		r := w.send(w.create("p1"))
		w.wait(storage.JobDead, r...)
		w.until("its letter is there", w.compared)
		w.stop(h)
		if _, err := w.factory.Ledger().Retry(t.Context(), r[0].ID); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(w.keeper()); m != (jobs.Mended{Discarded: 1}) {
			t.Fatalf("mended %+v", m)
		}
	})
}

// TestALetterWithoutARowBecomesOne: a ledger that was put back from a backup knows
// nothing of the job.
func TestALetterWithoutARowBecomesOne(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		cured := w.deadly("p1")
		w.start()
		r := w.send(w.create("p1"))
		was := w.wait(storage.JobDead, r...)[0]
		w.until("its letter is there", w.compared)
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if err := w.factory.Ledger().Drop(t.Context(), was.ID); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(w.keeper()); m != (jobs.Mended{Adopted: 1}) {
			t.Fatalf("mended %+v", m)
		}
		row := w.wait(storage.JobDead, r...)[0]
		a, b := jobs.DeathOf(was), jobs.DeathOf(row)
		if row.Model != was.Model || row.Subject != was.Subject || row.ErrorMessage != was.ErrorMessage || !row.Created.Equal(was.Created) ||
			a.Class != b.Class || a.Worker != b.Worker {
			t.Fatalf("%+v instead of %+v", row, was)
		}
		cured.Store(true)
		w.retryAll()
		w.wait(storage.JobDone, r...)
		w.until("no letter is left", w.compared)
	})
}

// TestALetterThatADropLeftGoes: a worker was about to publish it while the job was
// dropped.
func TestALetterThatADropLeftGoes(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		w.deadly("p1")
		w.start()
		r := w.send(w.create("p1"))
		row := w.wait(storage.JobDead, r...)[0]
		w.until("its letter is there", w.compared)
		w.drained(jobs.LaneNormal, jobs.KindSave)
		if _, err := w.operator().Drop(t.Context(), row.ID); err != nil {
			t.Fatal(err)
		}
		if n := len(w.letters()); n != 0 {
			t.Fatalf("%d letters of a dropped job", n)
		}
		if _, err := w.box().Put(t.Context(), jobs.LetterOf(row)); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(w.keeper()); m != (jobs.Mended{Discarded: 1}) {
			t.Fatalf("mended %+v", m)
		}
		if ids := w.deadIDs(); len(ids) > 0 {
			t.Fatalf("the dropped job is back: %v", ids)
		}
	})
}

// TestLettersOfAnEarlierVersion: its stream had one subject for each kind, and messages
// whose id was another job's had no row.
func TestLettersOfAnEarlierVersion(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		js := w.js(w.nc)
		former := jetstream.StreamConfig{
			Name: w.queue.DeadName(), Subjects: []string{"specstar.test.dead.*"}, Discard: jetstream.DiscardNew,
			MaxAge: time.Hour, Metadata: map[string]string{"store": w.queue.Store.String()},
		}
		if err := js.DeleteStream(t.Context(), former.Name); err != nil {
			t.Fatal(err)
		}
		if _, err := js.CreateStream(t.Context(), former); err != nil {
			t.Fatal(err)
		}
		body, err := w.create("p1").Encode()
		if err != nil {
			t.Fatal(err)
		}
		row := storage.Job{ID: uuid.New(), Kind: "save", State: storage.JobDead, Envelope: body, ErrorCode: jobs.CodeFailed, Created: time.Now()}
		if err := w.factory.Ledger().Settle(t.Context(), []storage.Job{row}); err != nil {
			t.Fatal(err)
		}
		for job, code := range map[string]string{row.ID.String(): jobs.CodeFailed, "other": jobs.CodeDiffers} {
			msg := &nats.Msg{Subject: "specstar.test.dead.save", Data: body, Header: nats.Header{
				"Specstar-Job": {job}, "Specstar-Error-Code": {code}, "Specstar-Attempts": {"5"}, "Specstar-Subject": {"specstar.test.jobs.normal.save"},
			}}
			if _, err := js.PublishMsg(t.Context(), msg, jetstream.WithMsgID("dlq:"+job)); err != nil {
				t.Fatal(err)
			}
		}
		if err := consumer.EnsureStreams(t.Context(), js, w.queue); err != nil {
			t.Fatal(err)
		}
		if m := w.mended(w.keeper()); m != (jobs.Mended{Published: 2}) {
			t.Fatalf("mended %+v", m)
		}
		if ids := w.deadIDs(); len(ids) != 2 {
			t.Fatalf("%d dead rows", len(ids))
		}
	})
}

// TestALetterLargerThanAMessageMayBe: the job's message has the largest size, and a
// letter says more.
func TestALetterLargerThanAMessageMayBe(t *testing.T) {
	onEveryStore(t, func(t *testing.T, w *world) {
		body := strings.Repeat("x", int(w.nc.MaxPayload())-200)
		subject := jobs.Subject("test", jobs.LaneNormal, jobs.KindSave)
		if _, err := w.js(w.nc).Publish(t.Context(), subject, []byte(body), jetstream.WithMsgID("large")); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.drained(jobs.LaneNormal, jobs.KindSave)
		ls := w.letters()
		if len(ls) != 1 || len(ls[0].Data) != 0 || ls[0].Header.Get("Specstar-Payload") != "in-row" || ls[0].Header.Get("Specstar-Payload-Bytes") != fmt.Sprint(len(body)) {
			t.Fatalf("letters %+v", ls)
		}
		if err := matchesSchema(ls[0].Header); err != nil {
			t.Fatal(err)
		}
		row, err := w.factory.Ledger().Find(t.Context(), "large")
		if err != nil || string(row.Envelope) != body {
			t.Fatalf("the row holds %d bytes, %v", len(row.Envelope), err)
		}
	})
}

// TestAFullStreamOfLettersKeepsTheMessage (R 43): what cannot be buried stays queued.
func TestAFullStreamOfLettersKeepsTheMessage(t *testing.T) {
	w := newWorld(t, stores["sqlite"](t))
	js := w.js(w.nc)
	s, err := js.Stream(t.Context(), w.queue.DeadName())
	if err != nil {
		t.Fatal(err)
	}
	full := s.CachedInfo().Config
	full.MaxMsgs = 1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(t.Context(), "specstar.test.dead.x.y.z", nil); err != nil {
		t.Fatal(err)
	}
	w.deadly("p1")
	h, _ := w.start()
	r := w.send(w.create("p1"))
	row := w.wait(storage.JobDead, r...)[0]
	w.stop(h) // it would get the message again, and publish the letter before the keeper does
	if _, err := w.keeper().Pass(t.Context()); err == nil || !strings.Contains(err.Error(), row.Text) {
		t.Fatalf("a pass over a full stream: %v", err)
	}
	n, err := w.sender.Waiting(t.Context(), jobs.Subject("test", jobs.LaneNormal, jobs.KindSave))
	if err != nil || n != 1 {
		t.Fatalf("%d messages wait, %v", n, err)
	}
	full.MaxMsgs = -1
	if _, err := js.UpdateStream(t.Context(), full); err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSubject("specstar.test.dead.x.y.z")); err != nil {
		t.Fatal(err)
	}
	if m := w.mended(w.keeper()); m != (jobs.Mended{Published: 1}) {
		t.Fatalf("mended %+v", m)
	}
}

// TestPutIsOnce: any number of workers and keepers may publish one letter at once.
func TestPutIsOnce(t *testing.T) {
	w := newWorld(t, stores["memory"](t))
	row := storage.Job{ID: uuid.New(), Text: "j", Kind: "save", Envelope: []byte("x"), Finished: time.Now(), ErrorCode: "failed"}
	var kept atomic.Int64
	errs := make(chan error)
	for range 16 {
		go func() {
			did, err := w.box().Put(context.Background(), jobs.LetterOf(row))
			if did {
				kept.Add(1)
			}
			errs <- err
		}()
	}
	for range 16 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := len(w.letters()); n != 1 || kept.Load() != 1 {
		t.Fatalf("%d letters, of which %d were kept", n, kept.Load())
	}
}
