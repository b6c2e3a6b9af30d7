package jobs

// words are texts that a decoder has met, so that those which come again, in every
// operation of a save, need no memory of their own.
type words [16]string

// get returns a text, that which was met before when it is equal.
func (w *words) get(text []byte) string {
	if len(text) == 0 {
		return ""
	}
	place := wordPlace(text)
	if usual := usualWords[place%len(usualWords)]; usual == string(text) {
		return usual
	}
	word := &w[place%len(w)]
	if *word != string(text) {
		*word = string(text)
	}
	return *word
}

// usualWords are those of which nearly every save has some, each at its place.
var usualWords = func() (w [64]string) {
	for _, text := range []string{
		"schema", "id", "kind", "model", "user", "time", "lane", "args", "operations", "op", "resource_id", "data", "data_base64",
		"data_size", "payload_size", "order", "status", "expected_revision_id", "on_error",
		string(KindSave), string(LaneHigh), string(LaneNormal), string(LaneBulk), "create", "update", "upsert", "modify", "patch", "delete",
	} {
		w[wordPlace([]byte(text))%len(w)] = text
	}
	return w
}()

// wordPlace returns a number of a text that is not empty; the factors give the usual words
// places of their own.
func wordPlace(text []byte) int {
	n := len(text)
	return n + int(text[0])*7 + int(text[n/2]) + int(text[n-1])*14
}
