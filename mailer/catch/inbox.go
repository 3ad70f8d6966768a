package catch

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pressrun/templates"
)

// perPage is how many mails one page of the list shows.
const perPage = 50

// maxSource is how many bytes of a mail's source are shown; the file to
// download is whole.
const maxSource = 512 << 10

//go:embed inbox/*
var inboxFiles embed.FS

// pagePolicy is the Content-Security-Policy of the inbox's own pages. frame-src
// also keeps a mail from leading its frame elsewhere.
const pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"

// Handler returns the web inbox, for requests whose path begins with prefix
// ("" or "/inbox"). Every page is plain HTML; nothing on it changes anything.
//
//	GET {prefix}/?q=&page=                       the list, newest first
//	GET {prefix}/mail/{id}?part=&width=&scheme=  one mail
//	GET {prefix}/mail/{id}/frame?scheme=         its HTML part, for the sandboxed frame
//	GET {prefix}/mail/{id}/raw                   the .eml file
//	GET {prefix}/mail/{id}/part/{n}              one part, to download
func (c *Catcher) Handler(prefix string) http.Handler {
	in := &inbox{c: c, prefix: strings.TrimSuffix(prefix, "/")}
	in.pages = template.Must(template.New("").Funcs(template.FuncMap{
		"size": size, "utc": utc, "when": in.when, "word": decodeWords, "desk": func() string { return c.Desk },
	}).ParseFS(inboxFiles, "inbox/*.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", in.list)
	mux.HandleFunc("GET /inbox.css", in.css)
	mux.HandleFunc("GET /mail/{id}", in.mail)
	mux.HandleFunc("GET /mail/{id}/frame", in.frame)
	mux.HandleFunc("GET /mail/{id}/raw", in.raw)
	mux.HandleFunc("GET /mail/{id}/part/{n}", in.part)
	return http.StripPrefix(in.prefix, in.rooted(mux))
}

type inbox struct {
	c      *Catcher
	prefix string
	pages  *template.Template
}

// rooted sends the bare prefix to its slash, so that relative addresses work.
func (in *inbox) rooted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "" {
			http.Redirect(w, r, in.prefix+"/", http.StatusMovedPermanently)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-DNS-Prefetch-Control", "off")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", pagePolicy)
		next.ServeHTTP(w, r)
	})
}

// listPage is what inbox/list.html shows.
type listPage struct {
	Prefix, Title, Query string
	Sort                 string // a key of orders, "-" before it for downwards; "" = newest first
	Mails                []Message
	Total, Page, Pages   int
	First, Last          int
}

// orders are what the list can be sorted by, as its columns stand.
var orders = []struct {
	key, title, class string
	by                func(a, b Message) int
}{
	{"to", "To", "", func(a, b Message) int {
		return strings.Compare(strings.ToLower(strings.Join(a.To, " ")), strings.ToLower(strings.Join(b.To, " ")))
	}},
	{"subject", "Subject", "", func(a, b Message) int { return strings.Compare(strings.ToLower(a.Subject), strings.ToLower(b.Subject)) }},
	{"size", "Size", "n", func(a, b Message) int { return a.Size - b.Size }},
	{"received", "Received, UTC", "n", func(a, b Message) int { return a.Received.Compare(b.Received) }},
}

// listColumn is a head of the list; its address sorts by it, and the other way
// round when it is sorted by already.
type listColumn struct{ Title, Class, Sorted, URL string }

// Columns are the heads of the list.
func (p listPage) Columns() []listColumn {
	var out []listColumn
	for _, o := range orders {
		c := listColumn{Title: o.title, Class: o.class, Sorted: map[string]string{o.key: "ascending", "-" + o.key: "descending"}[p.sort()]}
		next := p
		next.Sort = o.key
		if p.sort() == o.key {
			next.Sort = "-" + o.key
		}
		c.URL = next.at(1)
		out = append(out, c)
	}
	return out
}

func (p listPage) sort() string {
	if p.Sort == "" {
		return "-received"
	}
	return p.Sort
}

// Previous and Next are the addresses of the neighbouring pages, "" at the ends.
func (p listPage) Previous() string { return p.at(p.Page - 1) }

// Next is the address of the page after this.
func (p listPage) Next() string { return p.at(p.Page + 1) }

func (p listPage) at(n int) string {
	if n < 1 || n > p.Pages {
		return ""
	}
	q := url.Values{"page": {strconv.Itoa(n)}}
	if p.Query != "" {
		q.Set("q", p.Query)
	}
	if p.Sort != "" {
		q.Set("sort", p.Sort)
	}
	return p.Prefix + "/?" + q.Encode()
}

func (in *inbox) list(w http.ResponseWriter, r *http.Request) {
	query := strings.TrimSpace(r.FormValue("q"))
	all := in.c.Messages(query)
	p := listPage{Prefix: in.prefix, Title: "Inbox", Query: query, Total: len(all), Pages: max(1, (len(all)+perPage-1)/perPage)}
	key, down := strings.CutPrefix(r.FormValue("sort"), "-")
	for _, o := range orders {
		if o.key != key {
			continue
		}
		p.Sort = r.FormValue("sort")
		slices.SortStableFunc(all, func(a, b Message) int {
			if down {
				a, b = b, a
			}
			return o.by(a, b)
		})
	}
	n, _ := strconv.Atoi(r.FormValue("page"))
	p.Page = min(max(n, 1), p.Pages)
	start := (p.Page - 1) * perPage
	p.Mails = all[start:min(start+perPage, len(all))]
	p.First, p.Last = start+1, start+len(p.Mails)
	in.show(w, "list.html", p)
}

