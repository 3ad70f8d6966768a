package templates

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
)

//go:embed desk
var deskFiles embed.FS

// Names of the desk's pages, see [Desk]; beside each the view that its Body takes.
const (
	DeskSignIn  = "signin"  // SignInBody
	DeskToday   = "today"   // TodayBody
	DeskIssue   = "issue"   // IssueBody
	DeskArticle = "story"   // StoryBody
	DeskTable   = "table"   // TableBody: issues, sources, stories, lists, subscribers, bounces
	DeskRecord  = "record"  // RecordBody: one source, list, subscriber
	DeskForm    = "form"    // FormBody
	DeskMessage = "message" // MessageBody: what happened, what was kept, what to do now
)

// DeskPage is a page of the desk: the frame that all have, and a Body.
//
// The frame posts to three addresses: StopURL, StartURL, and SignOutURL. Every
// form posts; a link changes nothing. Pages need no inline styles or scripts:
//
//	Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' https: data:; frame-src 'self'; form-action 'self'; base-uri 'none'
type DeskPage struct {
	Title   string
	Current string    // the Name of the navigation entry that is open
	Nav     []NavItem // none = DeskNav()
	User    string    // who is signed in; "" = nobody: no navigation
	Role    string
	Brand   string // of the publication, below pressrun's name

	Armed      bool   // mail leaves the house
	Stopped    bool   // nothing is claimed until somebody starts it again
	Where      string // by what mail leaves when armed: "relay mail.example.org"; "" = by nothing
	ArmURL     string // the page that tells how to arm; shown while disarmed
	CatcherURL string // the catcher's inbox; shown while disarmed
	StopURL    string
	StartURL   string
	SignOutURL string

	Flash  []Flash // what the last action did
	Action *Action // the page's one primary action, beside the title
	Body   any
}

// NavItem is an entry of the navigation: a noun.
type NavItem struct {
	Name string // "Issues"
	URL  string
}

// DeskNav is the navigation in its order, with the addresses of design.
func DeskNav() []NavItem {
	return []NavItem{
		{Name: "Today", URL: "/desk/"}, {Name: "Issues", URL: "/desk/issues"}, {Name: "Stories", URL: "/desk/stories"},
		{Name: "Sources", URL: "/desk/sources"}, {Name: "Newsletters", URL: "/desk/newsletters"}, {Name: "Lists", URL: "/desk/lists"},
		{Name: "Subscribers", URL: "/desk/subscribers"}, {Name: "Bounces", URL: "/desk/bounces"}, {Name: "Deliverability", URL: "/desk/deliverability"}, {Name: "Users", URL: "/desk/users"},
	}
}

// Kinds of a Flash and of a State: they choose a dot's colour. The word says it
// too, so that nothing hangs on a colour alone.
const (
	KindPlain = ""      // as it is
	KindGood  = "good"  // as it should be, done
	KindWait  = "wait"  // under way
	KindWarn  = "warn"  // needs a person soon
	KindAlert = "alert" // needs a person now
)

// Flash is a sentence on top of the page about what was just done.
type Flash struct {
	Kind string
	Text string
}

// State is a word with a small dot.
type State struct {
	Kind string
	Word string
}

// Action is a button: a link when Method is "", else a form that posts.
type Action struct {
	Title   string
	Of      string // what it is done to, for who hears the button without its row; "" = the page's one thing
	URL     string
	Method  string // "" | "post"
	Do      string // value of the field "do"
	Confirm string // "" = at once; else the question that is asked first
	Key     string // the key that presses it: "a"
	Primary bool
	Danger  bool
}

// TableBody is a page with one table: search first.
type TableBody struct {
	Intro   string
	Search  *Search
	Filters []Filter
	Table   Table
	Forms   []FormBody // below the table
}

// Search is the search field of a table; it is a form that gets the page itself,
// with the field "q".
type Search struct {
	URL   string // the page, without parameters: what is found begins on its first
	Label string // "Search by address or name"
	Query string
	Keep  map[string]string // other parameters of the address to keep
}

// Filter is a link that narrows the table: "All", "Active 812".
type Filter struct {
	Title   string
	URL     string
	Count   int // < 0 = not said
	Current bool
}

// Table is rows of 40 pixels with a head that stays.
type Table struct {
	Caption string // for those who cannot see it
	Columns []Column
	Rows    []Row
	Empty   Empty // when there are no rows
	Pager   Pager
}

