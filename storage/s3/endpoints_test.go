package s3

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// counting counts the answers of the SDK's rules.
type counting struct {
	awss3.EndpointResolverV2
	n int
}

func (c *counting) ResolveEndpoint(ctx context.Context, p awss3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	found, err := c.EndpointResolverV2.ResolveEndpoint(ctx, p)
	if err == nil {
		c.n++
	}
	return found, err
}

func TestEndpointsAreTheSDKs(t *testing.T) {
	sdk := awss3.NewDefaultEndpointResolverV2()
	rules := &counting{EndpointResolverV2: sdk}
	e := &endpoints{rules: rules}
	answered := map[question]bool{}
	for range 2 {
		for _, p := range someParameters() {
			want, wantErr := sdk.ResolveEndpoint(t.Context(), p)
			got, err := e.ResolveEndpoint(t.Context(), p)
			if !reflect.DeepEqual(got.URI, want.URI) || len(got.Headers) != len(want.Headers) ||
				!reflect.DeepEqual(got.Properties.Values(), want.Properties.Values()) || (err == nil) != (wantErr == nil) {
				t.Fatalf("%s: got %+v (%v), want %+v (%v)", *p.Bucket, got, err, want, wantErr)
			}
			if err == nil {
				answered[ask(p)] = true
			}
		}
	}
	if rules.n != len(answered) || rules.n < 16 {
		t.Errorf("the rules answered %d times to %d questions, want once to each", rules.n, len(answered))
	}
}

// someParameters are those of requests to buckets of many kinds.
func someParameters() []awss3.EndpointParameters {
	var all []awss3.EndpointParameters
	for _, bucket := range []string{"cats", "Cats_of.us", "cats--use1-az4--x-s3", "arn:aws:s3:eu-west-1:123456789012:accesspoint:cats"} {
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			for _, endpoint := range []*string{nil, aws.String("http://127.0.0.1:9000/at")} {
				for i := range 1 << 3 {
					all = append(all, awss3.EndpointParameters{
						Bucket: &bucket, Region: &region, Endpoint: endpoint, Key: aws.String("a/b"), Prefix: aws.String("a/"),
						ForcePathStyle: aws.Bool(i&1 > 0), UseDualStack: aws.Bool(i&2 > 0), DisableS3ExpressSessionAuth: aws.Bool(i&4 > 0),
					}.WithDefaults())
				}
			}
		}
	}
	return all
}

// The SDK changes the options of what it is given, for each request.
func TestEndpointsAreNotShared(t *testing.T) {
	e := &endpoints{rules: awss3.NewDefaultEndpointResolverV2()}
	p := awss3.EndpointParameters{Bucket: aws.String("cats"), Region: aws.String("us-east-1")}.WithDefaults()
	type mark struct{}
	var wg sync.WaitGroup
	for n := range 32 {
		wg.Go(func() {
			got, err := e.ResolveEndpoint(t.Context(), p)
			options, ok := auth.GetAuthOptions(&got.Properties)
			if err != nil || !ok || len(options) == 0 {
				t.Errorf("the endpoint has no options of signing: %v", err)
				return
			}
			got.Properties.Set(mark{}, n)
			for _, o := range options {
				if o.SignerProperties.Has(mark{}) {
					t.Error("another request's mark is on the options")
				}
				o.SignerProperties.Set(mark{}, n)
				o.IdentityProperties.Set(mark{}, n)
			}
		})
	}
	wg.Wait()
}
