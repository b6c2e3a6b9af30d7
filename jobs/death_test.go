package jobs

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
)

func TestErrorsAreKeptWithoutSecrets(t *testing.T) {
	seed := "SU" + strings.Repeat("A", 56)
	for text, want := range map[string]string{
		"dial postgres://worker:s3cret@db.local:5432/x?sslmode=require: refused":          "dial postgres://***@db.local:5432/x?sslmode=require: refused",
		"open nats://token@queue:4222":                                                    "open nats://***@queue:4222",
		"user=worker password=s3cret host=db":                                             "user=worker password=*** host=db",
		`config {"api_key": "s3cret", "region": "eu"}`:                                    `config {"api_key": ***, "region": "eu"}`,
		"PUT http://s3/b/k?X-Amz-Credential=AKIA/x&X-Amz-Signature=abc&x=1: 403":          "PUT http://s3/b/k?X-Amz-Credential=***&X-Amz-Signature=***&x=1: 403",
		"Authorization: Bearer abc.def-ghi_jkl":                                           "Authorization: Bearer ***",
		"nkey " + seed + " is refused":                                                    "nkey *** is refused",
		"token: eyJhbGciOi.eyJzdWIi.c2ln":                                                 "token: ***",
		"key AKIAIOSFODNN7EXAMPLE":                                                        "key ***",
		"duplicate key value violates unique constraint \"person_pkey\" (SQLSTATE 23505)": "duplicate key value violates unique constraint \"person_pkey\" (SQLSTATE 23505)",
		"person p1@example.org at http://example.org/a@b":                                 "person p1@example.org at http://example.org/a@b",
	} {
		if got := message(errors.New(text)); got != want {
			t.Errorf("%q\n is kept as %q\n instead of  %q", text, got, want)
		}
	}
	if got := message(errors.New(strings.Repeat("é", 2000))); len(got) > maxMessageText || !strings.HasSuffix(got, "é") {
		t.Errorf("%d bytes are kept", len(got))
	}
}

func TestWhatIsToldOfADeath(t *testing.T) {
	x := &Executor{Config: Config{Version: "v1"}}
	at := int64(17)
	for _, tc := range []struct {
		code string
		err  error
		want Death
	}{
		{CodeEnvelope, fmt.Errorf("job: %w", &EnvelopeError{Offset: 17, Err: errTimeout}), Death{Class: DiedUndecodable, Offset: &at}},
		{CodeDiffers, &storage.JobDiffersError{}, Death{Class: DiedConflict}},
		{CodeAttempts, errors.New("x"), Death{Class: DiedCrashed}},
		{CodeExpired, errors.New("x"), Death{Class: DiedExpired}},
		{"sqlstate_22003", stateError("22003"), Death{Class: DiedPoison, SQLState: "22003"}},
		{CodeFailed, stateError("40001"), Death{Class: DiedTransient, SQLState: "40001"}},
	} {
		row := storage.Job{ErrorCode: tc.code, Outcome: x.death(&task{}, tc.code, tc.err)}
		got := DeathOf(row)
		sameOffset := (got.Offset == nil) == (tc.want.Offset == nil) && (got.Offset == nil || *got.Offset == at)
		if got.Class != tc.want.Class || got.SQLState != tc.want.SQLState || got.Worker != "v1" || !sameOffset {
			t.Errorf("%s: %+v", tc.code, got)
		}
		if former := DeathOf(storage.Job{ErrorCode: tc.code}); former.Class != tc.want.Class {
			t.Errorf("%s, from its code alone: %+v", tc.code, former)
		}
	}
}

// stateError is the answer of a database.
type stateError string

func (e stateError) Error() string    { return "the database said " + string(e) }
func (e stateError) SQLState() string { return string(e) }

func TestOnlySomeHeadersAreKept(t *testing.T) {
	all := map[string][]string{
		"Trace": {"a", "b\xff"}, "Nats-Msg-Id": {"id"}, "Nats-Expected-Stream": {"x"}, "Specstar-Job": {"j"}, "Z-Large": {strings.Repeat("x", maxHeaderBytes)},
	}
	kept := keptHeaders(all)
	if len(kept) != 2 || strings.Join(kept["Trace"], " ") != "a b?" || kept["Nats-Msg-Id"][0] != "id" {
		t.Fatalf("%q", kept)
	}
}
