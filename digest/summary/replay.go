package summary

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ReplayJSON reads articles as JSON values {"id","lang","title","text"} and
// writes one line for each: {"id","summary","sentences":[{"spans":[[s,e]]}]}.
// The spans are byte offsets into the given text. It stops at the first value
// that is no article.
func ReplayJSON(r io.Reader, w io.Writer, o Options) error {
	type article struct {
		ID    string `json:"id"`
		Lang  string `json:"lang"`
		Title string `json:"title"`
		Text  string `json:"text"`
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
		s := Summarize(Doc{ID: a.ID, Language: a.Lang, Title: a.Title, Text: a.Text}, o)
		if s.Sentences == nil {
			s.Sentences = []Sentence{}
		}
		if err := enc.Encode(line{a.ID, s.Text, s.Sentences}); err != nil {
			return fmt.Errorf("write summary of %s: %w", a.ID, err)
		}
	}
}
