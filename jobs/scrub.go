package jobs

import "regexp"

// hidden stands for a secret.
const hidden = "***"

// secrets find what must not be kept of an error's text, each with what it is
// replaced by.
var secrets = []struct {
	found *regexp.Regexp
	by    string
}{
	// scheme://user:password@host, also with only a token before the @
	{regexp.MustCompile(`(?i)([a-z][a-z0-9+.-]*://)[^/?#\s'"@]+@`), "${1}" + hidden + "@"},
	// password=…, "secret_key": "…", token: …, X-Amz-Signature=…
	{regexp.MustCompile(`(?i)((?:password|passwd|pwd|secret|secret[_-]?(?:access[_-]?)?key|access[_-]?key(?:[_-]?id)?|api[_-]?key|token|x-amz-(?:signature|credential|security-token))["']?\s*[=:]\s*)(?:"[^"]*"|'[^']*'|[^\s,;&"']+)`), "${1}" + hidden},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}`), "${1} " + hidden},
	{regexp.MustCompile(`\bS[ACNOUX][A-Z2-7]{56}\b`), hidden},                           // seeds of NKeys
	{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`), hidden}, // JSON Web Tokens
	{regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`), hidden},                       // access keys of AWS
}

// scrub returns a text without what looks like a secret.
func scrub(text string) string {
	for _, s := range secrets {
		text = s.found.ReplaceAllString(text, s.by)
	}
	return text
}
