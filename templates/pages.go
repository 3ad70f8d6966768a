package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed pages
var pageFiles embed.FS

// Names of the public pages, see [Page]; beside each the view it takes.
const (
	PageSubscribe     = "subscribe"      // SubscribePage
	PageSubscribeDone = "subscribe-done" // SubscribeDonePage
	PageConfirm       = "confirm"        // ConfirmPage
	PageConfirmed     = "confirmed"      // ConfirmedPage
	PageUnsubscribe   = "unsubscribe"    // UnsubscribePage
	PageUnsubscribed  = "unsubscribed"   // UnsubscribedPage
	PagePreferences   = "preferences"    // PreferencesPage
	PageYours         = "yours"          // YoursPage
	PageErased        = "erased"         // ErasedPage
	PageMove          = "move"           // MovePage
	PageMoved         = "moved"          // MovedPage
	PageArchives      = "archives"       // ArchivesPage
	PageArchive       = "archive"        // ArchivePage
	PageIssue         = "issue"          // IssuePage
	PageError         = "error"          // ErrorPage
)

// Names of the fields in the forms of public pages.
const (
	FieldEmail    = "email"
	FieldName     = "name"
	FieldList     = "list"     // repeated; the value is ListChoice.Value
	FieldLanguage = "language" // BCP 47
	FieldTextOnly = "text"     // "1" when ticked
	FieldPause    = "pause"    // days from now, "0" = none, "keep" = as it is
	FieldTrap     = "website"  // people do not see it and leave it empty, programs fill it in
	FieldAll      = "all"      // "1": the form that unsubscribes from everything
	FieldYours    = "yours"    // "1": the form that asks for the link to YoursPage
	FieldErase    = "erase"    // "1": the form that erases the reader
)

// Frame is what every public page has around its content. Embed it.
type Frame struct {
	Brand Brand
	// Alternates are the page in other languages, for the switch at its foot.
	Alternates []Alternate
	// Framed is true inside somebody else's page: no masthead, no foot.
	Framed bool
}

func (f Frame) frame() Frame { return f }

// Alternate is the page in another language.
type Alternate struct {
	Language string // BCP 47
	URL      string // may be relative
	Title    string // what it is called; "" = its language
}

// ListChoice is a newsletter to tick in a form.
type ListChoice struct {
	Value       string // of FieldList
	Title       string
	Description string // when it comes and what is in it; "" = none
	Checked     bool
	Focus       bool // the reader is to go on here
}

// SubscribePage is the form that asks for an address.
type SubscribePage struct {
	Frame
	Action string // where the form is posted to
	Lists  []ListChoice
	Email  string // as typed, when the form is shown again
	Name   string
	// Problem is the key of what is wrong with the form: "email", "scripts" (of the
	// address too), "list", "busy", "" = nothing. It stands beside the field.
	Problem    string
	Suggestion string // the address that was meant, beside the problem "email"
}

// SubscribeDonePage is the answer to the form: the same whether the address is
// new, known or never written to.
type SubscribeDonePage struct {
	Frame
	Email      string // as typed
	Suggestion string // the address that was probably meant; "" = none
	Back       string // address of the form
}

// ConfirmPage shows the button of a confirmation; opening it changes nothing.
type ConfirmPage struct {
	Frame
	Action     string
	Newsletter string // title, or titles
	Email      string // masked
}

// ConfirmedPage says that the subscription stands.
type ConfirmedPage struct {
	Frame
	Newsletter  string   // title, or titles; "" = all are in Welcomed
	Welcomed    string   // of which the latest issue goes out to the reader at once
	Coming      []Coming // of each list, where there is something to tell
	Preferences string   // address of the reader's own page; "" = not offered
}

// Coming is what a new reader of a list may look forward to.
type Coming struct {
	Title  string    // of the list
	Next   time.Time // when its next issue is due, in the newsletter's zone; zero = nobody knows
	Latest string    // address of its latest issue; "" = none is public
}

// UnsubscribePage shows the button that ends a subscription; opening it changes
// nothing.
type UnsubscribePage struct {
	Frame
	Action      string
	Newsletter  string
	Email       string // masked
	Preferences string // "" = not offered
	Test        bool   // the link is from a test mail: no button, it would change nothing
}

// UnsubscribedPage says that it is done.
type UnsubscribedPage struct {
	Frame
	Newsletter string // title, or titles; "" = all there are
	// Again is where to subscribe again, Preferences the reader's own page where
	// that is not offered; "" = no link.
	Again       string
	Preferences string
}

