package templates

import (
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/language"
)

// Spoken is the language of the pages for a reader's language.
func Spoken(lang string) string { return Words(lang).Language }

// SameLanguage says whether two language tags are of one language, whatever their
// regions: "en-GB" and "en". None is not one.
func SameLanguage(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return a != "" && strings.EqualFold(a, b)
}

// Asked is the language asked for by ?lang= or by the browser, of those that
// pages speak.
func Asked(r *http.Request) string {
	if asked := r.URL.Query().Get("lang"); asked != "" && len(asked) < 36 {
		return Spoken(asked)
	}
	header := r.Header.Get("Accept-Language")
	if header == "" || len(header) > 500 {
		return Languages()[0]
	}
	wanted, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return Languages()[0]
	}
	_, i, confidence := spokenMatcher.Match(wanted...)
	if confidence == language.No {
		return Languages()[0]
	}
	return Languages()[i]
}

// Translated is the path and query of a request, in a language.
func Translated(r *http.Request, lang string) string {
	q := r.URL.Query()
	q.Set("lang", lang)
	return (&url.URL{Path: r.URL.Path, RawQuery: q.Encode()}).String()
}

// Alternates are the page that a request asks for, in each language that pages speak.
func Alternates(r *http.Request) []Alternate {
	var out []Alternate
	for _, lang := range Languages() {
		out = append(out, Alternate{Language: lang, URL: Translated(r, lang)})
	}
	return out
}

var spokenMatcher = func() language.Matcher {
	tags := make([]language.Tag, len(Languages()))
	for i, l := range Languages() {
		tags[i] = language.Make(l)
	}
	return language.NewMatcher(tags)
}()
