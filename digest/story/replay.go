package story

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// ReplayJSON is the verb `pressrun story cluster`: JSON lines
// {id, title, text, url, published} in, JSON lines {id, story} out, in the order
// of the input. published is RFC 3339 or absent; source and language may be given.
func ReplayJSON(r io.Reader, w io.Writer) error {
	var docs []Doc
	dec := json.NewDecoder(r)
	for {
		var in struct {
			ID, Title, Text, URL, Source, Language string
			Published                              string
		}
		if err := dec.Decode(&in); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read article %d: %w; write a JSON object a line, all its values texts: {\"id\": \"1\", \"title\": \"…\", \"text\": \"…\", \"url\": \"…\", \"published\": \"2026-11-25T18:00:00Z\"}", len(docs)+1, err)
		}
		d := Doc{ID: in.ID, Title: in.Title, Text: in.Text, URL: in.URL, Source: in.Source, Language: in.Language}
		if in.Published != "" {
			t, err := time.Parse(time.RFC3339, in.Published)
			if err != nil {
				return fmt.Errorf("read article %q: published %q is not a time; write it with its zone, for instance 2026-11-25T18:00:00Z, or leave it out", in.ID, in.Published)
			}
			d.Published = t
		}
		docs = append(docs, d)
	}
	stories := Cluster(docs)
	bw := bufio.NewWriter(w)
	enc := json.NewEncoder(bw)
	enc.SetEscapeHTML(false)
	for _, d := range docs {
		if err := enc.Encode(struct {
			ID    string `json:"id"`
			Story string `json:"story"`
		}{d.ID, stories[d.ID].Story}); err != nil {
			return fmt.Errorf("write stories: %w", err)
		}
	}
	if err := bw.Flush(); err != nil {
		return fmt.Errorf("write stories: %w", err)
	}
	return nil
}
