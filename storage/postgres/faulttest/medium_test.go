package faulttest

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/specstar-worker/worker/internal/s3test"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/s3"
)

// bucket is the one of every test.
const bucket = "revisions"

// bucketOf is the configuration of the bucket at an S3 for tests.
func bucketOf(endpoint string) s3.Config {
	return s3.Config{
		Bucket: bucket, Endpoint: endpoint, Region: s3test.Region, PathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(s3test.AccessKey, s3test.SecretKey, ""),
	}
}

// mortalMedium is a medium in which the process dies.
type mortalMedium struct {
	storage.RevisionMedium
	die death
}

func (m *mortalMedium) Model(name string) storage.ModelMedium {
	return mortalModel{m.RevisionMedium.Model(name), m}
}

type mortalModel struct {
	storage.ModelMedium
	m *mortalMedium
}

// at dies when the moment is the given one.
func (m mortalModel) at(d death) {
	if m.m.die == d {
		die()
	}
}

func (m mortalModel) Put(ctx context.Context, contents []storage.Content) ([]bool, error) {
	m.at(beforePut)
	if m.m.die == inPut {
		_, _ = m.ModelMedium.Put(ctx, contents[:len(contents)/2])
		die()
	}
	stored, err := m.ModelMedium.Put(ctx, contents)
	m.at(afterPut)
	return stored, err
}

func (m mortalModel) Claim(ctx context.Context, entries []storage.Entry) ([]string, error) {
	m.at(beforeClaim)
	if m.m.die == inClaim {
		_, _ = m.ModelMedium.Claim(ctx, entries[:len(entries)/2])
		die()
	}
	owners, err := m.ModelMedium.Claim(ctx, entries)
	m.at(afterClaim)
	return owners, err
}
