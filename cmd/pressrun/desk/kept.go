package desk

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"pressrun/templates"
)

// kept is what somebody wrote in a form that is not shown again.
func kept(r *http.Request) []templates.Field {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return nil
	}
	var out []templates.Field
	for _, name := range slices.Sorted(maps.Keys(r.PostForm)) {
		if value := strings.TrimSpace(r.PostForm.Get(name)); name != "" && value != "" && !slices.Contains(unwritten, name) {
			out = append(out, templates.Field{Name: name, Label: strings.ToUpper(name[:1]) + name[1:], Value: value})
		}
	}
	return out
}

// unwritten are fields that nobody writes in.
var unwritten = []string{"do", "version", "page", "what", "role", "flag", "days", "public", "list", "rights", "pictures", "language", "zone", "over"}
