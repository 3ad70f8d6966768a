package templates

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
	"unicode/utf8"
)

//go:embed email
var mailFiles embed.FS

var (
	mailHTML = template.Must(template.New("").Funcs(htmlFuncs).ParseFS(mailFiles, "email/*.html"))
	mailText = texttemplate.Must(texttemplate.New("").Funcs(textFuncs).ParseFS(mailFiles, "email/*.txt"))
)

var htmlFuncs = template.FuncMap{
	"bdi":     withBdi,
	"nowrap":  nowrap,
	"outlook": func(part string) template.HTML { return outlook[part] },
	"padding": func() string { return strings.Repeat("\u034f\u200c\u00a0", 60) },
	"ordinal": ordinal,
}

var textFuncs = texttemplate.FuncMap{
	"wrap":     func(direction, s string) string { return anchored(wrap(s, "", "", textColumns), direction) },
	"indented": func(direction, s string) string { return anchored(wrap(s, "   ", "   ", textColumns), direction) },
	"hanging": func(direction, mark, s string) string {
		if mark == "" {
			return anchored(wrap(s, "", "", textColumns), direction)
		}
		return anchored(wrap(s, fmt.Sprintf("%-3s", mark), "   ", textColumns), direction)
	},
	"bulleted":  func(direction, s string) string { return anchored(wrap(s, "   - ", "     ", textColumns), direction) },
	"underline": func(char, s string) string { return strings.Repeat(char, min(max(displayWidth(s), 3), textColumns)) },
	"ordinal":   ordinal,
	"ruled":     func(char string) string { return strings.Repeat(char, textColumns) },
}

// ordinal is the number before the i-th headline of a letter, from 0 on.
func ordinal(view letterView, i int) string { return view.W.Number(i+1) + "." }

// MaxHTML is how many bytes the HTML part of a mail may have. Gmail clips a
// mail at about 102 kB, and its unsubscribe link with it.
const MaxHTML = 95_000

// ErrTooLarge is returned by [RenderIssue] when the HTML part would be larger
// than MaxHTML. The caller drops stories and renders again.
var ErrTooLarge = errors.New("the HTML part is larger than mail programs show")

// Bounds of foreign text in runes. What is longer ends in an ellipsis.
const (
	maxTitle   = 300
	maxSummary = 2000
	maxSubject = 150
	maxName    = 120
)

// RenderIssue renders one edition of an issue: HTML with its style sheet
// inlined, a text part that says the same in the same order, subject and
// preheader. From, ReplyTo, ListID and FeedbackID are left to the caller.
//
// The markers of SlotUnsubscribe and SlotPreferences stand where each reader's
// addresses go, and Slots lists them. An address that is not absolute http or
// https is left out, a story without an address stands there unlinked. It
// returns ErrTooLarge when the HTML part exceeds MaxHTML, and an error when
// there is no story at all.
func RenderIssue(v Issue) (Email, error) {
	view, err := newIssueView(v)
	if err != nil {
		return Email{}, fmt.Errorf("render issue %q: %w", v.Newsletter, err)
	}
	page, err := renderHTML("issue.html", view)
	if err != nil {
		return Email{}, fmt.Errorf("render issue %q: %w", v.Newsletter, err)
	}
	if len(page) > MaxHTML {
		return Email{}, fmt.Errorf("render issue %q: %w: %d bytes, at most %d", v.Newsletter, ErrTooLarge, len(page), MaxHTML)
	}
	text, err := renderText("issue.txt", view)
	if err != nil {
		return Email{}, fmt.Errorf("render issue %q: %w", v.Newsletter, err)
	}
	return Email{
		Subject: view.Subject, Preheader: view.Preheader, HTML: page, Text: text,
		Language: view.Language, Slots: []string{SlotUnsubscribe, SlotPreferences},
	}, nil
}

// mailView is what every mail's frame needs.
type mailView struct {
	styles
	W         *Vocabulary
	Language  string
	Direction string
	Align     string // of cells, for programs that know no logical values
	Script    string // class of text in the mail's own language
	tongue
	Subject   string
	Preheader string
	Brand     Brand  // cleaned
	BrandName string // isolated
}

// tongue is the language of our own words. Where we have none in that of the text
// around them it is another: a mail in Arabic says in English how to leave.
type tongue struct {
	UILanguage  string
	UIDirection string
	UIScript    string
	Other       bool // than the text's around
}

// among are the words in a text of a language.
func (t tongue) among(lang string) tongue {
	t.Other = baseOf(lang) != baseOf(t.UILanguage)
	return t
}

