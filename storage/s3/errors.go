package s3

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/specstar-worker/worker/storage"
)

// ErrReplaced: an object is another one than when reading began.
var ErrReplaced = errors.New("it was replaced meanwhile")

var (
	// errExists: an object that was to be created is there.
	errExists = errors.New("the object exists")
	// errNoBucket: the bucket is not there.
	errNoBucket = fmt.Errorf("the bucket does not exist: %w", storage.ErrSetup)
	// errStalled: an attempt made no progress and was given up.
	errStalled = errors.New("no answer and no progress")
	// errNoRange: an answer has more or less than what was asked for.
	errNoRange = errors.New("the service does not answer with the part of the object that is asked for")
	// errReadOnly: a write to a store that was opened for reading.
	errReadOnly = errors.New("the object store was opened for reading only")
)

// answer is an error that the service gave, without what may be secret.
type answer struct {
	status  int
	code    string
	message string
	is      error // what it means to callers; nil for nothing
}

func (a *answer) Error() string {
	text := fmt.Sprintf("the service answers %d %s", a.status, a.code)
	if a.message != "" && a.message != a.code {
		text += ": " + a.message
	}
	if help := a.help(); help != "" {
		text += ": " + help
	}
	return text
}

func (a *answer) Unwrap() error { return a.is }

// help says what to change, where that is known.
func (a *answer) help() string {
	switch {
	case a.code == "SignatureDoesNotMatch", a.code == "InvalidAccessKeyId":
		return "check the credentials"
	case a.code == "RequestTimeTooSkewed":
		return "set the clock of this machine"
	case a.code == "AuthorizationHeaderMalformed", a.status == http.StatusMovedPermanently, a.status == http.StatusTemporaryRedirect:
		return "check the region and the endpoint"
	case a.status == http.StatusForbidden, a.status == http.StatusUnauthorized:
		return "check the credentials and what they allow on the bucket"
	}
	return ""
}

// class is what becomes of a request that failed.
type class int

const (
	final class = iota
	again
	throttled
)

// judge says what an error of an attempt means, and gives one that can be shown.
func (s *Store) judge(err error) (class, error) {
	if e, ok := errors.AsType[*signerError](err); ok {
		return again, e // there were some when the store was opened
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && r.HTTPStatusCode() >= 300 {
		a := &answer{status: r.HTTPStatusCode()}
		if api, ok := errors.AsType[smithy.APIError](err); ok {
			a.code, a.message = api.ErrorCode(), s.shown(api.ErrorMessage())
		}
		return a.judge(), a
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return final, fmt.Errorf("the service's certificate: %w (%w)", e, storage.ErrSetup)
	}
	if errors.Is(err, errTooLarge) || errors.Is(err, ErrReplaced) || errors.Is(err, errNoLength) || errors.Is(err, errNoRange) {
		return final, err
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL
	}
	return again, errors.New(s.shown(err.Error()))
}

// shown is what may be shown of a text that the service gave.
func (s *Store) shown(text string) string {
	const most = 300
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return s.scrub(text)
}

// judge classifies an answer, and sets what it means.
func (a *answer) judge() class {
	switch a.code {
	case "SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests":
		return throttled
	case "RequestTimeout", "ConditionalRequestConflict", "OperationAborted":
		return again
	case "NoSuchBucket":
		a.is = errNoBucket
		return final
	}
	switch {
	case a.status == http.StatusServiceUnavailable, a.status == http.StatusTooManyRequests:
		return throttled
	case a.status == http.StatusNotImplemented:
		return final
	case a.status >= 500, a.status == http.StatusRequestTimeout:
		return again
	case a.status == http.StatusNotFound:
		a.is = storage.ErrNotFound
	case a.status == http.StatusPreconditionFailed:
		a.is = errExists
	case a.code == "ObjectParentIsFile", a.code == "ExistingObjectIsDirectory", a.code == "KeyTooLongError",
		a.code == "XMinioParentIsObject", a.code == "XMinioObjectExistsAsDirectory", a.code == "XMinioInvalidObjectName":
		a.is = storage.ErrUnusableName
	case a.help() != "":
		a.is = storage.ErrSetup
	}
	return final
}

// isUnsupported reports whether the service does not know what it was asked for.
func isUnsupported(err error) bool {
	a, ok := errors.AsType[*answer](err)
	return ok && (a.status == http.StatusNotImplemented || a.code == "NotImplemented" || a.status == http.StatusBadRequest)
}
