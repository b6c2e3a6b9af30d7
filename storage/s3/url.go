package s3

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// ParseURL reads s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true].
// The prefix ends where the query begins; a "/" at its end means nothing.
// Credentials are refused wherever they stand, and errors do not repeat them.
func ParseURL(text string) (Config, error) {
	c, err := parseURL(text)
	if err != nil {
		return Config{}, fmt.Errorf("address of an object store: %w", err)
	}
	return c, nil
}

func parseURL(text string) (Config, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || !strings.EqualFold(u.Scheme, "s3"):
		return Config{}, errors.New("it is not of the form s3://BUCKET[/PREFIX]")
	case u.User != nil:
		return Config{}, errCredentialsInURL
	case u.Host == "" || u.Port() != "":
		return Config{}, errors.New("s3:// is not followed by the name of a bucket")
	case u.Fragment != "":
		return Config{}, errors.New("a # has no meaning in it")
	}
	c := Config{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/")}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return Config{}, errors.New("its parameters are not of the form name=value&name=value")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		if len(query[name]) > 1 {
			return Config{}, fmt.Errorf("parameter %s is given %d times", name, len(query[name]))
		}
		if err := c.set(name, query.Get(name)); err != nil {
			return Config{}, err
		}
	}
	_, err = c.check()
	return c, err
}

// set takes one parameter.
func (c *Config) set(name, value string) (err error) {
	switch name {
	case "endpoint":
		c.Endpoint = value
	case "region":
		c.Region = value
	case "path_style":
		if c.PathStyle, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("parameter path_style is %q, want true or false", value)
		}
	case "access_key_id", "secret_access_key", "access_key", "secret_key", "session_token":
		return errCredentialsInURL
	default:
		return fmt.Errorf("parameter %q is unknown: want endpoint, region or path_style", name)
	}
	return nil
}
