package templates

import (
	"fmt"
	"html/template"
	"regexp"
	"time"
)

// Kinds of letters, see [RenderLetter].
const (
	LetterConfirmation = "confirmation" // to somebody who asked for a newsletter: the button that says yes
	LetterWelcome      = "welcome"      // to somebody who asks for what he gets already
	LetterYours        = "yours"        // to a reader: the link to his address and his data
	LetterMove         = "move"         // to a reader's new address: the button that says yes
	LetterMoved        = "moved"        // to a reader's old address: mail goes to the new one from now on
	LetterTaken        = "taken"        // to an address named as a new one that has a subscription of its own
	LetterApproval     = "approval"     // to an editor: a draft waits
	LetterAlarm        = "alarm"        // to an operator: something needs a person, or is over
	LetterTest         = "test"         // to an operator: the code that arms an installation
)

// Letter is the view of one mail to one person. Which fields count depends on
// its kind; what is empty is left out.
type Letter struct {
	Brand      Brand
	Newsletter string // title of the list or newsletter; several by Vocabulary.List
	// Action is where the button leads: confirm, preferences, the issue on the
	// desk, the desk page of the alarm. An absolute URL.
	Action string
	// Expires is until when Action works, zero = for ever; for an approval the
	// time by which to decide. It is shown in the zone it carries.
	Expires time.Time
	// Email is the reader's other address, masked: the present one in move, the new
	// one in moved.
	Email string
	// Unsubscribe is the absolute URL of the page that ends what began: welcome.
	Unsubscribe string
	// Preview is the absolute URL of the sealed preview: approval.
	Preview string
	// Subject is the subject (approval) or what the alarm is about.
	Subject string
	// Text is what happened, what was kept and what to do now, one paragraph
	// each: alarm. In the other kinds it follows the language's own words.
	Text []string
	// Since is when the alarm began.
	Since time.Time
	// Audience is how many readers the issue goes to: approval.
	Audience int
	// Stories are the headlines in their order: approval.
	Stories []Link
	// Code is what the operator types in: test.
	Code string
}

// letterView is a Letter made ready for both parts.
type letterView struct {
	mailView
	Title    string
	Text     []string
	Facts    []factView
	Code     string
	Button   linkView
	Expires  string
	Stories  []linkView
	StoryTop string
	More     []linkView
	Notes    []string
	Why      string
	Postal   string
}

type factView struct{ Name, Value string }

var masked = regexp.MustCompile(`…[\pL\pN]`)

// nowrap keeps a masked address on one line, as [whole] does on pages: Word draws a
// box for what stands in between there.
func nowrap(text template.HTML) template.HTML {
	return template.HTML(masked.ReplaceAllString(string(text), `<span class="whole">$0</span>`))
}

// RenderLetter renders a letter of a kind (LetterConfirmation and the others)
// in a language. From is left to the caller. Auto is set: nobody should answer
// a letter automatically. An unknown kind and a confirmation without an action
// are errors.
func RenderLetter(kind, lang string, v Letter) (Email, error) {
	view, err := newLetterView(kind, lang, v)
	if err != nil {
		return Email{}, fmt.Errorf("render letter %q: %w", kind, err)
	}
	page, err := renderHTML("letter.html", view)
	if err != nil {
		return Email{}, fmt.Errorf("render letter %q: %w", kind, err)
	}
	text, err := renderText("letter.txt", view)
	if err != nil {
		return Email{}, fmt.Errorf("render letter %q: %w", kind, err)
	}
	return Email{Subject: view.Subject, Preheader: view.Preheader, HTML: page, Text: text, Language: view.Language, Auto: true}, nil
}

func newLetterView(kind, lang string, v Letter) (letterView, error) {
	lang = Words(lang).Language
	frame, err := newMailView(v.Brand, lang, "")
	if err != nil {
		return letterView{}, err
	}
	v = cleanLetter(v)
	view := letterView{mailView: frame, Postal: Isolate(frame.Brand.Postal, frame.Direction)}
	fill, ok := letterKinds[kind]
	if !ok {
		return view, fmt.Errorf("no such kind of letter")
	}
	fill(&view, v)
	if v.Action == "" && (kind == LetterConfirmation || kind == LetterYours || kind == LetterMove) {
		return view, fmt.Errorf("the letter is about an address to press, and has none")
	}
	view.Button.URL = v.Action
	if v.Action == "" {
		view.Button = linkView{}
	}
	view.Text = append(view.Text, isolateAll(v.Text, frame.Direction)...)
	if len(view.Text) > 0 {
		view.Preheader = clip(view.Text[0], maxSubject)
	}
	if view.Brand.Name != "" {
		view.Why = view.W.Say("letter.why", "brand", view.Brand.Name)
	}
	return view, nil
}

func cleanLetter(v Letter) Letter {
	v.Newsletter, v.Subject, v.Code = clip(v.Newsletter, maxName), clip(v.Subject, maxSubject-20), clip(v.Code, maxName)
	v.Email = clip(v.Email, maxName)
	v.Action, v.Unsubscribe, v.Preview = address(v.Action), address(v.Unsubscribe), address(v.Preview)
	var text []string
	for _, p := range v.Text {
		if p = clip(p, maxSummary); p != "" {
			text = append(text, p)
		}
	}
	v.Text = text
	return v
}

func isolateAll(texts []string, direction string) []string {
	var out []string
	for _, t := range texts {
		out = append(out, Isolate(t, direction))
	}
	return out
}

// letterKinds choose the words of each kind.
var letterKinds = map[string]func(*letterView, Letter){
	LetterConfirmation: fillConfirmation,
	LetterWelcome:      fillWelcome,
	LetterYours:        fillYours,
	LetterMove:         fillMove,
	LetterMoved:        fillMoved,
	LetterTaken:        fillTaken,
	LetterApproval:     fillApproval,
	LetterAlarm:        fillAlarm,
	LetterTest:         fillTest,
}

