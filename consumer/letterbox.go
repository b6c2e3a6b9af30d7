package consumer

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// Letters are the dead letters of a queue: one message for each, on a subject of its
// own, so that the server keeps no letter twice. Letters implement jobs.Letterbox and
// are safe for concurrent use.
type Letters struct {
	// js is JetStream over the connection as it is now.
	js func() jetstream.JetStream
	q  QueueConfig
}

var _ jobs.Letterbox = (*Letters)(nil)

// NewLetters returns the letters of a queue. The streams must be there, see
// [EnsureStreams].
func NewLetters(js jetstream.JetStream, q QueueConfig) *Letters {
	return &Letters{js: func() jetstream.JetStream { return js }, q: q.withDefaults()}
}

// NewLineLetters returns the letters of a queue over a connection that lasts.
func NewLineLetters(l *Line, q QueueConfig) (*Letters, error) {
	api, err := newAPI(l)
	if err != nil {
		return nil, fmt.Errorf("dead letters of the queue: %w", err)
	}
	return &Letters{js: api.get, q: q.withDefaults()}, nil
}

// letterSubject is where a letter is: specstar.NS.dead.KIND.JOB.LIFE, with "other" for a
// kind that is not known, the UUID of the job's row, and the time of its death in
// microseconds.
func (q QueueConfig) letterSubject(kind string, k jobs.LetterKey) string {
	return "specstar." + q.Namespace + ".dead." + kind + "." + k.Job.String() + "." + strconv.FormatInt(int64(k.Life), 10)
}

// LetterSubject returns where the letter of a dead job is in the stream that DeadName
// names.
func (q QueueConfig) LetterSubject(l jobs.Letter) string {
	return q.letterSubject(string(l.Kind()), l.Key())
}

// lettersOf is the filter of all letters of a job.
func (q QueueConfig) lettersOf(job uuid.UUID) string {
	return "specstar." + q.Namespace + ".dead.*." + job.String() + ".*"
}

// keyOf reads the subject of a letter.
func (q QueueConfig) keyOf(subject string) (jobs.LetterKey, bool) {
	parts := strings.Split(strings.TrimPrefix(subject, "specstar."+q.Namespace+".dead."), ".")
	if len(parts) != 3 {
		return jobs.LetterKey{}, false
	}
	id, err := uuid.Parse(parts[1])
	life, lifeErr := strconv.ParseInt(parts[2], 10, 64)
	return jobs.LetterKey{Job: id, Life: jobs.Life(life)}, err == nil && lifeErr == nil
}

// stream finds the stream of letters.
func (b *Letters) stream(ctx context.Context) (jetstream.Stream, error) {
	s, err := b.js().Stream(ctx, b.q.DeadName())
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", b.q.DeadName(), err)
	}
	return s, nil
}

// Put implements [jobs.Letterbox].
func (b *Letters) Put(ctx context.Context, l jobs.Letter) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*ackTimeout)
	defer cancel()
	subject := b.q.letterSubject(string(l.Kind()), l.Key())
	msg := letterMessage(subject, l, b.maxPayload())
	// It is there only if nothing is: the server compares and stores in one step.
	_, err := b.js().PublishMsg(ctx, msg)
	if err == nil {
		return true, nil
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == tooLarge {
		_, err = b.js().PublishMsg(ctx, letterMessage(subject, l, 0))
	}
	if err == nil {
		return true, nil
	}
	// Whatever went wrong, when the letter is there all is well.
	if s, serr := b.stream(ctx); serr == nil {
		if _, serr = s.GetLastMsgForSubject(ctx, subject); serr == nil {
			return false, nil
		}
	}
	return false, fmt.Errorf("keep dead letter of job %s: %w", l.Job.Text, err)
}

// maxPayload is how large a message may be: the server's default when it did not say.
func (b *Letters) maxPayload() int {
	if nc := b.js().Conn(); nc != nil && nc.MaxPayload() > 0 {
		return int(nc.MaxPayload())
	}
	return 1 << 20
}

