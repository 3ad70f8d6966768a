package desk

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"pressrun/digest"
)

// What browsers send is read here, before any handler sees it.

// errUnread is a form that did not come whole: nothing of it is acted on.
var errUnread = errors.New("the form cannot be read")

// read takes a form, other than one with a file, and makes text of all that was
// sent: no database should have to refuse NUL and broken UTF-8, as PostgreSQL does.
func (r *request) read() error {
	if text(r.URL.Path) != r.URL.Path {
		return digest.ErrNotFound
	}
	if query := r.URL.Query(); texts(query) {
		r.URL.RawQuery = query.Encode()
	}
	err := r.ParseForm()
	texts(r.Form)
	texts(r.PostForm)
	if err != nil && r.Method == http.MethodPost {
		return fmt.Errorf("%w: %w", errUnread, err)
	}
	return nil
}

// texts makes text of all values and says whether one was none.
func texts(form url.Values) (changed bool) {
	for _, values := range form {
		for i, v := range values {
			values[i] = text(v)
			changed = changed || values[i] != v
		}
	}
	return changed
}

// text leaves out of s what no text has.
func text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}
