package summary

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// ReplayJSON reads articles as JSON values {"id","lang","title","text"}, with
// the feed's "description" and an own number of "words" and "sentences" where
// they are known, and writes one line for each:
// {"id","summary","sentences":[{"spans":[[s,e]]}]}. The spans are byte offsets
// into the given text. The articles of an edition stand in its order: nothing
// is said twice. It stops at the first value that is no article.
func ReplayJSON(r io.Reader, w io.Writer, o Options, edition bool) error {
	type article struct {
		ID          string `json:"id"`
		Lang        string `json:"lang"`
		Title       string `json:"title"`
		Text        string `json:"text"`
		Description string `json:"description"`
		Words       int    `json:"words"`
		Sentences   int    `json:"sentences"`
	}
	type line struct {
		ID        string     `json:"id"`
		Summary   string     `json:"summary"`
		Sentences []Sentence `json:"sentences"`
	}
	dec, enc := json.NewDecoder(r), json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for n := 1; ; n++ {
		var a article
		if err := dec.Decode(&a); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read article %d: %w", n, err)
		}
		own := o
		own.Words, own.Sentences = cmp.Or(a.Words, o.Words), cmp.Or(a.Sentences, o.Sentences)
		s := Summarize(Doc{Language: a.Lang, Title: a.Title, Text: a.Text, Description: a.Description}, own)
		if edition && s.Method != "headline" {
			o.Avoid = append(o.Avoid, strings.Split(s.Text, "\n")...)
		}
		if s.Sentences == nil {
			s.Sentences = []Sentence{}
		}
		if err := enc.Encode(line{a.ID, s.Text, s.Sentences}); err != nil {
			return fmt.Errorf("write summary of %s: %w", a.ID, err)
		}
	}
}
