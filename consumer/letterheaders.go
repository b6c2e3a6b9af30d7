package consumer

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/storage"
)

// Headers of dead letters, see letter.schema.json; headerJob is one, too. The body is
// that of the job's message.
const (
	headerKey      = "Specstar-Job-Key"
	headerKind     = "Specstar-Kind"
	headerModel    = "Specstar-Model"
	headerUser     = "Specstar-User"
	headerSubject  = "Specstar-Subject"
	headerClass    = "Specstar-Error-Class"
	headerCode     = "Specstar-Error-Code"
	headerError    = "Specstar-Error"
	headerSQLState = "Specstar-Error-SQLState"
	headerOffset   = "Specstar-Error-Offset"
	headerAttempts = "Specstar-Attempts"
	headerWorker   = "Specstar-Worker"
	headerFirst    = "Specstar-First-Time"
	headerLast     = "Specstar-Last-Time"
	headerPayload  = "Specstar-Payload"
	headerSize     = "Specstar-Payload-Bytes"
	headerHash     = "Specstar-Payload-Sha256"
	// headerOriginal, before the name of a header of the job's message.
	headerOriginal = "Specstar-Header-"
)

// payloadInRow is the headerPayload of a letter whose job's message is too large for a
// message with these headers.
const payloadInRow = "in-row"

// headerRoom is how many bytes the headers of a letter may have: errors of 2 KiB and
// headers of 4 KiB, and what else they say.
const headerRoom = 16 << 10

//go:embed letter.schema.json
var letterSchema string

// LetterSchema returns the JSON Schema (draft 2020-12) of the headers of a dead letter
// as an object, for programs in other languages.
func LetterSchema() string { return letterSchema }

func letterHeaders(l jobs.Letter) nats.Header {
	j, h := l.Job, nats.Header{}
	set := func(name, value string) {
		if value != "" {
			h.Set(name, headerText(value))
		}
	}
	set(headerJob, j.Text)
	set(headerKey, j.ID.String())
	set(headerKind, string(l.Kind()))
	set(headerModel, j.Model)
	set(headerUser, j.User)
	set(headerSubject, j.Subject)
	set(headerClass, l.Death.Class)
	set(headerCode, j.ErrorCode)
	set(headerError, j.ErrorMessage)
	set(headerSQLState, l.Death.SQLState)
	if l.Death.Offset != nil {
		set(headerOffset, strconv.FormatInt(*l.Death.Offset, 10))
	}
	set(headerAttempts, strconv.Itoa(j.Attempt))
	set(headerWorker, l.Death.Worker)
	if !j.Created.IsZero() {
		set(headerFirst, j.Created.UTC().Format(time.RFC3339Nano))
	}
	set(headerLast, j.Finished.UTC().Format(time.RFC3339Nano))
	set(headerSize, strconv.Itoa(len(j.Envelope)))
	set(headerHash, fmt.Sprintf("%x", sha256.Sum256(j.Envelope)))
	if form := jobs.FormOf(j.Envelope); form != jobs.FormJSON { // which no header means
		set(headerType, string(form))
	}
	for name, values := range l.Death.Headers {
		if name == headerType { // even if it is wrong: the letter can be sent again as the message was
			set(headerType, strings.Join(values, ", "))
			continue
		}
		for _, v := range values {
			h.Add(headerOriginal+headerName(name), headerText(v))
		}
	}
	return h
}

// letterOf reads a letter. What its headers do not say is read from the job's message.
func letterOf(m *jetstream.RawStreamMsg) jobs.Letter {
	h := m.Header
	j := storage.Job{
		Text: h.Get(headerJob), Kind: h.Get(headerKind), Model: h.Get(headerModel), User: h.Get(headerUser),
		State: storage.JobDead, Subject: h.Get(headerSubject), ErrorCode: h.Get(headerCode), ErrorMessage: h.Get(headerError),
		Created: m.Time, Lane: string(jobs.LaneNormal),
	}
	if j.Kind == "other" {
		j.Kind = ""
	}
	j.Attempt, _ = strconv.Atoi(h.Get(headerAttempts))
	j.ID, _ = uuid.Parse(h.Get(headerKey))
	if at, err := time.Parse(time.RFC3339Nano, h.Get(headerFirst)); err == nil {
		j.Created = at
	}
	if at, err := time.Parse(time.RFC3339Nano, h.Get(headerLast)); err == nil {
		j.Finished = at
	}
	if h.Get(headerPayload) == "" {
		j.Envelope = m.Data
	}
	if hash, err := hex.DecodeString(h.Get(headerHash)); err == nil && len(hash) == sha256.Size {
		j.EnvelopeHash = hash
	} else {
		hash := sha256.Sum256(m.Data)
		j.EnvelopeHash = hash[:]
	}
	if env, err := jobs.Decode(m.Data); err == nil {
		j.Kind, j.Model, j.User, j.Lane, j.Parent = string(env.Kind()), env.Model, env.User, string(env.Lane), env.Parent
	}
	return jobs.Letter{Job: j, Death: letterDeath(h)}
}

func letterDeath(h nats.Header) jobs.Death {
	d := jobs.Death{
		Class: h.Get(headerClass), SQLState: h.Get(headerSQLState), Worker: h.Get(headerWorker), Headers: map[string][]string{},
	}
	if offset, err := strconv.ParseInt(h.Get(headerOffset), 10, 64); err == nil {
		d.Offset = &offset
	}
	if values := h.Values(headerType); len(values) > 0 {
		d.Headers[headerType] = values
	}
	for name, values := range h {
		if original, ok := strings.CutPrefix(name, headerOriginal); ok {
			d.Headers[original] = values
		}
	}
	return d
}

// headerName makes a name fit for a header line.
func headerName(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == ':' || r >= 0x7f {
			return '-'
		}
		return r
	}, s)
}
