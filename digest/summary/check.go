package summary

import "strings"

// What follows is for those who judge a text about an article that was not
// chosen from it.

// Stems cuts a text into words as the models see them: lower case, six letters
// at most; of a script without spaces each character.
func Stems(s string) []string {
	v := newVocabulary()
	var out []string
	for _, t := range v.tokens(s, nil) {
		out = append(out, v.stems[t.id])
	}
	return out
}

// Judge says whether a sentence accuses somebody and whether it denies.
func Judge(language, sentence string) (accuses, denies bool) {
	return chargesFor(language).judge(sentence)
}

// Fair says whether a text about the article may stand: one that accuses holds
// a denial if the article has one.
func Fair(d Doc, text string) bool {
	rules := chargesFor(d.Language)
	accuses, denies := false, false
	for _, s := range Split(d.Language, text) {
		a, n := rules.judge(text[s[0]:s[1]])
		accuses, denies = accuses || a, denies || n
	}
	if !accuses || denies {
		return true
	}
	body := head(d.Text)
	for _, s := range Split(d.Language, body) {
		if _, n := rules.judge(body[s[0]:s[1]]); n {
			return false
		}
	}
	return true
}

// Opening is how many bytes of a text are byline and dateline.
func Opening(text string) int {
	start := len(text) - len(strings.TrimLeftFunc(text, isBlank))
	return opening(text[start:])
}

// Starts says whether a word, in lower case, opens sentences in the language
// more often than it is a name.
func Starts(language, word string) bool {
	l := languageFor(language)
	for s := range l.starters {
		if strings.ToLower(s) == word {
			return true
		}
	}
	for _, b := range l.back {
		if strings.ToLower(b) == word {
			return true
		}
	}
	return false
}
