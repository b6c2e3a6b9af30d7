package s3

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config says where the objects are and how to get there.
type Config struct {
	// Bucket is the bucket's name; Open makes the bucket when it is missing.
	Bucket string
	// Prefix stands in front of every key, with or without a "/" at its end; "" for none.
	Prefix string
	// Endpoint is the URL of a service that is not Amazon's, without user or
	// password; "" for Amazon's.
	Endpoint string
	// Region is the bucket's region; "" means that of the environment, else us-east-1.
	Region string
	// PathStyle puts the bucket into the path of URLs, not into the host.
	PathStyle bool
	// Credentials signs requests; nil means those of the environment, the shared
	// configuration or the machine, in the order of the AWS SDK.
	Credentials aws.CredentialsProvider
	// ReadOnly makes nothing in the bucket, not even the bucket: one that is
	// missing is an empty store.
	ReadOnly bool

	// Parallel is how many requests run at a time; 0 means [DefaultParallel].
	Parallel int
	// RetryFor is how long a request is tried again before it is given up as
	// storage.ErrUnavailable; 0 means [DefaultRetryFor], a negative one not at all.
	RetryFor time.Duration
	// Stall is how long one attempt may make no progress; 0 means [DefaultStall].
	Stall time.Duration
	// TempDir holds blobs above 8 MiB while they are put; "" means os.TempDir.
	TempDir string
	// HTTP sends requests; nil means a client with a pool of connections of its own.
	HTTP *http.Client
	// Now is the clock of the blobs' ages; nil means time.Now. It may differ from
	// that of the service by 15 minutes, which S3 itself demands of signatures.
	Now func() time.Time
}

// What a Config means that leaves them out.
const (
	DefaultParallel = 32
	DefaultRetryFor = 10 * time.Second
	DefaultStall    = 5 * time.Second

	defaultRegion = "us-east-1"
)

// check refuses what cannot be reached, and fills in the defaults but the region.
func (c Config) check() (Config, error) {
	if c.Bucket == "" {
		return c, errors.New("no bucket is named")
	}
	if err := checkKeyPart("prefix", c.Prefix); c.Prefix != "" && err != nil {
		return c, err
	}
	if c.Prefix != "" && c.Prefix[len(c.Prefix)-1] != '/' {
		c.Prefix += "/"
	}
	if err := checkEndpoint(c.Endpoint); err != nil {
		return c, err
	}
	if c.Parallel <= 0 {
		c.Parallel = DefaultParallel
	}
	c.RetryFor = max(cmp.Or(c.RetryFor, DefaultRetryFor), 0)
	if c.Stall <= 0 {
		c.Stall = DefaultStall
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c, nil
}

// checkEndpoint refuses what is no base of URLs, without repeating it: it may
// hold a secret.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("the endpoint is no URL such as https://HOST:PORT")
	case u.User != nil:
		return errCredentialsInURL
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the endpoint %s://%s has more than a host, a port and a path", u.Scheme, u.Host)
	}
	return nil
}

var errCredentialsInURL = errors.New("credentials do not belong into a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in the shared configuration")