func newMailView(b Brand, lang, direction string) (mailView, error) {
	w := Words(lang)
	lang = tagOr(lang, w.Language)
	direction = directionOr(direction, lang)
	own := tongue{UILanguage: lang, UIDirection: direction, UIScript: scriptOf(lang)}
	if baseOf(w.Language) != baseOf(lang) {
		own = tongue{UILanguage: w.Language, UIDirection: w.Direction, UIScript: scriptOf(w.Language), Other: true}
	}
	css, err := mailStyles(b.Accent)
	b = cleanBrand(b)
	return mailView{
		styles: css, W: w, Language: lang, Direction: direction, Align: alignOf(direction), Script: scriptOf(lang), tongue: own,
		Brand: b, BrandName: Isolate(b.Name, direction),
	}, err
}

// issueView is an Issue made ready: words chosen, text clean and isolated,
// addresses checked. Both parts of the mail are made from it.
type issueView struct {
	mailView
	Title    string
	DateLine string
	Sections []sectionView
	// Corrections stand under CorrectionsTitle, behind the stories.
	Corrections      []correctionView
	CorrectionsTitle string
	Foot             []string // paragraphs
	Links            []linkView
	Postal           string
}

type sectionView struct {
	Title   string
	Stories []storyView
}

type storyView struct {
	Rank      string
	Label     string // with its colon
	Title     string
	URL       string
	Summary   []string
	Language  string
	Direction string
	Align     string
	Script    string
	tongue           // of label, meta and heading
	Headline  string // label and title, for the text part
	Meta      string
	Image     string
	ImageAlt  string
	Lead      bool
	First     bool
	Related   []linkView

	RelatedTitle string
}

type correctionView struct {
	Of    string // which issue, in words
	URL   string
	Text  []string
	First bool
}

type linkView struct {
	Title     string
	URL       string
	Source    string
	Language  string
	Direction string
	Script    string
	Other     bool // its language is not the story's
}

func newIssueView(v Issue) (issueView, error) {
	frame, err := newMailView(v.Brand, v.Language, v.Direction)
	if err != nil {
		return issueView{}, err
	}
	view := issueView{mailView: frame, Title: Isolate(clip(v.Newsletter, maxName), frame.Direction)}
	view.DateLine = dateLine(frame.W, v)
	for _, s := range v.Sections {
		if len(s.Stories) > 0 {
			view.Sections = append(view.Sections, view.section(v, s))
		}
	}
	if view.Sections == nil {
		return issueView{}, errors.New("it has no story")
	}
	for i, c := range v.Corrections {
		view.CorrectionsTitle = frame.W.Say("correction.title")
		view.Corrections = append(view.Corrections, correctionView{
			Of: frame.W.Say("correction.of", "date", frame.W.LongDate(c.Date)), URL: address(c.URL), Text: paragraphs(c.Text, frame.Direction), First: i == 0,
		})
	}
	view.Subject = subject(frame, v)
	view.Preheader = Isolate(clip(v.Preheader, maxSubject), frame.Direction)
	view.Postal = Isolate(frame.Brand.Postal, frame.Direction)
	view.Foot = view.foot(v)
	view.Links = view.links(v)
	return view, nil
}

// dateLine is the line below the name: date, city, number.
func dateLine(w *Vocabulary, v Issue) string {
	var parts []string
	if !v.Date.IsZero() {
		parts = append(parts, w.FullDate(v.Date))
	}
	if v.City != "" {
		parts = append(parts, Isolate(clip(v.City, maxName), w.Direction))
	}
	if v.Number > 0 {
		parts = append(parts, w.Say("mail.number", "number", w.Number(v.Number)))
	}
	return strings.Join(parts, " · ")
}

func (view *issueView) section(v Issue, s Section) sectionView {
	out := sectionView{Title: sectionTitle(view.W, v, s, len(view.Sections) == 0)}
	for i, st := range s.Stories {
		story := view.story(st, v.Date)
		story.First = i == 0
		if v.ByDate || s.Kind != "trending" {
			story.Rank = "" // a rank without view counts would be a claim
		}
		out.Stories = append(out.Stories, story)
	}
	return out
}

// sectionTitle never calls a section Trending Now that view counts did not choose.
func sectionTitle(w *Vocabulary, v Issue, s Section, first bool) string {
	kind := s.Kind
	if v.ByDate && (first || kind != "latest") {
		return w.Sections["bydate"]
	}
	if title, ok := w.Sections[kind]; ok {
		return title
	}
	return w.Sections["latest"]
}

func (view *issueView) story(st Story, now time.Time) storyView {
	lang := tagOr(st.Language, view.Language)
	direction := directionOr(st.Direction, lang)
	out := storyView{
		Title: Isolate(clip(st.Title, maxTitle), direction), URL: address(st.URL),
		Language: lang, Direction: direction, Align: alignOf(direction), Script: scriptOf(lang),
		tongue: view.among(lang), Image: address(st.Image), Lead: st.Lead,
		Meta: view.meta(st, now), RelatedTitle: view.W.Say("story.related"),
	}
	if out.Title == "" {
		out.Title = out.URL
	}
	if st.Rank > 0 {
		out.Rank = view.W.Number(st.Rank)
	}
	if out.Image != "" {
		out.ImageAlt = clip(st.ImageAlt, maxTitle)
	}
	if st.Label != "" {
		out.Label = clip(view.W.Label(st.Label), maxName) + ":"
	}
	out.Headline = strings.TrimSpace(out.Label + " " + out.Title)
	out.Summary = paragraphs(st.Summary, direction)
	for _, l := range st.Related {
		if link := view.related(l); link.URL != "" && link.Title != "" {
			link.Other = link.Language != lang
			out.Related = append(out.Related, link)
		}
	}
	return out
}