// Column is a column's head.
type Column struct {
	Title  string
	Sort   string // address that sorts by it; "" = cannot
	Sorted string // "ascending" | "descending" | ""
	Number bool   // right-aligned, tabular
	Wide   bool   // takes what room is left
}

// Row is a row of a table.
type Row struct {
	Cells   []Cell
	Actions []Action
}

// Cell is what stands in a row: a text, optionally a link, with what else is set.
type Cell struct {
	Text      string
	Icon      string // address of a picture of 16 pixels before it
	URL       string
	Note      string // in grey behind it, or below on narrow screens
	Hover     string // title: the absolute time
	State     State
	Spark     []float64 // values of a sparkline, oldest first
	SparkText string    // the same in words: "12 views an hour, rising"
	Language  string    // of Text, when it is not the desk's
	Direction string
}

// Pager says which rows are shown and where the others are.
type Pager struct {
	From, To, Total int
	Prev, Next      string
}

// Empty is what stands where nothing is: the next step.
type Empty struct {
	Text   string
	Action *Action
}

// TodayBody is the page one looks at in the morning.
type TodayBody struct {
	Alarms    []Alarm // open ones, the newest of them, oldest first; none = "Nothing needs you."
	Unshown   int     // open alarms that are older than those
	AlarmsURL string  // the page of all, also of those that are over
	Waiting   []Draft // drafts that wait for an editor
	Leaving   []Draft // approved issues, which need nobody
	Next      Table   // the next slots
	Recent    Table   // the last issues
}

// Alarm is one that is open.
type Alarm struct {
	Subject string
	Text    string // what happened, what was kept, what to do
	Since   string // "raised 5 h ago"
	Hover   string // when exactly
	URL     string
	Kind    string
	Actions []Action // what may be done about it here
}

// Draft is a draft that waits.
type Draft struct {
	Newsletter string
	Subject    string
	When       string // "goes out in 42 min", "held: no editor has seen it"
	Hover      string
	URL        string
	State      State
}

// IssueBody is the issue desk: the stories with the reason of each rank beside
// the sealed preview.
//
// A story's forms post to its Action with the field "do": up, down, pin, unpin,
// drop, restore, review, undo, or edit with the fields "title" and "summary".
type IssueBody struct {
	Newsletter string
	Number     int
	State      State
	When       string // "goes out in 42 min"
	Hover      string
	Countdown  *Countdown // none unless one is running
	Copies     *Copies    // none before an audience is frozen
	Audience   string     // "12,840 readers"
	Subject    string
	SubjectURL string // where subject and preheader are posted to: fields "subject", "preheader"; "" = not editable
	Preheader  string
	SubjectWas string // the field "over" of that form
	Due        bool   // it goes out at any moment: the page follows
	Order      string // how the stories were ranked, in a sentence
	Stories    []DeskStory
	Dropped    []DeskStory
	Checks     []Check
	Preview    Preview
	Actions    []Action // approve first
	TestURL    string   // where a test mail is asked for: fields "to" and "as", a reader; "" = not offered
	TestTo     string   // as it stands in the form
	TestAs     string
	// TestProblem is why no test was sent, "" unless one was refused.
	TestProblem string
	// Corrections are what was taken back of an issue that readers got, the newest
	// first, and Forms the form for one more.
	Corrections []DeskCorrection
	Forms       []FormBody
}

// DeskCorrection is a correction at the desk.
type DeskCorrection struct {
	Text     string
	Language string
	Note     string   // when, by whom, where readers find it
	Actions  []Action // take it back
}

// Countdown is the time in which an issue can still be stopped.
type Countdown struct {
	Left  string // "4 min 12 s"
	Until int    // the same in seconds
	At    string // "at 07:00 PKT"
	Seeds int    // addresses that have got it
}

// Copies is how far the copies of an issue are.
type Copies struct {
	Live        string // as RecordBody's
	Done, Total int
	Pace        string   // "812 a minute; the last at about 14:05 CET, in 3 h"; "" = not known
	States      []Filter // how many are in which, and where these are listed
}

// DeskStory is a story on the issue desk.
type DeskStory struct {
	ID        int64 // the page has the fragments story-, up-, down- and pin- with it
	Position  int
	Section   string // heading before the first story of a section; "" = same section
	Title     string
	Language  string
	Direction string
	URL       string // the article
	Summary   string
	Source    string
	Reason    string // "3rd · 312 views in 3 h · 2.1× usual"
	Spark     []float64
	SparkText string
	Label     string // "Opinion"
	Pinned    bool
	Edited    string // who wrote its headline or summary; "" = nobody
	Summed    string // a word about the summary that an editor should know; "" = nothing
	Page      string // the story with its article; "" = none
	Action    string // where its forms are posted to; "" = read only
	Wording   string // the field "over" of the form that edits it
}

