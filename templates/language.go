package templates

import (
	"net/http"

	"golang.org/x/text/language"
)

// Spoken is the language of the pages for a reader's language.
func Spoken(lang string) string { return Words(lang).Language }

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

var spokenMatcher = func() language.Matcher {
	tags := make([]language.Tag, len(Languages()))
	for i, l := range Languages() {
		tags[i] = language.Make(l)
	}
	return language.NewMatcher(tags)
}()
