package s3

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Open reaches the bucket, makes it when it is missing, and finds out whether the
// service has conditional writes. It makes and asks nothing of the kind for a
// store that is for reading only. ErrUnavailable when the service is down; other
// errors need another configuration.
func Open(ctx context.Context, c Config) (*Store, error) {
	s, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open the object store: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, c Config) (*Store, error) {
	s, err := prepare(ctx, c)
	if err != nil {
		return nil, err
	}
	missing, err := s.reach(ctx)
	if err != nil || s.cfg.ReadOnly {
		return s, err
	}
	if missing {
		if err := s.makeBucket(ctx); err != nil {
			return nil, err
		}
	}
	s.exclusive, err = s.probe(ctx)
	return s, err
}

// prepare sets up what sends requests, and sends none.
func prepare(ctx context.Context, c Config) (*Store, error) {
	c, err := c.check()
	if err != nil {
		return nil, err
	}
	sdk, err := sdkConfig(ctx, c)
	if err != nil {
		return nil, err
	}
	c.Region = sdk.Region
	s := &Store{
		cfg:    c,
		http:   httpClient(c),
		creds:  aws.NewCredentialsCache(signer{sdk.Credentials}),
		slots:  make(chan struct{}, c.Parallel),
		pace:   newPace(),
		budget: newBudget(),
	}
	s.blobs = newBlobs(s)
	sdk.Credentials = s.creds
	s.api = awss3.NewFromConfig(sdk, s.options)
	if _, err := s.creds.Retrieve(ctx); err != nil {
		return nil, errors.Join(ctx.Err(), asSignerError(err))
	}
	return s, nil
}

// sdkConfig is that of the environment, or of the Config alone when that has
// credentials.
func sdkConfig(ctx context.Context, c Config) (aws.Config, error) {
	sdk := aws.Config{Credentials: c.Credentials}
	if c.Credentials == nil {
		var err error
		if sdk, err = config.LoadDefaultConfig(ctx); err != nil {
			return sdk, fmt.Errorf("read the shared configuration of AWS: %w", err)
		}
	}
	if c.Region != "" {
		sdk.Region = c.Region
	}
	if sdk.Region == "" {
		sdk.Region = defaultRegion
	}
	return sdk, nil
}

// options turn off what the SDK does of its own accord: its retries are ours to
// bound, and many services refuse checksums that they do not ask for.
func (s *Store) options(o *awss3.Options) {
	o.HTTPClient = s.http
	o.Retryer = aws.NopRetryer{}
	o.UsePathStyle = s.cfg.PathStyle
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	o.DisableLogOutputChecksumValidationSkipped = true
	o.APIOptions = append(o.APIOptions, noDefaultType)
	o.EndpointResolverV2 = &endpoints{rules: awss3.NewDefaultEndpointResolverV2()}
	if s.cfg.Endpoint != "" {
		o.BaseEndpoint = aws.String(s.cfg.Endpoint)
	}
}

// httpClient keeps a connection for each request that may run, and follows no
// redirects: what is signed goes where it was meant to.
func httpClient(c Config) *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: c.Stall, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout: c.Stall,
			IdleConnTimeout:     90 * time.Second,
			MaxIdleConns:        2 * c.Parallel,
			MaxIdleConnsPerHost: 2 * c.Parallel,
			ForceAttemptHTTP2:   true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// reach asks for the bucket.
func (s *Store) reach(ctx context.Context) (missing bool, err error) {
	err = s.do(ctx, "look for the bucket", func(ctx context.Context, _ func()) error {
		_, err := s.api.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &s.cfg.Bucket})
		return err
	})
	if errors.Is(err, storage.ErrNotFound) || errors.Is(err, errNoBucket) {
		return true, nil
	}
	return false, err
}

// makeBucket makes the bucket; another process may have done so.
func (s *Store) makeBucket(ctx context.Context) error {
	in := &awss3.CreateBucketInput{Bucket: &s.cfg.Bucket}
	if s.cfg.Region != defaultRegion {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{
			LocationConstraint: types.BucketLocationConstraint(s.cfg.Region),
		}
	}
	err := s.do(ctx, "make the bucket", func(ctx context.Context, _ func()) error {
		_, err := s.api.CreateBucket(ctx, in)
		return err
	})
	if a, ok := errors.AsType[*answer](err); ok && (a.code == "BucketAlreadyExists" || a.code == "BucketAlreadyOwnedByYou") {
		return nil
	}
	return err
}

// probeDir is the beginning of the keys of probes, which are removed at once.
const probeDir = "_probe/"

// probe reports whether the service refuses to create an object that exists.
func (s *Store) probe(ctx context.Context) (exclusive bool, err error) {
	key := s.cfg.Prefix + probeDir + uuid.NewString()
	put := func() error {
		return s.put(ctx, object{key: key, body: bytesBody(nil), create: true})
	}
	err = put()
	if err == nil {
		err = put()
	}
	if refused := errors.Is(err, errExists); refused || err == nil || isUnsupported(err) {
		return refused, s.remove(ctx, key)
	}
	return false, errors.Join(err, s.remove(context.WithoutCancel(ctx), key))
}