// PreferencesPage is the reader's own page.
type PreferencesPage struct {
	Frame
	Action    string
	Email     string // masked
	Name      string
	Lists     []ListChoice
	Languages []LanguageChoice // none = not offered
	TextOnly  bool
	Pauses    []int   // days offered: 7, 30
	Paused    []Pause // those that are on; none = not paused
	Saved     bool    // what was posted is stored
	Left      bool    // the reader has left all there are
	Withheld  string  // why nothing is sent whatever is ticked: hard, complaint, manual; "" = it is sent
	Form      string  // address of the sign-up form
	Sent      bool    // the link to YoursPage was asked for
}

// Pause is one that is on.
type Pause struct {
	Newsletter string    // title; "" = all that the reader gets
	Until      time.Time // in the reader's zone
}

// YoursPage is where a reader gets what is held about him, asks to be moved to
// another address, and erases himself.
type YoursPage struct {
	Frame
	Action string
	Email  string
	Data   string // address of the file
	Form   string // address of the sign-up form when he cannot be moved; "" = he can
	// Typed is the new address; Sent says that a letter to it was asked for, Problem
	// why it is none ("email", "scripts"), Suggestion which was probably meant.
	Typed      string
	Sent       bool
	Problem    string
	Suggestion string
}

// ErasedPage says that a reader is erased.
type ErasedPage struct{ Frame }

// MovePage shows the button by which a reader takes a new address; opening it
// changes nothing.
type MovePage struct {
	Frame
	Action string
	Email  string
	Before string // the present one, masked
}

// MovedPage says that the new address is taken.
type MovedPage struct {
	Frame
	Email       string
	Preferences string
}

// LanguageChoice is an edition's language to choose.
type LanguageChoice struct {
	Language string // BCP 47
	Checked  bool
}

// ArchivesPage lists the newsletters whose issues everybody may read.
type ArchivesPage struct {
	Frame
	Canonical   string // the page's own address, absolute
	Newsletters []ArchiveNewsletter
}

// ArchiveNewsletter is one newsletter in the archive.
type ArchiveNewsletter struct {
	URL         string
	Title       string
	Description string // "" = none
	Language    string // of the title
	Direction   string
	Issues      int
	Latest      ArchiveEntry // its URL is "" when none has been sent
}

// ArchivePage lists the public issues of a newsletter, newest first: all, or those
// that a search finds.
type ArchivePage struct {
	Frame
	Newsletter string
	Canonical  string // the page's own address, absolute
	Index      string // address of the ArchivesPage; "" = not offered
	Action     string // where the search is sent to; "" = not offered
	Query      string // what is searched for; "" = nothing
	Edition    string // sent along with the search; "" = the first
	Total      int    // issues on all pages
	Issues     []ArchiveEntry
	Newer      string // address of the page with newer issues; "" = none
	Older      string
	Atom       string
	JSON       string
	Subscribe  string
}

// ArchiveEntry is one issue in the archive.
type ArchiveEntry struct {
	URL       string
	Date      time.Time // in the newsletter's zone
	Number    int
	Subject   string
	Language  string // of the subject
	Direction string
	Stories   int // 0 = not said
	Corrected bool
}

// IssuePage shows one sent issue in a shadow tree, so that the mail's styles and the
// page's do not mix, and browsers without such trees in a frame.
type IssuePage struct {
	Frame
	Newsletter string
	Subject    string
	Date       time.Time
	Language   string
	Direction  string
	Canonical  string // the page's own address, absolute
	HTML       string // the issue as it was sent, of RenderIssue, its slots emptied; "" = the frame alone
	FrameURL   string // address of the same
	// Corrections stand above the issue, the newest first.
	Corrections []Correction
	Archive     string
	Newer       string
	Older       string
	Subscribe   string
}

// ErrorPage says what happened and what to do.
type ErrorPage struct {
	Frame
	// Kind is expired, own, invalid, request, notfound, busy or failed; anything else is failed.
	Kind string
	Form string // address of the sign-up form; "" = not offered
}

// page is the view of the layout around a page's own view.
type page struct {
	W         *Vocabulary
	Name      string
	Title     string
	Language  string
	Direction string
	Frame     Frame
	BrandName string
	Home      string
	Accent    string // address of the accent's style sheet
	Framed    bool
	View      any
}

