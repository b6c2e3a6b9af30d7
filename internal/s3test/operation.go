package s3test

import (
	"net/http"
	"net/url"
	"strings"
)

// Operation is the name of a request in the API of S3.
type Operation string

// The operations that are told apart.
const (
	GetObject               Operation = "GetObject"
	HeadObject              Operation = "HeadObject"
	PutObject               Operation = "PutObject"
	CopyObject              Operation = "CopyObject"
	DeleteObject            Operation = "DeleteObject"
	DeleteObjects           Operation = "DeleteObjects"
	ListObjects             Operation = "ListObjects"
	ListObjectsV2           Operation = "ListObjectsV2"
	CreateMultipartUpload   Operation = "CreateMultipartUpload"
	UploadPart              Operation = "UploadPart"
	CompleteMultipartUpload Operation = "CompleteMultipartUpload"
	AbortMultipartUpload    Operation = "AbortMultipartUpload"
	ListMultipartUploads    Operation = "ListMultipartUploads"
	ListParts               Operation = "ListParts"
	CreateBucket            Operation = "CreateBucket"
	HeadBucket              Operation = "HeadBucket"
	DeleteBucket            Operation = "DeleteBucket"
	Other                   Operation = "Other"
)

// operationOf returns what a request asks for, and of which object, if any.
func operationOf(r *http.Request) (op Operation, key string) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	if q.Has("uploadId") {
		return pick(r.Method, map[string]Operation{
			"PUT": UploadPart, "POST": CompleteMultipartUpload, "DELETE": AbortMultipartUpload, "GET": ListParts,
		}), key
	}
	if q.Has("uploads") {
		return pick(r.Method, map[string]Operation{"POST": CreateMultipartUpload, "GET": ListMultipartUploads}), key
	}
	if key != "" {
		put := PutObject
		if r.Header.Get("X-Amz-Copy-Source") != "" {
			put = CopyObject
		}
		return pick(r.Method, map[string]Operation{
			"GET": GetObject, "HEAD": HeadObject, "PUT": put, "DELETE": DeleteObject,
		}), key
	}
	if bucket == "" {
		return Other, ""
	}
	return bucketOperation(r.Method, q), ""
}

func bucketOperation(method string, q url.Values) Operation {
	for _, configuration := range []string{"location", "versioning", "versions"} {
		if q.Has(configuration) {
			return Other
		}
	}
	list := ListObjects
	if q.Get("list-type") == "2" {
		list = ListObjectsV2
	}
	post := Other
	if q.Has("delete") {
		post = DeleteObjects
	}
	return pick(method, map[string]Operation{
		"GET": list, "PUT": CreateBucket, "HEAD": HeadBucket, "DELETE": DeleteBucket, "POST": post,
	})
}

func pick(method string, of map[string]Operation) Operation {
	if op, ok := of[method]; ok {
		return op
	}
	return Other
}
