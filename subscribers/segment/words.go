package segment

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/expr-lang/expr/file"
)

// Error says what is wrong with a rule, and where.
type Error struct {
	Line, Column int // from 1; in characters
	Message      string
}

func (e *Error) Error() string {
	switch {
	case e.Line == 1 && e.Column == 1:
		return e.Message
	case e.Line == 1:
		return fmt.Sprintf("at character %d: %s", e.Column, e.Message)
	}
	return fmt.Sprintf("in line %d, character %d: %s", e.Line, e.Column, e.Message)
}

// What the parser says of a rule it cannot read.
var (
	unexpected   = regexp.MustCompile(`unexpected token (\w+)(?:\("(.*)"\))?`)
	unrecognized = regexp.MustCompile(`unrecognized character: U\+[0-9A-F]+ '(.*)'`)
)

// syntax puts what the parser says about a rule into the words of people who
// write rules.
func syntax(rule string, err error) error {
	var e *file.Error
	if !errors.As(err, &e) {
		return &Error{1, 1, "the rule cannot be read"}
	}
	return &Error{max(e.Line, 1), e.Column + 1, syntaxWords(rule, e.Message)}
}

func syntaxWords(rule, said string) string {
	if m := unrecognized.FindStringSubmatch(said); m != nil {
		if strings.ContainsAny(m[1], "“”„‟‘’«»") {
			return `write straight quotation marks: "…"`
		}
		return fmt.Sprintf("%s means nothing outside quotation marks", m[1])
	}
	if strings.Contains(said, "literal not terminated") {
		return "a quotation mark is missing: a text begins before and does not end"
	}
	m := unexpected.FindStringSubmatch(said)
	if m == nil {
		return "the rule cannot be read from here on"
	}
	token := strings.ReplaceAll(m[2], `\"`, `"`)
	switch {
	case m[1] == "EOF" && strings.Count(rule, "(") > strings.Count(rule, ")"):
		return "a bracket is open: a ) is missing"
	case m[1] == "EOF":
		return "the rule ends too early; something is missing behind its last word"
	case token == "=" || strings.EqualFold(token, "is") || strings.EqualFold(token, "equals"):
		return `write == for “is” and != for “is not”`
	case token == ">" && strings.Contains(rule, "<>"):
		return `write != for “is not”`
	case token == "&":
		return "write and, or &&"
	case strings.EqualFold(token, "like"):
		return `write contains, startsWith or endsWith, with a text: email endsWith "@example.com"`
	case token != strings.ToLower(token) && slices.Contains([]string{"and", "or", "not", "in", "contains", "startswith", "endswith"}, strings.ToLower(token)):
		return fmt.Sprintf("write %s in small letters", strings.ToLower(token))
	case token == ")":
		return "there is a ) without a ( before it"
	case m[1] == "String":
		token = `"` + token + `"`
	}
	return fmt.Sprintf("%s does not belong here; between two comparisons stands and, or or", token)
}

// fields are what a rule may speak of.
const fields = "email, domain, name, language, zone, text_only, created, list(\"…\"), and what you know of readers yourself as attrs.city"

// unknown says that a word means nothing in a rule, and which does.
func unknown(word string) string {
	if word == "list" {
		return `list needs a name: list("daily")`
	}
	if mean := didYouMean(word, names); mean != "" {
		return fmt.Sprintf("%q is not known%s", word, mean)
	}
	return fmt.Sprintf("%q is not known; a rule speaks of %s", word, fields)
}

// didYouMean is "; did you mean …?" when one of the names is close, else "".
func didYouMean(got string, names []string) string {
	if len(got) > 64 {
		return ""
	}
	best, least := "", 3
	for _, name := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(got), strings.ToLower(name)); d < least && 2*d < utf8.RuneCountInString(name) {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}
