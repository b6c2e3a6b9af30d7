package consumer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
)

// metadataStore is the key of the stream metadata that names the store.
const metadataStore = "store"

// duplicateWindow is how long the server remembers message ids. The ledger
// remembers them for good.
const duplicateWindow = 10 * time.Minute

// maxMessage is the largest message with its headers, whatever the server takes from
// other programs: a larger one would fit into no pull.
const maxMessage = jobs.MaxMessageBytes + 64<<10

// ErrOtherStore: the stream belongs to another store.
var ErrOtherStore = errors.New("stream belongs to another store")

// ErrNotMade: a stream or a durable consumer is not there, and [QueueConfig.Create]
// does not allow to make it. [Provision] does.
var ErrNotMade = errors.New("it is not there and is not to be made here")

// Provision makes what is not there of the queue: its streams, the durable consumer of
// each lane and kind, and the buckets [Uploads] and [DumpsBucket]. What is there is compared
// and never changed, see [EnsureStreams].
func Provision(ctx context.Context, js jetstream.JetStream, q QueueConfig) error {
	q.Create = true
	if err := EnsureStreams(ctx, js, q); err != nil {
		return err
	}
	c := Config{JetStream: js, Queue: q}.withDefaults()
	for _, d := range durables() {
		if _, err := d.bind(ctx, c); err != nil {
			return err
		}
	}
	for _, bucket := range []string{Uploads, DumpsBucket} {
		if _, err := objectsOver(&api{line: NewLine(js.Conn(), nil), js: js}, q, bucket).ensure(ctx); err != nil {
			return err
		}
	}
	return nil
}

// StreamName returns the name of the namespace's stream of jobs: SPECSTAR_NS_JOBS.
func (q QueueConfig) StreamName() string { return "SPECSTAR_" + q.Namespace + "_JOBS" }

// DeadName returns the name of the namespace's stream of dead letters.
func (q QueueConfig) DeadName() string { return "SPECSTAR_" + q.Namespace + "_DEAD" }

// letterFilter is the filter of all dead letters, formerSubject that of those of earlier
// versions.
func (q QueueConfig) letterFilter() string  { return "specstar." + q.Namespace + ".dead.*.*.*" }
func (q QueueConfig) formerSubject() string { return "specstar." + q.Namespace + ".dead.*" }

// EventsName returns the name of the namespace's stream of events.
func (q QueueConfig) EventsName() string { return "SPECSTAR_" + q.Namespace + "_EVENTS" }

// Streams returns the names of the queue's streams: of jobs, dead letters and events.
func (q QueueConfig) Streams() []string {
	return []string{q.StreamName(), q.DeadName(), q.EventsName()}
}

// EnsureStreams binds to the queue's three streams, making them when they are not
// there and Create is set. An existing stream is compared and never changed: one
// of another store gives ErrOtherStore, one that would lose jobs an error that
// names the setting.
func EnsureStreams(ctx context.Context, js jetstream.JetStream, q QueueConfig) error {
	if err := q.check(); err != nil {
		return err
	}
	q = q.withDefaults()
	all := []jetstream.StreamConfig{q.jobsStream(), q.deadStream(), q.eventsStream()}
	errs := make([]error, len(all))
	var ensuring sync.WaitGroup // making one takes the server several syncs of its disk
	for i, want := range all {
		ensuring.Go(func() {
			if err := q.ensure(ctx, js, want); err != nil {
				errs[i] = fmt.Errorf("stream %s: %w", want.Name, err)
			}
		})
	}
	ensuring.Wait()
	return cmp.Or(errs...)
}

func (q QueueConfig) ensure(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig) error {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && q.Create {
		s, err = js.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			s, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return q.missing(err)
	}
	have := s.CachedInfo().Config
	if q.Create && have.Name == q.DeadName() && compare(have, want) != nil {
		have = q.widen(ctx, js, have)
	}
	return compare(have, want)
}

