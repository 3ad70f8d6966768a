package feed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	jsonfeed "github.com/mmcdole/gofeed/json"
)

// parseJSON tells JSON Feed from WordPress posts, and both from WordPress's
// error object.
func parseJSON(text []byte, base string) (Feed, error) {
	if text[0] == '[' {
		return parseWordPress(text, base)
	}
	var probe struct {
		Version string          `json:"version"`
		Items   json.RawMessage `json:"items"`
		Code    any             `json:"code"`
		Message string          `json:"message"`
		Content json.RawMessage `json:"content"`
		Link    any             `json:"link"`
	}
	if err := json.Unmarshal(text, &probe); err != nil && !isTypeError(err) {
		return Feed{}, fmt.Errorf("the JSON cannot be read: %w", err)
	}
	code, _ := probe.Code.(string)
	switch {
	case strings.Contains(probe.Version, "jsonfeed") || bytes.HasPrefix(probe.Items, []byte("[")):
		return parseJSONFeed(text)
	case code != "" && probe.Message != "":
		return Feed{}, fmt.Errorf("WordPress refuses (%s: %s): its REST interface is off or closed, use the site's feed instead",
			plain(code, 60), plain(probe.Message, 120))
	case probe.Link != nil && len(probe.Content) > 0:
		return parseWordPress(slices.Concat([]byte("["), text, []byte("]")), base)
	}
	return Feed{}, ErrUnknown
}

func isTypeError(err error) bool {
	_, ok := err.(*json.UnmarshalTypeError)
	return ok
}

func parseJSONFeed(text []byte) (Feed, error) {
	j, err := (&jsonfeed.Parser{}).Parse(bytes.NewReader(text))
	if err != nil {
		return Feed{}, fmt.Errorf("the JSON feed cannot be read: %w", err)
	}
	f := Feed{Kind: JSON, Title: j.Title, URL: j.FeedURL, SiteURL: j.HomePageURL, Language: j.Language}
	for _, it := range j.Items {
		if it == nil {
			continue
		}
		if len(f.Items) == MaxItems {
			f.Truncated = true
			break
		}
		f.Items = append(f.Items, jsonItem(it, j))
	}
	return f, nil
}

func jsonItem(j *jsonfeed.Item, f *jsonfeed.Feed) Item {
	it := Item{
		ID:         j.ID,
		URL:        either(j.URL, j.ExternalURL),
		Title:      escape(j.Title),
		Published:  firstDate(j.DatePublished, j.DateModified),
		Updated:    firstDate(j.DateModified),
		Summary:    escape(j.Summary),
		Content:    either(j.ContentHTML, paragraphs(j.ContentText)),
		Image:      either(j.Image, j.BannerImage),
		Language:   j.Language,
		Categories: j.Tags,
	}
	authors := append(j.Authors, j.Author)
	if len(j.Authors) == 0 && j.Author == nil {
		authors = append(f.Authors, f.Author)
	}
	for _, a := range authors {
		if a != nil {
			it.Author = append(it.Author, a.Name)
		}
	}
	if j.Attachments != nil && it.Image == "" {
		for _, a := range *j.Attachments {
			if strings.HasPrefix(a.MimeType, "image/") {
				it.Image = a.URL
				break
			}
		}
	}
	return it
}

var escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escape makes HTML of plain text.
func escape(s string) string { return escaper.Replace(s) }

// paragraphs makes HTML of plain text: an empty line parts paragraphs.
func paragraphs(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	var b strings.Builder
	for p := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			b.WriteString("<p>" + strings.ReplaceAll(escape(p), "\n", "<br>") + "</p>\n")
		}
	}
	return b.String()
}

// anyText is a JSON value that should be a string: WordPress plugins put
// false, numbers or {"rendered": …} in its place.
type anyText string

func (t *anyText) UnmarshalJSON(b []byte) error {
	*t = ""
	switch {
	case len(b) == 0:
	case b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = anyText(s)
	case b[0] == '{':
		var r struct{ Rendered, Raw string }
		if json.Unmarshal(b, &r) == nil {
			*t = anyText(either(r.Rendered, r.Raw))
		}
	case b[0] >= '0' && b[0] <= '9':
		*t = anyText(b)
	}
	return nil
}

// loose is a list or object that decodes as far as it can: a value of another
// shape (WordPress sends an error object where an author should be) counts as absent.
type loose[T any] struct{ v T }

func (l *loose[T]) UnmarshalJSON(b []byte) error {
	var v T
	if json.Unmarshal(b, &v) == nil {
		l.v = v
	}
	return nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
