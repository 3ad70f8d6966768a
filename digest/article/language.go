package article

import (
	"slices"
	"strings"
	"unicode"

	"github.com/RadhiFadlillah/whatlanggo"
)

// Language tells in which language a story is written and in which direction
// it runs. The detector decides on title and lead together; the prior, a
// BCP 47 tag that the page or feed claims, decides where the detector is not
// sure or takes one neighbour for another. Without either the language is "".
func Language(prior, title, lead string) (lang, dir string) {
	text := title + "\n" + lead
	claim := primary(prior)
	letters := countLetters(text)
	if letters.total == 0 {
		return claim, direction(claim, letters)
	}
	found := whatlanggo.Detect(text)
	lang = found.Lang.Iso6391()
	if lang == "" {
		lang = found.Lang.Iso6393()
	}
	lang = spellingOf(text, lang)
	if claim != "" && claim != lang && (letters.total < 40 || !found.IsReliable() || confusable(claim, lang)) && fits(claim, letters) {
		lang = claim
	}
	return lang, direction(lang, letters)
}

// primary is the language of a tag such as en-US or pt_BR; "" for what is no tag.
func primary(tag string) string {
	tag, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
	tag, _, _ = strings.Cut(tag, "_")
	if len(tag) < 2 || len(tag) > 3 || tag == "und" || tag == "mul" || strings.ContainsFunc(tag, func(r rune) bool { return r < 'a' || r > 'z' }) {
		return ""
	}
	if two, ok := shortTags[tag]; ok {
		return two
	}
	return tag
}

// shortTags are tags that pages write although another one is preferred.
var shortTags = map[string]string{
	"eng": "en", "urd": "ur", "rus": "ru", "spa": "es", "fra": "fr", "fre": "fr", "deu": "de", "ger": "de", "ara": "ar",
	"zho": "zh", "chi": "zh", "cmn": "zh", "fas": "fa", "per": "fa", "iw": "he", "in": "id", "ua": "uk",
}

// neighbours are languages that the detector mixes up on short texts.
var neighbours = [][]string{
	{"ru", "uk", "bg", "be", "mk", "sr"}, {"ur", "fa", "ar", "ps", "sd", "ckb", "skr", "ug"},
	{"no", "nb", "nn", "da", "sv"}, {"es", "pt", "gl", "ca"}, {"hr", "sr", "bs", "sl"}, {"cs", "sk"},
	{"id", "ms", "jv"}, {"hi", "mr", "ne", "bho", "mai"}, {"nl", "af"}, {"tr", "az"},
}

func confusable(a, b string) bool {
	for _, group := range neighbours {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

// spellingOf corrects the detector where letters decide that it does not weigh:
// Bulgarian has no ы, Russian no ї, Persian and Arabic no ٹ.
func spellingOf(text, lang string) string {
	switch {
	case slices.Contains([]string{"bg", "mk", "sr", "uk"}, lang) && strings.ContainsAny(text, "ыэё") && !strings.ContainsAny(text, "іїєґўқғңү"):
		return "ru"
	case slices.Contains([]string{"ru", "bg"}, lang) && strings.ContainsAny(text, "їєґ"):
		return "uk"
	case slices.Contains([]string{"fa", "ar"}, lang) && strings.ContainsAny(text, "ٹڈڑں"):
		return "ur"
	}
	return lang
}

// letterCount counts the letters of a text by direction and script.
type letterCount struct{ total, rtl, latin, cyrillic, arabic, han int }

func countLetters(s string) letterCount {
	var c letterCount
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r):
			continue
		case unicode.Is(unicode.Latin, r):
			c.latin++
		case unicode.Is(unicode.Cyrillic, r):
			c.cyrillic++
		case unicode.Is(unicode.Arabic, r):
			c.arabic, c.rtl = c.arabic+1, c.rtl+1
		case unicode.In(r, unicode.Hebrew, unicode.Syriac, unicode.Thaana, unicode.Nko, unicode.Adlam):
			c.rtl++
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana):
			c.han++
		}
		c.total++
	}
	return c
}

// fits tells whether a claimed language can be written in the letters seen, so
// that a theme's lang="en" does not turn an Urdu story English.
func fits(lang string, c letterCount) bool {
	half := c.total / 2
	switch {
	case c.arabic > half:
		return slices.Contains(neighbours[1], lang)
	case c.cyrillic > half:
		return slices.Contains(neighbours[0], lang) || slices.Contains([]string{"kk", "ky", "tg", "mn", "tt", "uz", "az", "ba"}, lang)
	case c.han > half:
		return lang == "zh" || lang == "ja" || lang == "yue"
	case c.latin > half:
		return !slices.Contains([]string{"ur", "fa", "ar", "ps", "sd", "he", "ru", "uk", "bg", "mk", "be", "zh", "ja", "ko", "hi", "bn", "ta", "te", "th", "el", "ka", "hy"}, lang)
	}
	return true
}

// direction follows the letters, not the label; a language without text has
// that of its usual script.
func direction(lang string, c letterCount) string {
	if c.total > 0 {
		if c.rtl*2 > c.total {
			return "rtl"
		}
		return "ltr"
	}
	if slices.Contains([]string{"ar", "fa", "ur", "he", "yi", "ps", "sd", "ug", "ckb", "dv"}, lang) {
		return "rtl"
	}
	return "ltr"
}
