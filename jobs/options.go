package jobs

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"
)

// Limits of [Options].
const (
	// MaxJobTimeout is the longest that an attempt may be given.
	MaxJobTimeout = 7 * 24 * time.Hour
	// MaxJobAttempts is the largest number of attempts that a job may be given.
	MaxJobAttempts = 1000
)

// maxUniqueBytes bounds a unique key.
const maxUniqueBytes = 255

// Codes of jobs that their options end.
const (
	CodeExpired = "expired"    // it was not started in time
	CodeExists  = "job_exists" // another unfinished job has its unique key
)

// earlyBy is how much earlier than its time a job may begin: clocks differ.
const earlyBy = time.Second

// Options are how a job is treated, beside what it does. The zero value leaves all to
// the worker.
type Options struct {
	// NotBefore is when the job may begin at the earliest, to the microsecond; zero means
	// at once. Until then the ledger keeps it and no queue.
	NotBefore time.Time
	// Unique is a key, of the caller's choice or by [Envelope.UniqueKey], that no two
	// unfinished jobs of a store have. A submitter refuses the second one with a
	// *storage.JobExistsError; a load, backfill or migration that comes by the queue
	// alone is refused with code job_exists. At most 255 bytes; empty for none.
	Unique string
	// Expires is until when the job may be started, to the microsecond; then it is
	// dead, with code expired, unless somebody has it tried again by hand after that. The
	// zero time means for ever.
	Expires time.Time
	// Timeout is how long one attempt may take, in whole seconds; what takes longer is
	// ended, counted and tried again (timeout). 0 leaves it to the worker.
	Timeout time.Duration
	// Attempts is after how many failed attempts the job is dead; 0 leaves it to the
	// worker.
	Attempts int
}

// write writes the options that are given.
func (o Options) write(w *writer) {
	w.time("not_before", o.NotBefore)
	w.text("unique", o.Unique)
	w.time("expires", o.Expires)
	if s := o.seconds(); s != 0 {
		w.integer("timeout", s)
	}
	if o.Attempts != 0 {
		w.integer("attempts", int64(o.Attempts))
	}
}

// seconds returns the timeout; a part of a second counts as one.
func (o Options) seconds() int64 { return int64((o.Timeout + time.Second - 1) / time.Second) }

// option reads the value of a header field that is one of the options.
func (d *decoder) option(key string, o *Options) error {
	switch key {
	case "not_before":
		return d.time(&o.NotBefore)
	case "unique":
		return d.unique(&o.Unique)
	case "expires":
		return d.time(&o.Expires)
	case "timeout":
		n, err := d.number(1, int64(MaxJobTimeout/time.Second))
		o.Timeout = time.Duration(n) * time.Second
		return err
	case "attempts":
		n, err := d.number(1, MaxJobAttempts)
		o.Attempts = int(n)
		return err
	}
	return d.unknown()
}

// number reads an integer between least and most.
func (d *decoder) number(least, most int64) (int64, error) {
	n, err := d.integer()
	if err != nil {
		return 0, err
	}
	if n < least || n > most {
		return 0, d.errorf("%d is not between %d and %d", n, least, most)
	}
	return n, nil
}

func (d *decoder) unique(s *string) error {
	if err := d.text(s); err != nil {
		return err
	}
	if *s == "" || len(*s) > maxUniqueBytes {
		return d.errorf("of %d bytes is not 1 to %d long", len(*s), maxUniqueBytes)
	}
	return nil
}

// check reports what is wrong with the options together.
func (o Options) check(d *decoder) error {
	if !o.Expires.IsZero() && o.Expires.Before(o.NotBefore) {
		return d.fieldErrorf("expires", "comes before not_before")
	}
	return nil
}

// recorded reports whether the ledger has to know of the job before a queue does.
func (o Options) recorded() bool {
	return !o.NotBefore.IsZero() || !o.Expires.IsZero() || o.Unique != ""
}

// timed reports whether it matters when the job begins. The clock is read for no other:
// there may be thousands a second.
func (o Options) timed() bool { return !o.NotBefore.IsZero() || !o.Expires.IsZero() }

// waits reports whether the job may not begin yet.
func (o Options) waits(now time.Time) bool { return o.NotBefore.After(now.Add(earlyBy)) }

// UniqueKey returns the key that jobs have in common which do the same: the hash of
// kind, model and arguments.
func (e Envelope) UniqueKey() (string, error) {
	if e.Args == nil {
		return "", errors.New("a job without arguments has no key")
	}
	same := Envelope{Model: e.Model, Args: e.Args}
	body, err := same.Encode()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(body)
	return "args:" + hex.EncodeToString(sum[:]), nil
}

// maxAttempts is after how many failed attempts the job of t is dead.
func (x *Executor) maxAttempts(t *task) int {
	if n := t.env.Attempts; n > 0 {
		return n
	}
	return x.MaxAttempts
}