// mailPage is what inbox/mail.html shows.
type mailPage struct {
	Prefix, Title string
	Message
	View         *view
	Part         string // html, text, headers or source
	Width        string // desktop or phone
	Scheme       string // light or dark
	Source       string
	Cut          bool   // Source is not whole
	Newer, Older string // ids
	HasHTML      bool
	HasText      bool
}

// Link is the page's address with one choice changed.
func (p mailPage) Link(key, value string) string {
	q := url.Values{"part": {p.Part}, "width": {p.Width}, "scheme": {p.Scheme}}
	q.Set(key, value)
	return p.Prefix + "/mail/" + p.ID + "?" + q.Encode()
}

// Frame is the address of the HTML part in the chosen scheme.
func (p mailPage) Frame() string {
	return p.Prefix + "/mail/" + p.ID + "/frame?scheme=" + p.Scheme
}

func (in *inbox) mail(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	v := parse(m.Raw)
	p := mailPage{
		Prefix: in.prefix, Title: m.Subject, Message: m, View: v, HasHTML: v.HTML != "", HasText: v.Text != "",
		Width: one(r.FormValue("width"), "desktop", "phone"), Scheme: one(r.FormValue("scheme"), "light", "dark"),
	}
	p.Part = one(r.FormValue("part"), "html", "text", "headers", "source")
	if p.Part == "html" && !p.HasHTML {
		p.Part = "text"
	}
	source := m.Raw
	if p.Cut = len(source) > maxSource; p.Cut {
		source = source[:maxSource]
	}
	p.Source = string(bytes.ToValidUTF8(source, []byte("\uFFFD")))
	p.Newer, p.Older = in.neighbours(m.ID)
	in.show(w, "mail.html", p)
}

// neighbours returns the ids of the mails received next and before.
func (in *inbox) neighbours(id string) (newer, older string) {
	all := in.c.Messages("")
	for i, m := range all {
		if m.ID != id {
			continue
		}
		if i > 0 {
			newer = all[i-1].ID
		}
		if i+1 < len(all) {
			older = all[i+1].ID
		}
	}
	return newer, older
}

func (in *inbox) frame(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Security-Policy", framePolicy(in.c.ImagesFrom))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	fmt.Fprint(w, parse(m.Raw).frame(r.FormValue("scheme") == "dark"))
}

func (in *inbox) raw(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	download(w, "message/rfc822", m.ID+".eml", m.Raw)
}

func (in *inbox) part(w http.ResponseWriter, r *http.Request) {
	m, ok := in.find(w, r)
	if !ok {
		return
	}
	parts := parse(m.Raw).Parts
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(parts) {
		in.missing(w)
		return
	}
	name := parts[n].Name
	if name == "" {
		name = "part-" + strconv.Itoa(n+1)
	}
	download(w, "application/octet-stream", name, parts[n].Body)
}

// download hands bytes over as a file, never as something to show.
func download(w http.ResponseWriter, kind, name string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}

func (in *inbox) find(w http.ResponseWriter, r *http.Request) (Message, bool) {
	m, ok := in.c.Message(r.PathValue("id"))
	if !ok {
		in.missing(w)
	}
	return m, ok
}

func (in *inbox) missing(w http.ResponseWriter) {
	w.WriteHeader(http.StatusNotFound)
	in.show(w, "missing.html", listPage{Prefix: in.prefix, Title: "Not here"})
}

func (in *inbox) css(w http.ResponseWriter, _ *http.Request) {
	tokens, err := fs.ReadFile(templates.Static(), "tokens.css")
	own, oops := inboxFiles.ReadFile("inbox/inbox.css")
	if err := errors.Join(err, oops); err != nil {
		panic(err) // the files are part of the program
	}
	w.Header().Set("Cache-Control", "max-age=300")
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Write(tokens)
	w.Write(own)
}

func (in *inbox) show(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := in.pages.ExecuteTemplate(&b, name, data); err != nil {
		slog.Error("show the inbox", "page", name, "error", err)
		http.Error(w, "The page could not be made; the mails are safe.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes())
}

// one is s if it is among the choices, else the first of them.
func one(s string, choices ...string) string {
	for _, c := range choices {
		if s == c {
			return s
		}
	}
	return choices[0]
}

// size is a number of bytes as people read it.
func size(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n) + "\u00a0B"
	case n < 999_500:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 1, 64) + "\u00a0kB"
	}
	return strconv.FormatFloat(float64(n)/1e6, 'f', 1, 64) + "\u00a0MB"
}

func utc(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") }

// when is short for the list: the time today, else the day with it.
func (in *inbox) when(t time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) == in.c.now().UTC().Format(time.DateOnly) {
		return t.Format("15:04:05")
	}
	return t.Format("2 Jan 15:04")
}