// StoryBody is one story of an issue: its summary, how it came about, and the
// article with the sentences marked that were chosen from it.
type StoryBody struct {
	Newsletter string
	Number     int
	Section    string
	Title      string
	URL        string // the article
	Source     string
	Language   string
	Direction  string

	Summary []string // as readers get it; none = the headline alone
	State   State    // where it comes from
	Why     string
	Review  string // what vouching for it does; "" = there is nothing to vouch for

	Edited        string // who wrote headline or summary
	EditedWhen    string
	EditedHover   string
	OriginalTitle string
	Original      []string

	Article [][]Piece // by paragraph
	Note    string    // about the marks
	Action  string    // where its forms are posted to; "" = read only
	Wording string    // the field "over" of the form that edits it
}

// Piece is a part of a paragraph. Mark is the number of the sentence of the
// summary that it is, from 1; 0 = none.
type Piece struct {
	Text string
	Mark int
}

// Check is a line of the preflight.
type Check struct {
	State  State
	Text   string
	Repair string // what will be done when nobody is there
}

// Preview is the sealed edition in a frame.
type Preview struct {
	Tabs  []PreviewTab
	URL   string // what the frame shows
	Width string // desktop | phone
	Dark  bool
	Hash  string // SHA-256 of the sealed bytes; "" = not sealed
	Note  string // "41,211 bytes · sealed 06:12"
	Empty string // instead of the frame, when there is nothing to show

	AsURL   string            // where it is shown as a reader gets it: the field "as", his address; "" = not offered
	As      string            // as it stands in the form
	Keep    map[string]string // other parameters of that address, by name
	Problem string            // instead of the frame: why there is no copy of this reader
}

// PreviewTab is a way to look at the edition: Desktop, Phone, Dark, Text.
type PreviewTab struct {
	Title   string
	URL     string
	Current bool
}

// RecordBody is one thing: its facts, forms, tables and its timeline.
type RecordBody struct {
	State    State
	Live     string // as what it goes on by itself: the page looks again every two seconds; "" = it does not
	Facts    []Fact
	Actions  []Action
	Forms    []FormBody
	Tables   []TableSection
	Timeline []Event
}

// Fact is a name and its value.
type Fact struct {
	Name  string
	Value Cell
}

// TableSection is a table under a heading.
type TableSection struct {
	Title string
	Table Table
}

// Event is one thing that happened, newest first.
type Event struct {
	When  string
	Hover string
	Text  string
	Why   string
}

// FormBody is a form.
type FormBody struct {
	Title   string // a heading above it; "" = none
	Intro   string
	URL     string
	Fields  []Field
	Submit  string
	Busy    string // what the button says while the answer is awaited; "" = it comes at once
	Upload  bool   // has a field of the kind file
	Confirm string // "" = at once; else the question that is asked first
}

// Field is a field of a form.
type Field struct {
	Name    string
	Label   string
	Help    string
	Kind    string // text | email | number | url | datetime-local | textarea | select | checkbox | file | hidden | code
	Value   string
	Options []Option // of a select
	Problem string   // beside the field: what is wrong and how to mend it
	Needed  bool
}

// Option is a choice of a select.
type Option struct {
	Value, Title string
	Selected     bool
}

// SignInBody is the page at the door.
type SignInBody struct {
	Link string // where the button of a one-time link posts to
}

// MessageBody says what happened, what was kept, and what to do now.
type MessageBody struct {
	Text    []string
	Actions []Action
	Kept    []Field // what was written in a form that was not taken, to copy it
}

var deskTemplates = parseDesk()

