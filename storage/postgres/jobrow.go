package postgres

import (
	"bytes"
	"cmp"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/specstar-worker/worker/storage"
)

// jobColumn is a column of a job: its type and how a job's value is sent.
type jobColumn struct {
	name, kind string
	oid        uint32
	put        func(*array, *storage.Job)
}

// jobColumns are the columns of a job but the store and the token of its claim, in
// the order of scanJob.
var jobColumns = []jobColumn{
	{"id", "uuid", pgtype.UUIDOID, func(a *array, j *storage.Job) { a.appendID(j.ID) }},
	{"text", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(textOf(j)) }},
	{"kind", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.Kind)) }},
	{"model", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.Model)) }},
	{"lane", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.Lane)) }},
	{"submitter", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.User)) }},
	{"parent", "uuid", pgtype.UUIDOID, func(a *array, j *storage.Job) { a.appendID(j.Parent) }},
	{"state", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(string(cmp.Or(j.State, storage.JobQueued)))) }},
	{"attempt", "integer", pgtype.Int4OID, func(a *array, j *storage.Job) { a.appendInt4(int32(min(j.Attempt, math.MaxInt32))) }},
	{"envelope", "bytea", pgtype.ByteaOID, func(a *array, j *storage.Job) { a.appendSome(j.Envelope) }},
	{"envelope_hash", "bytea", pgtype.ByteaOID, func(a *array, j *storage.Job) { a.appendSome(j.EnvelopeHash) }},
	{"queue", "uuid", pgtype.UUIDOID, func(a *array, j *storage.Job) { a.appendID(j.Queue) }},
	{"subject", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.Subject)) }},
	{"done", "bigint", pgtype.Int8OID, func(a *array, j *storage.Job) { a.appendInt8(j.Done) }},
	{"total", "bigint", pgtype.Int8OID, func(a *array, j *storage.Job) { a.appendInt8(j.Total) }},
	{"outcome", "bytea", pgtype.ByteaOID, func(a *array, j *storage.Job) { a.appendSome(j.Outcome) }},
	{"error_code", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.ErrorCode)) }},
	{"error_message", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendText(clean(j.ErrorMessage)) }},
	{"cancel", "boolean", pgtype.BoolOID, func(a *array, j *storage.Job) { a.appendBool(j.Cancel) }},
	{"created", "timestamptz", pgtype.TimestamptzOID, func(a *array, j *storage.Job) { a.appendTime(j.Created) }},
	{"started", "timestamptz", pgtype.TimestamptzOID, func(a *array, j *storage.Job) { a.appendTime(j.Started) }},
	{"finished", "timestamptz", pgtype.TimestamptzOID, func(a *array, j *storage.Job) { a.appendTime(j.Finished) }},
	{"lease_until", "timestamptz", pgtype.TimestamptzOID, func(a *array, j *storage.Job) { a.appendTime(j.LeaseUntil) }},
	{"origin", "bytea", pgtype.ByteaOID, func(a *array, j *storage.Job) { a.appendSome(j.Origin.Bytes()) }},
	{"epoch", "bigint", pgtype.Int8OID, func(a *array, j *storage.Job) { a.appendInt8(j.Epoch) }},
	{"sequence", "bigint", pgtype.Int8OID, func(a *array, j *storage.Job) { a.appendInt8(int64(j.Sequence)) }},
	{"not_before", "timestamptz", pgtype.TimestamptzOID, func(a *array, j *storage.Job) { a.appendTime(j.NotBefore) }},
	{"unique_key", "text", pgtype.TextOID, func(a *array, j *storage.Job) { a.appendKey(j.Unique) }},
}

// endedColumns are those of a row that is first written when the job ends: its message
// is gone then, and where it was is its origin. The others stay NULL.
var endedColumns = jobColumns[:len(jobColumns)-4]

// jobNames are the names of jobColumns, to select them.
var jobNames = namesOf(jobColumns)

// bareNames are the same without what may be large.
var bareNames = strings.NewReplacer(" envelope,", " NULL::bytea,", " outcome,", " NULL::bytea,").Replace(jobNames)

func namesOf(columns []jobColumn) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return strings.Join(names, ", ")
}

// clean returns s as PostgreSQL can hold it: a NUL and what is not UTF-8 become
// U+FFFD. A job must be able to end, whatever the message says that is to blame.
func clean(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// textOf is how a job's text is written: nothing for the text of its id.
func textOf(j *storage.Job) string {
	var id [36]byte
	if len(j.Text) == len(id) && j.Text == string(appendUID(id[:0], j.ID)) {
		return ""
	}
	return clean(j.Text)
}

// scanJob reads a row of jobNames.
func scanJob(rows pgx.Rows) (storage.Job, error) {
	var j storage.Job
	var id, parent, queue pgtype.UUID
	var created, started, finished, lease, notBefore pgtype.Timestamptz
	var origin []byte
	var epoch, sequence pgtype.Int8
	var unique pgtype.Text
	err := rows.Scan(&id, &j.Text, &j.Kind, &j.Model, &j.Lane, &j.User, &parent, &j.State, &j.Attempt,
		&j.Envelope, &j.EnvelopeHash, &queue, &j.Subject, &j.Done, &j.Total, &j.Outcome,
		&j.ErrorCode, &j.ErrorMessage, &j.Cancel, &created, &started, &finished, &lease, &origin, &epoch, &sequence, &notBefore, &unique)
	if err != nil {
		return storage.Job{}, err
	}
	j.ID, j.Parent, j.Queue = id.Bytes, parent.Bytes, queue.Bytes
	j.Text, j.Origin = cmp.Or(j.Text, j.ID.String()), storage.OriginOf(origin)
	j.Epoch, j.Sequence = epoch.Int64, uint64(sequence.Int64)
	j.Created, j.Started, j.Finished, j.LeaseUntil = timeOf(created), timeOf(started), timeOf(finished), timeOf(lease)
	j.NotBefore, j.Unique = timeOf(notBefore), unique.String
	return j, nil
}

// timeOf is the time of a column, the zero time for NULL.
func timeOf(t pgtype.Timestamptz) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// timeOrNull and idOrNull are parameters whose zero value is NULL.
func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func idOrNull(id uuid.UUID) any {
	if id == uuid.Nil {
		return nil
	}
	return [16]byte(id)
}

// cloneJob returns j with memory of its own.
func cloneJob(j storage.Job) storage.Job {
	j.Envelope, j.EnvelopeHash, j.Outcome = bytes.Clone(j.Envelope), bytes.Clone(j.EnvelopeHash), bytes.Clone(j.Outcome)
	return j
}