// find returns the first message that a filter lets through; jetstream.ErrMsgNotFound.
func (b *Letters) find(ctx context.Context, filter string) (*jetstream.RawStreamMsg, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return nil, err
	}
	return s.GetMsg(ctx, 1, jetstream.WithGetMsgSubject(filter))
}

// Get implements [jobs.Letterbox].
func (b *Letters) Get(ctx context.Context, k jobs.LetterKey) (jobs.Letter, error) {
	m, err := b.find(ctx, b.q.letterSubject("*", k))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		err = storage.ErrNotFound
	}
	if err != nil {
		return jobs.Letter{}, fmt.Errorf("read dead letter of job %s: %w", k.Job, err)
	}
	l := letterOf(m)
	l.Job.ID, l.Job.Finished = k.Job, k.Life.Died()
	return l, nil
}

// Discard implements [jobs.Letterbox].
func (b *Letters) Discard(ctx context.Context, k jobs.LetterKey) error {
	return b.purge(ctx, k.Job, b.q.letterSubject("*", k))
}

// DiscardAll implements [jobs.Letterbox].
func (b *Letters) DiscardAll(ctx context.Context, job uuid.UUID) error {
	return b.purge(ctx, job, b.q.lettersOf(job))
}

func (b *Letters) purge(ctx context.Context, job uuid.UUID, filter string) error {
	s, err := b.stream(ctx)
	if err == nil {
		err = s.Purge(ctx, jetstream.WithPurgeSubject(filter))
	}
	if err != nil {
		return fmt.Errorf("remove dead letter of job %s: %w", job, err)
	}
	return nil
}

// Keys implements [jobs.Letterbox].
func (b *Letters) Keys(ctx context.Context) ([]jobs.LetterKey, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return nil, err
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(b.q.letterFilter()))
	if err != nil {
		return nil, fmt.Errorf("list dead letters: %w", err)
	}
	keys := make([]jobs.LetterKey, 0, len(info.State.Subjects))
	for subject := range info.State.Subjects {
		if k, ok := b.q.keyOf(subject); ok {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Mark implements [jobs.Letterbox].
func (b *Letters) Mark(ctx context.Context) (string, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return "", err
	}
	info := s.CachedInfo()
	return fmt.Sprint(epochOf(info), " ", info.State.Msgs, " ", info.State.FirstSeq, " ", info.State.LastSeq), nil
}

// Count returns how many letters there are.
func (b *Letters) Count(ctx context.Context) (uint64, error) {
	s, err := b.stream(ctx)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Msgs, nil
}

// Former implements [jobs.Letterbox].
func (b *Letters) Former(ctx context.Context, do func(jobs.Letter) error) error {
	for {
		m, err := b.find(ctx, b.q.formerSubject())
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read dead letters of an earlier version: %w", err)
		}
		if err := do(letterOf(m)); err != nil {
			return err
		}
		s, err := b.stream(ctx)
		if err == nil {
			err = s.DeleteMsg(ctx, m.Sequence)
		}
		if err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) && !errors.Is(err, jetstream.ErrMsgDeleteUnsuccessful) {
			return fmt.Errorf("remove dead letter of an earlier version: %w", err)
		}
	}
}

// letterMessage is the message of a letter, of at most size bytes; 0 leaves no room
// for what the job's message said, which is then only in the job's row.
func letterMessage(subject string, l jobs.Letter, size int) *nats.Msg {
	msg := &nats.Msg{Subject: subject, Data: l.Job.Envelope, Header: letterHeaders(l)}
	if room := max(size-headerRoom, 0); len(msg.Data) > room {
		msg.Data = msg.Data[:0:0]
		msg.Header.Set(headerPayload, payloadInRow)
	}
	msg.Header.Set(jetstream.ExpectedLastSubjSeqHeader, "0") // only where there is none
	return msg
}