// paragraphs are texts ready to be printed, without those that say nothing.
func paragraphs(texts []string, direction string) []string {
	var out []string
	for _, s := range texts {
		if s = clip(s, maxSummary); s != "" {
			out = append(out, Isolate(s, direction))
		}
	}
	return out
}

// meta is the grey line: author, source, time and, where it is so, that a
// machine wrote the summary.
func (view *issueView) meta(st Story, now time.Time) string {
	var parts []string
	add := func(s string) {
		if s != "" {
			parts = append(parts, s)
		}
	}
	isolated := func(s string) string { return Isolate(clip(s, maxName), view.UIDirection) }
	add(isolated(st.Source))
	if author := isolated(st.Author); author != "" {
		add(view.W.Say("story.by", "author", author))
	}
	if !st.Published.After(now) {
		add(view.W.Since(st.Published, now))
	}
	if st.AI {
		add(view.W.Say("story.ai"))
	}
	return strings.Join(parts, " · ")
}

func (view *issueView) related(l Link) linkView {
	lang := tagOr(l.Language, view.Language)
	direction := directionOr(l.Direction, lang)
	return linkView{
		Title: Isolate(clip(l.Title, maxTitle), direction), URL: address(l.URL), Source: Isolate(clip(l.Source, maxName), direction),
		Language: lang, Direction: direction, Script: scriptOf(lang),
	}
}

// subject is the issue's own subject, else the newsletter and the date. When it
// is the headline of a story that carries a label, the label goes with it.
func subject(frame mailView, v Issue) string {
	s := clip(v.Subject, maxSubject)
	if s == "" {
		s = clip(v.Newsletter, maxName)
		if !v.Date.IsZero() {
			s += " · " + frame.W.LongDate(v.Date)
		}
	}
	if label := frame.W.Label(labelOf(v.Sections, s)); label != "" && !strings.HasPrefix(s, label) {
		s = label + ": " + s
	}
	return Isolate(clip(s, maxSubject), frame.Direction)
}

// labelOf is the label of the story whose headline, whole or shortened, is s.
func labelOf(sections []Section, s string) string {
	head := strings.TrimSuffix(s, "…")
	for _, section := range sections {
		for _, st := range section.Stories {
			title := clean(st.Title)
			if st.Label != "" && (title == s || head != s && strings.HasPrefix(title, head)) {
				return st.Label
			}
		}
	}
	return ""
}

// foot is what stands below the stories: how they were chosen and whose time
// it is, and why the reader gets this.
func (view *issueView) foot(v Issue) []string {
	w := view.W
	var how []string
	switch {
	case v.ByDate:
		how = append(how, w.Say("mail.bydate"))
	case !v.CountedAt.IsZero():
		how = append(how, w.Say("mail.counted", "brand", view.Brand.Name, "time", w.Time(v.CountedAt)))
	case slices.ContainsFunc(v.Sections, func(s Section) bool { return s.Kind == "trending" && len(s.Stories) > 0 }):
		how = append(how, w.Say("mail.trending", "brand", view.Brand.Name))
	}
	if city := clip(v.City, maxName); city != "" && !v.Date.IsZero() {
		how = append(how, w.Say("mail.zone", "city", city))
	}
	why := w.Say("mail.why", "newsletter", clip(v.Newsletter, maxName), "brand", view.Brand.Name)
	if how == nil {
		return []string{why}
	}
	return []string{strings.Join(how, " "), why}
}

func (view *issueView) links(v Issue) []linkView {
	links := []linkView{
		{Title: view.W.Say("mail.preferences"), URL: Slot(SlotPreferences)},
		{Title: view.W.Say("mail.unsubscribe"), URL: Slot(SlotUnsubscribe)},
	}
	if archive := address(v.ArchiveURL); archive != "" {
		links = append(links, linkView{Title: view.W.Say("mail.browser"), URL: archive})
	}
	return links
}

// clip cleans s and cuts it to at most n runes, at a word's end where there is
// one near, with an ellipsis.
func clip(s string, n int) string {
	if len(s) > 16*n { // more than any n runes of well-formed words need
		s = s[:16*n]
	}
	s = clean(s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	cut := string([]rune(s)[:n-1])
	if i := strings.LastIndexByte(cut, ' '); i > len(cut)/2 {
		cut = cut[:i]
	}
	return strings.TrimRight(cut, " ,;:–—-") + "…"
}

func alignOf(direction string) string {
	if direction == "rtl" {
		return "right"
	}
	return "left"
}