// pageKind is what Page knows of a page: its template, its title and which view
// it takes.
type pageKind struct {
	title func(w *Vocabulary, view any) (string, bool)
}

func titled[V any](title func(*Vocabulary, V) string) pageKind {
	return pageKind{title: func(w *Vocabulary, view any) (string, bool) {
		v, ok := view.(V)
		if !ok {
			return "", false
		}
		return title(w, v), true
	}}
}

func says[V any](key string) pageKind {
	return titled(func(w *Vocabulary, _ V) string { return w.Say(key) })
}

var pageKinds = map[string]pageKind{
	PageSubscribe:     says[SubscribePage]("subscribe.title"),
	PageSubscribeDone: says[SubscribeDonePage]("subscribe.done.title"),
	PageConfirm:       says[ConfirmPage]("confirm.title"),
	PageConfirmed:     says[ConfirmedPage]("confirmed.title"),
	PageUnsubscribe:   says[UnsubscribePage]("unsubscribe.title"),
	PageUnsubscribed:  says[UnsubscribedPage]("unsubscribed.title"),
	PagePreferences:   says[PreferencesPage]("preferences.title"),
	PageYours:         says[YoursPage]("yours.title"),
	PageErased:        says[ErasedPage]("erased.title"),
	PageMove:          says[MovePage]("move.title"),
	PageMoved:         says[MovedPage]("moved.title"),
	PageArchives:      says[ArchivesPage]("archives.title"),
	PageArchive: titled(func(w *Vocabulary, v ArchivePage) string {
		return w.Say("archive.title", "newsletter", clip(v.Newsletter, maxName))
	}),
	PageIssue: titled(func(w *Vocabulary, v IssuePage) string { return Isolate(clip(v.Subject, maxTitle), w.Direction) }),
	PageError: titled(func(w *Vocabulary, v ErrorPage) string { return w.Say("error." + v.kind() + ".title") }),
}

var pageTemplates = parsePages()

// parsePages parses each page with the layout, so that every page can define
// "content" anew.
func parsePages() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(pageFuncs).ParseFS(pageFiles, "pages/layout.html", "pages/parts.html"))
	all := map[string]*template.Template{}
	for name := range pageKinds {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, "pages/"+name+".html"))
	}
	return all
}

var pageFuncs = template.FuncMap{
	"bdi":     func(s string) template.HTML { return withBdi(whole(s)) },
	"isolate": func(w *Vocabulary, s string) template.HTML { return withBdi(Isolate(clean(s), w.Direction)) },
	"language": func(lang string) string {
		if w := Words(lang); baseOf(w.Language) == baseOf(lang) {
			return w.Name
		}
		return lang
	},
	"dir": directionOf,
	"latin": func(s string) string { // its class: spaces of its own in a page of Nastaliq
		if strings.ContainsFunc(s, strongRTL) {
			return ""
		}
		return "latin"
	},
	"script": scriptOf,
	"sheet":  sheet,
	"static": staticURL,
	"clean":  clean,
	"field":  func(name string) string { return formFields[name] },
	"languages": func() []string {
		return Languages()
	},
}

// gap is an ellipsis inside a word, as a masked address has it: a line may end there.
var gap = regexp.MustCompile(`…(\S)`)

// whole keeps such words on one line where they fit.
func whole(s string) string { return gap.ReplaceAllString(s, "…\u2060$1") }

var (
	mailStyle = regexp.MustCompile(`(?s)<style\b.*?</style>`)
	mailBody  = regexp.MustCompile(`(?s)<body\b[^>]*>(.*)</body>`)
)

// sheet is what of a mail of ours stands in another document: its styles and its body.
func sheet(html string) template.HTML {
	body := mailBody.FindStringSubmatch(html)
	if body == nil {
		return ""
	}
	return template.HTML(strings.Join(mailStyle.FindAllString(html, -1), "") + body[1])
}

// formFields are the field names by the words that templates use for them.
var formFields = map[string]string{
	"email": FieldEmail, "name": FieldName, "list": FieldList, "language": FieldLanguage,
	"text": FieldTextOnly, "pause": FieldPause, "trap": FieldTrap, "all": FieldAll,
	"yours": FieldYours, "erase": FieldErase,
}

