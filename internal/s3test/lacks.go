package s3test

import (
	"net/http"
	"strings"
)

// Lacks are features that a server does not have.
type Lacks struct {
	// Conditions has If-Match and If-None-Match of writes ignored: the write
	// happens.
	Conditions bool
	// ConditionsRefused answers conditional writes with 501 NotImplemented.
	ConditionsRefused bool
	// Trailers answers 501 NotImplemented to uploads whose checksum comes behind
	// the body.
	Trailers bool
}

// apply takes from a write what the server lacks; an answer means it is refused.
func (l Lacks) apply(r *http.Request) *answer {
	if r.Method != http.MethodPut && r.Method != http.MethodPost {
		return nil
	}
	if l.Trailers && strings.HasSuffix(r.Header.Get("X-Amz-Content-Sha256"), "-TRAILER") {
		return &answer{http.StatusNotImplemented, "NotImplemented"}
	}
	for _, condition := range []string{"If-Match", "If-None-Match"} {
		if r.Header.Get(condition) == "" {
			continue
		}
		if l.ConditionsRefused {
			return &answer{http.StatusNotImplemented, "NotImplemented"}
		}
		if l.Conditions {
			r.Header.Del(condition)
		}
	}
	return nil
}
