package s3

import (
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
)

// endpoints remembers where requests go and how they are signed. The SDK asks twice for
// each request and works it out from its rules each time, though for one bucket only few
// answers are possible.
type endpoints struct {
	rules awss3.EndpointResolverV2
	known sync.Map // of question to smithyendpoints.Endpoint
}

// question has the parameters of a request that an endpoint depends on.
type question struct {
	bucket, region, endpoint string
	switches                 [11]int8
}

// ask returns the question of parameters.
func ask(p awss3.EndpointParameters) question {
	q := question{bucket: aws.ToString(p.Bucket), region: aws.ToString(p.Region), endpoint: aws.ToString(p.Endpoint)}
	for i, on := range [len(q.switches)]*bool{
		p.UseFIPS, p.UseDualStack, p.ForcePathStyle, p.Accelerate, p.UseGlobalEndpoint, p.DisableAccessPoints,
		p.DisableMultiRegionAccessPoints, p.UseArnRegion, p.UseS3ExpressControlEndpoint, p.DisableS3ExpressSessionAuth,
		p.UseObjectLambdaEndpoint,
	} {
		switch {
		case on == nil:
		case *on:
			q.switches[i] = 1
		default:
			q.switches[i] = -1
		}
	}
	return q
}

// ResolveEndpoint returns the endpoint of a request: that of its bucket, whatever its key.
func (e *endpoints) ResolveEndpoint(ctx context.Context, p awss3.EndpointParameters) (smithyendpoints.Endpoint, error) {
	p.Key, p.Prefix, p.CopySource = nil, nil, nil
	q := ask(p)
	if known, ok := e.known.Load(q); ok {
		return own(known.(smithyendpoints.Endpoint)), nil
	}
	found, err := e.rules.ResolveEndpoint(ctx, p)
	if err != nil {
		return found, err
	}
	known, _ := e.known.LoadOrStore(q, found)
	return own(known.(smithyendpoints.Endpoint)), nil
}

// own returns an endpoint that a request may change, as the SDK does with the properties
// of how it is signed.
func own(e smithyendpoints.Endpoint) smithyendpoints.Endpoint {
	var all smithy.Properties
	all.SetAll(&e.Properties)
	if options, ok := auth.GetAuthOptions(&all); ok {
		owned := make([]*auth.Option, len(options))
		for i, o := range options {
			owned[i] = &auth.Option{SchemeID: o.SchemeID}
			owned[i].IdentityProperties.SetAll(&o.IdentityProperties)
			owned[i].SignerProperties.SetAll(&o.SignerProperties)
		}
		auth.SetAuthOptions(&all, owned)
	}
	e.Properties, e.Headers = all, e.Headers.Clone()
	return e
}
