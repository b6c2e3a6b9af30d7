package s3

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

func TestOpenMakesTheBucketAndLeavesNothing(t *testing.T) {
	f := startFake(t)
	for range 2 {
		s := openFake(t, f.config())
		if left := objects(t, s); len(left) != 0 || !s.Exclusive() {
			t.Errorf("opening left %q", left)
		}
	}
	for _, code := range []string{"BucketAlreadyExists", "BucketAlreadyOwnedByYou"} {
		f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			switch {
			case r.Method == http.MethodHead && strings.Count(r.URL.Path, "/") == 1:
				w.WriteHeader(http.StatusNotFound) // another process makes it now
			case r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") == 1:
				fail(w, http.StatusConflict, code)
			default:
				next.ServeHTTP(w, r)
			}
		})
		openFake(t, f.config())
	}
}

func TestReadersMakeNothing(t *testing.T) {
	f := startFake(t)
	f.on(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			t.Errorf("a reader sends %s %s", r.Method, r.URL.Path)
		}
		next.ServeHTTP(w, r)
	})
	config := f.config()
	config.ReadOnly = true
	s := openFake(t, config)
	r := s.Revisions(LayoutPostgresS3)
	m := r.Model("person")
	if names, err := r.Models(t.Context()); err != nil || len(names) != 0 {
		t.Errorf("models are %q (%v)", names, err)
	}
	if all := collect(t, m.All(t.Context())); len(all) != 0 {
		t.Errorf("entries are %v", all)
	}
	if uids, err := m.Lookup(t.Context(), []resource.RevisionKey{key("a", 1)}); err != nil || !slices.Equal(uids, []string{""}) {
		t.Errorf("lookup gives %q (%v)", uids, err)
	}
	if read, err := m.Read(t.Context(), []string{"u"}); err != nil || read[0].Info != nil {
		t.Errorf("read gives %v (%v)", read, err)
	}
	_, putErr := m.Put(t.Context(), []storage.Content{{UID: "u"}})
	_, claimErr := m.Claim(t.Context(), []storage.Entry{{Key: key("a", 1), UID: "u"}})
	for _, err := range []error{putErr, claimErr, m.Point(t.Context(), nil), m.RemoveContents(t.Context(), nil)} {
		if !errors.Is(err, errReadOnly) {
			t.Errorf("a write gives %v, want %v", err, errReadOnly)
		}
	}
}

// TestWhatAnotherConfigurationNeeds: errors that trying again does not help.
func TestWhatAnotherConfigurationNeeds(t *testing.T) {
	for _, c := range []struct {
		status     int
		code, want string
	}{
		{403, "AccessDenied", "what they allow"},
		{403, "SignatureDoesNotMatch", "check the credentials"},
		{301, "PermanentRedirect", "check the region"},
		{400, "AuthorizationHeaderMalformed", "check the region"},
		{404, "NoSuchBucket", "NoSuchBucket"},
	} {
		f := startFake(t)
		s := openFake(t, f.config())
		f.on(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(`<Error><Code>` + c.code + `</Code><Message>no, ` + r.Header.Get("X-Amz-Security-Token") + ` ` + s3test.SecretKey + `</Message></Error>`))
		})
		began := f.requests.Load()
		_, err := s.get(t.Context(), "k")
		if !errors.Is(err, storage.ErrSetup) || errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.code) {
			t.Errorf("%s gives %v, want an error that says %q", c.code, err, c.want)
		}
		if strings.Contains(err.Error(), session) || strings.Contains(err.Error(), s3test.SecretKey) {
			t.Errorf("the error holds a secret: %v", err)
		}
		if n := f.requests.Load() - began; n != 1 {
			t.Errorf("%s was asked %d times", c.code, n)
		}
		if _, err := Open(t.Context(), f.config()); err == nil || errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("opening with %s gives %v", c.code, err)
		}
	}
}

func TestNoCredentials(t *testing.T) {
	f := startFake(t)
	config := f.config()
	config.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, errors.New("none here")
	})
	_, err := Open(t.Context(), config)
	if err == nil || errors.Is(err, storage.ErrUnavailable) || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("opening without credentials gives %v", err)
	}
	if n := f.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestNobodyListens(t *testing.T) {
	config := startFake(t).config()
	config.Endpoint, config.RetryFor = "http://127.0.0.1:1", 200*time.Millisecond
	if _, err := Open(t.Context(), config); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("opening gives %v, want %v", err, storage.ErrUnavailable)
	}
	if _, err := Open(t.Context(), Config{}); err == nil || !strings.Contains(err.Error(), "bucket") {
		t.Errorf("opening no bucket gives %v", err)
	}
}