// Page writes the public page called name in a language, filled from its view
// (see the constants; a value, not a pointer). Nothing is written when it fails:
// an unknown name, or a view that is not the page's own.
//
// Pages need no JavaScript and no inline styles; they load files below
// StaticPrefix only, so that a handler can send
//
//	Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self' https:; frame-src 'self'; form-action 'self'; base-uri 'none'
//
// IssuePage alone has a mail's styles in it, and needs style-src 'unsafe-inline' too.
func Page(w io.Writer, name, lang string, data any) error {
	kind, ok := pageKinds[name]
	if !ok {
		return fmt.Errorf("write page %q: no such page", name)
	}
	words := Words(lang)
	title, ok := kind.title(words, data)
	if !ok {
		return fmt.Errorf("write page %q: %T is not its view", name, data)
	}
	frame := data.(interface{ frame() Frame }).frame()
	frame.Brand = cleanBrand(frame.Brand)
	view := page{
		W: words, Name: name, Title: title, Language: words.Language, Direction: words.Direction, Frame: frame,
		BrandName: Isolate(frame.Brand.Name, words.Direction), Home: frame.Brand.URL,
		Accent: accentURL(frame.Brand.Accent), Framed: frame.Framed, View: data,
	}
	var b bytes.Buffer
	if err := pageTemplates[name].ExecuteTemplate(&b, "layout.html", view); err != nil {
		return fmt.Errorf("write page %q: %w", name, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// cleanBrand makes a brand's texts and addresses fit to be shown.
func cleanBrand(b Brand) Brand {
	return Brand{
		Name: clip(b.Name, maxName), URL: address(b.URL), Accent: b.Accent,
		Logo: address(b.Logo), LogoDark: address(b.LogoDark), Postal: clip(postalOf(b), maxTitle),
	}
}

// postalOf is a brand's postal address without the brand's name before it, which
// stands beside it everywhere.
func postalOf(b Brand) string {
	rest, ok := strings.CutPrefix(b.Postal, b.Name)
	if address := strings.TrimLeft(rest, ",;،\n "); ok && address != "" && strings.IndexAny(rest, ",;،\n") == 0 {
		return address
	}
	return b.Postal
}

func (v ErrorPage) kind() string {
	switch v.Kind {
	case "expired", "own", "invalid", "request", "notfound", "busy":
		return v.Kind
	}
	return "failed"
}

// Text is what the page says; for templates.
func (v ErrorPage) Text(w *Vocabulary) string { return w.Say("error." + v.kind() + ".text") }

// Text is what the page says; for templates.
func (v UnsubscribedPage) Text(w *Vocabulary) string {
	if v.Newsletter == "" {
		return w.Say("unsubscribed.all")
	}
	return w.Say("unsubscribed.text", "newsletter", clean(v.Newsletter))
}

// Why says why nothing is sent; for templates.
func (v PreferencesPage) Why(w *Vocabulary) string {
	switch v.Withheld {
	case "hard":
		return w.Say("preferences.hard")
	case "complaint":
		return w.Say("preferences.complaint")
	case "manual":
		return w.Say("preferences.manual")
	}
	return ""
}

// Nothing says that no list is ticked, and how to come back or to leave altogether;
// "" = something comes, or Why says why nothing does. For templates.
func (v PreferencesPage) Nothing(w *Vocabulary) string {
	ticked := func(l ListChoice) bool { return l.Checked }
	if v.Withheld != "" || slices.ContainsFunc(v.Lists, ticked) {
		return ""
	}
	says := []string{w.Say("preferences.none")}
	if len(v.Lists) > 0 {
		says = append(says, w.Say("preferences.none.back"))
	}
	if !v.Left {
		says = append(says, w.Say("preferences.none.leave", "button", w.Say("preferences.leave.button")))
	}
	return strings.Join(says, " ")
}

// When says when the next issue is due; for templates.
func (c Coming) When(w *Vocabulary) string {
	if c.Next.IsZero() {
		return ""
	}
	return w.Say("confirmed.next", "when", w.Moment(c.Next))
}

// Paragraph is the phrase about the pauses that are on; for templates.
func (v PreferencesPage) Paragraph(w *Vocabulary) string {
	var says []string
	for _, p := range v.Paused {
		if when := w.LongDate(p.Until); p.Newsletter == "" {
			says = append(says, w.Say("preferences.pause.until", "when", when))
		} else {
			says = append(says, w.Say("preferences.pause.list", "newsletter", clean(p.Newsletter), "when", when))
		}
	}
	return w.List(says)
}