// widen adds the subjects of this version to a stream of dead letters that an earlier
// one made: nothing that is there is concerned. When it fails, the stream is compared
// as it is.
func (q QueueConfig) widen(ctx context.Context, js jetstream.JetStream, have jetstream.StreamConfig) jetstream.StreamConfig {
	if !slices.Equal(have.Subjects, []string{q.formerSubject()}) || have.Metadata[metadataStore] != q.Store.String() {
		return have
	}
	have.Subjects = q.deadStream().Subjects
	s, err := js.UpdateStream(ctx, have)
	if err != nil {
		have.Subjects = have.Subjects[:1]
		return have
	}
	return s.CachedInfo().Config
}

// missing adds ErrNotMade to an error that says so.
func (q QueueConfig) missing(err error) error {
	gone := errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound)
	if !gone || q.Create {
		return err
	}
	return fmt.Errorf("%w (%w)", ErrNotMade, err)
}

// compare refuses what would break the promises of the queue. Sizes, replicas
// and the like are the operator's.
func compare(have, want jetstream.StreamConfig) error {
	if owner := have.Metadata[metadataStore]; owner != want.Metadata[metadataStore] {
		return fmt.Errorf("%w: %q instead of %q; use another namespace", ErrOtherStore, owner, want.Metadata[metadataStore])
	}
	switch {
	case have.Retention != want.Retention:
		return fmt.Errorf("retention is %s, must be %s", have.Retention, want.Retention)
	case have.Storage != want.Storage:
		return fmt.Errorf("storage is %s, must be %s", have.Storage, want.Storage)
	case have.Discard != want.Discard && want.Discard == jetstream.DiscardOld:
		return fmt.Errorf("discard is %s, must be %s: jobs would wait for room", have.Discard, want.Discard)
	case have.Discard != want.Discard:
		return fmt.Errorf("discard is %s, must be %s: jobs would be lost unread", have.Discard, want.Discard)
	case want.MaxAge == 0 && have.MaxAge != 0:
		return fmt.Errorf("max_age is %s, must be 0: jobs would be lost unread", have.MaxAge)
	}
	for _, s := range want.Subjects {
		if !slices.Contains(have.Subjects, s) {
			return fmt.Errorf("subjects are %v, must hold %s", have.Subjects, s)
		}
	}
	return nil
}

// jobsSubject is where the jobs of all lanes and kinds are published.
func (q QueueConfig) jobsSubject() string { return "specstar." + q.Namespace + ".jobs.*.*" }

func (q QueueConfig) jobsStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.StreamName(), Subjects: []string{q.jobsSubject()},
		Description: "jobs of a SpecStar store",
		Retention:   jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxBytes: q.MaxBytes, MaxMsgSize: maxMessage, Replicas: q.Replicas, Duplicates: duplicateWindow,
		AllowAtomicPublish: true,
		Metadata:           map[string]string{metadataStore: q.Store.String()},
	}
}

func (q QueueConfig) deadStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.DeadName(), Subjects: []string{q.formerSubject(), q.letterFilter()},
		Description: "jobs that a SpecStar worker gave up",
		Retention:   jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardNew,
		MaxBytes: q.MaxBytes / 4, MaxAge: 30 * 24 * time.Hour, Replicas: q.Replicas, Duplicates: time.Hour,
		Metadata: map[string]string{metadataStore: q.Store.String()},
	}
}

// eventsSubject is where events of all types are published.
func (q QueueConfig) eventsSubject() string { return "specstar." + q.Namespace + ".events.*.*" }

// How long events are kept, and how large one may be.
const (
	eventsAge  = 7 * 24 * time.Hour
	eventBytes = 256 << 10
)

func (q QueueConfig) eventsStream() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: q.EventsName(), Subjects: []string{q.eventsSubject()},
		Description: "what happened in a SpecStar store",
		Retention:   jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: jetstream.DiscardOld,
		MaxBytes: q.MaxBytes / 8, MaxAge: eventsAge, MaxMsgSize: eventBytes, Replicas: q.Replicas, Duplicates: duplicateWindow,
		Metadata: map[string]string{metadataStore: q.Store.String()},
	}
}

// check reports why the namespace cannot be part of a subject.
func (q QueueConfig) check() error {
	allowed := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	if q.Namespace == "" || len(q.Namespace) > 64 || strings.ContainsFunc(q.Namespace, func(r rune) bool { return !allowed(r) }) {
		return fmt.Errorf("namespace %q is not 1 to 64 letters, digits, - and _", q.Namespace)
	}
	return nil
}
