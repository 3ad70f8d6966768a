package templates

import "time"

// Email is what a room hands over to be composed into one MIME message: the
// whole contract between those who write a mail and those who send it.
//
// HTML, Text, Subject and Preheader may hold slot markers made by [Slot]; all
// readers of one composed message differ in the values of these slots alone.
type Email struct {
	From      string // "Name <address>"
	ReplyTo   string // "" = none
	Subject   string
	Preheader string
	HTML      string // "" = a text-only mail
	Text      string
	Language  string // BCP 47, for Content-Language
	ListID    string // `Title <name.host>` (RFC 2919); "" = not a list mail: no List-* and Feedback-ID headers
	// FeedbackID is the constant Feedback-ID header, "" = none.
	FeedbackID string
	// Auto marks a mail nobody should auto-reply to (RFC 3834): confirmations, alarms.
	Auto bool
	// Slots lists the names of the slot markers used in HTML and Text.
	Slots []string
}

// Names of the slots every digest has. Each reader's values come from the
// room that knows the reader.
const (
	SlotName        = "name"        // how to greet the reader; may be empty
	SlotUnsubscribe = "unsubscribe" // absolute URL of the page with the button; also the List-Unsubscribe header
	SlotPreferences = "preferences" // absolute URL of the reader's own page
	SlotTest        = "test"        // "" or the words that mark a test mail
	SlotMailto      = "mailto"      // address for leaving by mail, in the List-Unsubscribe header alone; "" = none
)

// Slot returns the marker that stands for the value called name (lower-case
// letters only). It is made of letters and digits alone, so that HTML
// escaping, URL escaping, CSS inlining and quoted-printable leave it as it is.
func Slot(name string) string { return slotHead + name + slotTail }

const (
	slotHead = "prslot0"
	slotTail = "0tolsrp"
)

// Brand is how a newsroom looks in its mails and pages.
type Brand struct {
	Name     string `toml:"name" json:"name" comment:"of the publication"`
	URL      string `toml:"url" json:"url" comment:"home page"`
	Accent   string `toml:"accent" json:"accent" comment:"#rrggbb; \"\" = the default"`
	Logo     string `toml:"logo" json:"logo,omitempty" comment:"https address of a picture; \"\" = the name in type"`
	LogoDark string `toml:"logo_dark" json:"logo_dark,omitempty" comment:"the same on dark paper"`
	Postal   string `toml:"postal" json:"postal" comment:"postal address, printed in every footer"`
}

// Issue is the view of one edition of an issue.
type Issue struct {
	Brand      Brand
	Newsletter string    // title: "Morning Digest"
	Language   string    // BCP 47 of the edition
	Direction  string    // ltr | rtl
	City       string    // of the masthead: "Islamabad"
	Date       time.Time // in the newsletter's zone
	Number     int
	Subject    string
	Preheader  string
	Sections   []Section
	// ByDate is true when no fresh view counts chose the stories; the footer says so.
	ByDate bool
	// CountedAt is until when the views were counted that chose the stories, in
	// the newsletter's zone, when the counters have not answered since; zero =
	// they were counted as the issue was made.
	CountedAt  time.Time
	ArchiveURL string // "" = no public archive
	// Corrections of earlier issues stand behind the stories.
	Corrections []Correction
}

// Correction is what was wrong in an issue that readers got, and what is right.
type Correction struct {
	Date time.Time // of the issue in a mail, of the correction on that issue's page
	URL  string    // of the issue's page; "" = none
	Text []string  // paragraphs, in the edition's language
}

// Section is a part of an issue under its own heading.
type Section struct {
	Kind    string // trending | latest | rising
	Stories []Story
}

// Story is one story as readers see it.
type Story struct {
	ID        int64
	Rank      int // 1, 2, 3 … in Trending Now; 0 = no number
	Title     string
	URL       string   // with the newsletter's constant mark
	Summary   []string // sentences or short paragraphs
	Language  string
	Direction string
	Source    string
	Author    string
	Published time.Time
	Image     string // absolute URL; "" = none
	ImageAlt  string
	Section   string
	Label     string // opinion | satire | paid | live | "" : shown beside the headline in every form
	AI        bool   // the summary was written by a machine that writes
	Lead      bool   // the first story, with room to breathe
	Related   []Link // Related News
}

// Link is a headline with its address.
type Link struct {
	Title     string
	URL       string
	Language  string
	Direction string
	Source    string
}