func parseDesk() map[string]*template.Template {
	layout := template.Must(template.New("layout.html").Funcs(deskFuncs).ParseFS(deskFiles, "desk/layout.html", "desk/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{DeskSignIn, DeskToday, DeskIssue, DeskArticle, DeskTable, DeskRecord, DeskForm, DeskMessage} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(deskFiles, "desk/"+name+".html"))
	}
	return all
}

var deskFuncs = template.FuncMap{
	"static":    staticURL,
	"script":    scriptOf,
	"sparkline": Sparkline,
	"number":    func(n int) string { return Words("en").Number(n) },
	"clean":     clean,
	"inner":     inner,
	"atAt":      atAt,
	"of":        of,
	"pages":     func(p Pager) bool { return p.Prev != "" || p.Next != "" },
}

// longAddress is a word with an @ that not every place has room for.
var longAddress = regexp.MustCompile(`\S{6,}@\S{13,}`)

// atAt lets long addresses in a text break before their @, and not first by letters.
func atAt(text string) template.HTML {
	return template.HTML(longAddress.ReplaceAllStringFunc(template.HTMLEscapeString(text), func(address string) string {
		return strings.Replace(address, "@", "<wbr>@", 1)
	}))
}

// of is an action of a row's by the name of what the row is about: its first link,
// or else its first cell.
func of(a Action, row Row) Action {
	for _, c := range row.Cells {
		if a.Of == "" || c.URL != "" {
			a.Of = c.Text
		}
		if c.URL != "" {
			break
		}
	}
	return a
}

// inner is clean for a part of a line: the spaces at its ends stay.
func inner(s string) string {
	c := clean(s)
	if c == "" {
		return strings.Repeat(" ", min(len(s), 1))
	}
	if unicode.IsSpace(rune(s[0])) {
		c = " " + c
	}
	if unicode.IsSpace(rune(s[len(s)-1])) {
		c += " "
	}
	return c
}

// Desk writes the page called name (see the constants). Nothing is written when
// it fails: an unknown name or a Body that is not the page's own.
func Desk(w io.Writer, name string, v DeskPage) error {
	t, ok := deskTemplates[name]
	if !ok {
		return fmt.Errorf("write desk page %q: no such page", name)
	}
	if v.Nav == nil {
		v.Nav = DeskNav()
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout.html", v); err != nil {
		return fmt.Errorf("write desk page %q: %w", name, err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// Size of a sparkline in CSS pixels.
const (
	sparkWidth  = 72
	sparkHeight = 20
)

// Sparkline draws values, oldest first, as a line without axes, with label as
// its text alternative. Fewer than two values give nothing.
func Sparkline(values []float64, label string) template.HTML {
	if len(values) < 2 {
		return ""
	}
	top := 0.0
	for _, v := range values {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			top = max(top, v)
		}
	}
	var points []string
	for i, v := range values {
		x := float64(i) * (sparkWidth - 4) / float64(len(values)-1)
		y := float64(sparkHeight - 4)
		if top > 0 && v > 0 && !math.IsNaN(v) {
			y *= 1 - min(v/top, 1)
		}
		points = append(points, fmt.Sprintf("%.1f,%.1f", x+2, y+2))
	}
	return template.HTML(fmt.Sprintf(`<svg class="spark" role="img" aria-label="%s" width="%d" height="%d" viewBox="0 0 %[2]d %[3]d"><polyline points="%s"/><circle cx="%s" cy="%s" r="2"/></svg>`,
		template.HTMLEscapeString(clean(label)), sparkWidth, sparkHeight, strings.Join(points, " "), before(points[len(points)-1]), after(points[len(points)-1])))
}

func before(point string) string { x, _, _ := strings.Cut(point, ","); return x }
func after(point string) string  { _, y, _ := strings.Cut(point, ","); return y }

// Exact is a moment to the second, for who wants to know when exactly:
// "27 November 2026, 07:00:03 UTC".
func Exact(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 MST") }

// Span is a length of time in the unit people would say it in: "30 s", "13 min",
// "1.5 h".
func Span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d.Round(time.Minute) < time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Hours()), ".0") + " h"
}

// Near says how far t is from now the way people do: "in 12 min", "2 h ago"; from a
// day on the date. Show the absolute time beside it or on hover.
func Near(t, now time.Time) string {
	d := t.Sub(now)
	past := d < 0
	if past {
		d = -d
	}
	var s string
	switch {
	case d < time.Minute && past:
		return "just now"
	case d < time.Minute:
		return "now"
	case d < time.Hour:
		s = fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 24*time.Hour:
		s = fmt.Sprintf("%d h", int(d.Hours()))
		if m := int(d.Minutes()) % 60; d < 6*time.Hour && m > 0 {
			s += fmt.Sprintf(" %d min", m)
		}
	default:
		return Words("en").LongDate(t)
	}
	if past {
		return s + " ago"
	}
	return "in " + s
}
