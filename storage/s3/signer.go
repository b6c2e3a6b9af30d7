package s3

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// signer gives the credentials, and marks why it cannot.
type signer struct{ from aws.CredentialsProvider }

// signerError says that requests cannot be signed.
type signerError struct{ err error }

func (e *signerError) Error() string {
	return "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in the shared configuration of AWS"
}

func (e *signerError) Unwrap() error { return e.err }

// Retrieve returns the credentials.
func (s signer) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if s.from == nil {
		return aws.Credentials{}, &signerError{errors.New("none are configured")}
	}
	c, err := s.from.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &signerError{err}
	}
	return c, nil
}

// asSignerError returns the error of a signer without what the SDK put around it.
func asSignerError(err error) error {
	if e, ok := errors.AsType[*signerError](err); ok {
		return e
	}
	return err
}

// scrub removes the credentials from what a service said.
func (s *Store) scrub(text string) string {
	c, err := s.creds.Retrieve(context.Background()) // from its cache
	if err != nil {
		return text
	}
	for _, secret := range []string{c.SecretAccessKey, c.SessionToken, c.AccessKeyID} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
		}
	}
	return text
}
