package s3

import (
	"context"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// unsetType is what S3 says of an object that was put without a content type, as
// all revisions of the original were.
const unsetType = "binary/octet-stream"

// noDefaultType takes away the content type that the SDK gives to objects that
// were given none.
func noDefaultType(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("noDefaultContentType", func(
		ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler,
	) (middleware.BuildOutput, middleware.Metadata, error) {
		if r, ok := in.Request.(*smithyhttp.Request); ok && smithyhttp.GetIsContentTypeDefaultValue(ctx) {
			r.Header.Del("Content-Type")
		}
		return next.HandleBuild(ctx, in)
	}), middleware.After)
}