func fillConfirmation(view *letterView, v Letter) {
	w, names := view.W, []string{"newsletter", v.Newsletter, "brand", view.Brand.Name}
	view.Subject = w.Say("letter.confirmation.subject", names...)
	view.Title = w.Say("letter.confirmation.title")
	view.Text = []string{w.Say("letter.confirmation.text", names...)}
	view.Button.Title = w.Say("letter.confirmation.button")
	view.expires(v)
	view.Notes = []string{w.Say("letter.confirmation.not")}
}

func (view *letterView) expires(v Letter) {
	if !v.Expires.IsZero() {
		view.Expires = view.W.Say("letter.expires", "when", view.W.Moment(v.Expires))
	}
}

func fillWelcome(view *letterView, v Letter) {
	w, names := view.W, []string{"newsletter", v.Newsletter, "brand", view.Brand.Name}
	view.Subject = w.Say("letter.welcome.subject", names...)
	view.Title = w.Say("letter.welcome.title")
	view.Text = []string{w.Say("letter.welcome.text", names...)}
	view.Button.Title = w.Say("letter.welcome.button")
	if v.Unsubscribe != "" {
		view.Notes = []string{w.Say("letter.welcome.not")}
		view.More = []linkView{{Title: w.Say("mail.unsubscribe"), URL: v.Unsubscribe}}
	}
}

func fillYours(view *letterView, v Letter) {
	w := view.W
	view.Subject = w.Say("letter.yours.subject", "brand", view.Brand.Name)
	view.Title = w.Say("letter.yours.title")
	view.Text = []string{w.Say("letter.yours.text", "brand", view.Brand.Name)}
	view.Button.Title = w.Say("letter.yours.button")
	view.expires(v)
	view.Notes = []string{w.Say("letter.yours.not")}
}

func fillMove(view *letterView, v Letter) {
	w := view.W
	view.Subject = w.Say("letter.move.subject", "brand", view.Brand.Name)
	view.Title = w.Say("letter.move.title")
	view.Text = []string{w.Say("letter.move.text", "email", v.Email, "brand", view.Brand.Name)}
	view.Button.Title = w.Say("letter.move.button")
	view.expires(v)
	view.Notes = []string{w.Say("letter.move.not")}
}

// fillMoved leads whoever did not ask to the newsroom: its site is linked, and its
// postal address stands below as in every letter.
func fillMoved(view *letterView, v Letter) {
	w := view.W
	view.Subject = w.Say("letter.moved.subject", "brand", view.Brand.Name)
	view.Title = w.Say("letter.moved.title")
	view.Text = []string{w.Say("letter.moved.text", "email", v.Email, "brand", view.Brand.Name)}
	view.Notes = []string{w.Say("letter.moved.not", "brand", view.Brand.Name)}
	if view.Brand.URL != "" {
		view.More = []linkView{{Title: view.BrandName, URL: view.Brand.URL}}
	}
}

func fillTaken(view *letterView, _ Letter) {
	w := view.W
	view.Subject = w.Say("letter.taken.subject", "brand", view.Brand.Name)
	view.Title = w.Say("letter.taken.title")
	view.Text = []string{w.Say("letter.taken.text", "brand", view.Brand.Name), w.Say("letter.taken.you")}
	view.Button.Title = w.Say("letter.welcome.button")
}

func fillApproval(view *letterView, v Letter) {
	w := view.W
	about := v.Subject
	if about == "" {
		about = v.Newsletter
	}
	view.Subject = w.Say("letter.approval.subject", "subject", about)
	view.Title = w.Say("letter.approval.title", "newsletter", v.Newsletter)
	view.Text = []string{w.Say("letter.approval.text")}
	if !v.Expires.IsZero() {
		view.Text[0] += " " + w.Say("letter.approval.deadline", "when", w.Moment(v.Expires))
	}
	if v.Subject != "" {
		view.Facts = append(view.Facts, factView{w.Say("letter.approval.issue"), Isolate(v.Subject, view.Direction)})
	}
	if v.Audience > 0 {
		view.Facts = append(view.Facts, factView{w.Say("letter.approval.audience"), w.Number(v.Audience)})
	}
	view.Button.Title = w.Say("letter.approval.button")
	if v.Preview != "" {
		view.More = []linkView{{Title: w.Say("letter.approval.preview"), URL: v.Preview}}
	}
	view.StoryTop = w.Say("letter.approval.stories")
	for _, l := range v.Stories {
		view.Stories = append(view.Stories, view.headline(l))
	}
}

// headline is a story in a letter: told, not linked, so that the one thing to
// press is the button.
func (view *letterView) headline(l Link) linkView {
	lang := tagOr(l.Language, view.Language)
	direction := directionOr(l.Direction, lang)
	return linkView{Title: Isolate(clip(l.Title, maxTitle), direction), Language: lang, Direction: direction, Script: scriptOf(lang), Other: lang != view.Language}
}

func fillAlarm(view *letterView, v Letter) {
	w := view.W
	view.Subject = w.Say("letter.alarm.subject", "subject", v.Subject)
	view.Title = Isolate(v.Subject, view.Direction)
	if !v.Since.IsZero() {
		view.Text = []string{w.Say("letter.alarm.since", "when", w.Moment(v.Since)) + "."}
	}
	view.Button.Title = w.Say("letter.alarm.button")
}

func fillTest(view *letterView, v Letter) {
	w := view.W
	view.Subject = w.Say("letter.test.subject", "code", v.Code)
	view.Title = w.Say("letter.test.title")
	view.Text = []string{w.Say("letter.test.text")}
	view.Code = v.Code
}
