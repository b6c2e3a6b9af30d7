package jobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// CodeSchema is the code of a message of a newer schema than this program reads.
const CodeSchema = "schema_newer"

// A message of a newer schema waits for a newer worker, which may be on its way:
// schemaRetry between deliveries, schemaPatience in all.
const (
	schemaRetry    = time.Minute
	schemaPatience = 24 * time.Hour
)

// newerSchema reports whether a message says that it is of a newer schema. What else
// is in it may be unknown here.
func newerSchema(message []byte) (newer bool) {
	_ = guard(func() error { // what cannot be decoded is not trusted here
		newer = saysNewerSchema(message)
		return nil
	})
	return newer
}

func saysNewerSchema(message []byte) bool {
	if FormOf(message) == FormBinary {
		if len(message) > len(frameMagic) && bytes.HasPrefix(message, frameMagic[:]) && message[len(frameMagic)] > frameVersion {
			return true
		}
		message, _, _ = openFrame(message)
	}
	var head struct {
		Schema int `json:"schema"`
	}
	return json.Unmarshal(message, &head) == nil && head.Schema > Schema
}

// subjectKind returns the kind that a subject is for, empty when it tells none.
func subjectKind(subject string) string {
	k := Kind(subject[strings.LastIndexByte(subject, '.')+1:])
	if !k.valid() {
		return ""
	}
	return string(k)
}

// modelOf returns the model that a message of a newer schema names, empty for none.
func modelOf(message []byte) string {
	var head struct {
		Model string `json:"model"`
	}
	_ = json.Unmarshal(message, &head)
	return head.Model
}

// checkSubject refuses a job on the subject of another kind: there it would hold up
// what is meant to be there.
func checkSubject(subject string, k Kind) error {
	said := Kind(subject[strings.LastIndexByte(subject, '.')+1:])
	if said.valid() && said != k {
		return &EnvelopeError{Field: "kind", Err: fmt.Errorf("%s does not belong on the subject %s", quoted(k), subject)}
	}
	return nil
}
