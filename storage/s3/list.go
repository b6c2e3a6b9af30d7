package s3

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// listed is an object in a listing, or with a delimiter the beginning of keys.
type listed struct {
	key      string
	size     int64
	modified time.Time
}

// errStuck: a listing does not get on.
var errStuck = errors.New("the service gives the same page of a listing again")

// list returns the objects whose keys begin with prefix, in the order of keys.
// Keys come without the prefix. A page is in memory at a time.
func (s *Store) list(ctx context.Context, prefix string) iter.Seq2[listed, error] {
	return s.pages(ctx, awss3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix})
}

// listDirs returns what stands between prefix and the next "/" of keys.
func (s *Store) listDirs(ctx context.Context, prefix string) iter.Seq2[listed, error] {
	return s.pages(ctx, awss3.ListObjectsV2Input{Bucket: &s.cfg.Bucket, Prefix: &prefix, Delimiter: aws.String("/")})
}

func (s *Store) pages(ctx context.Context, first awss3.ListObjectsV2Input) iter.Seq2[listed, error] {
	return func(yield func(listed, error) bool) {
		in := first
		for {
			out, err := s.page(ctx, &in)
			if err != nil {
				if !s.cfg.ReadOnly || !errors.Is(err, errNoBucket) {
					yield(listed{}, err)
				}
				return
			}
			if !each(out, aws.ToString(in.Prefix), yield) || !aws.ToBool(out.IsTruncated) {
				return
			}
			next := aws.ToString(out.NextContinuationToken)
			if next == "" || next == aws.ToString(in.ContinuationToken) {
				yield(listed{}, errStuck)
				return
			}
			in.ContinuationToken = &next
		}
	}
}

// page asks for one page.
func (s *Store) page(ctx context.Context, in *awss3.ListObjectsV2Input) (out *awss3.ListObjectsV2Output, err error) {
	err = s.do(ctx, "list "+aws.ToString(in.Prefix), func(ctx context.Context, _ func()) (err error) {
		out, err = s.api.ListObjectsV2(ctx, in)
		return err
	})
	return out, err
}

// each yields what a page holds: objects, or beginnings of keys.
func each(out *awss3.ListObjectsV2Output, prefix string, yield func(listed, error) bool) bool {
	for _, o := range out.Contents {
		key, ok := strings.CutPrefix(aws.ToString(o.Key), prefix)
		if ok && !yield(listed{key, aws.ToInt64(o.Size), aws.ToTime(o.LastModified)}, nil) {
			return false
		}
	}
	for _, p := range out.CommonPrefixes {
		dir, ok := strings.CutPrefix(aws.ToString(p.Prefix), prefix)
		if ok && !yield(listed{key: strings.TrimSuffix(dir, "/")}, nil) {
			return false
		}
	}
	return true
}
