package sqlgen

import "regexp"

// regex returns the bounds of where a pattern is found in a text that may be NULL, or is
// not found.
func (c *compiler) regex(text string, pattern *regexp.Regexp, what string, want bool) bounds {
	c.note("the pattern %s on %s is looked for by the program", pattern, what)
	return perhaps(isSome(text))
}
