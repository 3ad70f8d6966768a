package digest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/gif"
	_ "image/jpeg"
	_ "image/png"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"pressrun/digest/fetch"
	"pressrun/templates"
)

// Finding is what the preflight saw when it looked at one thing.
type Finding struct {
	Check   string `json:"check"`             // size | subject | preheader | stories | story | links | pictures | alt | postal | headers | unsubscribe | text | sponsors
	Level   string `json:"level"`             // ok | warn | bad
	Edition string `json:"edition,omitempty"` // "" = all
	Story   int64  `json:"story,omitempty"`
	Text    string `json:"text"`
	// Repair is what is done about a bad one when nobody is there.
	Repair string `json:"repair"`
}

// Repairs of a preflight.
const (
	DropPicture = "drop picture"
	DropStory   = "drop story"
	HoldIssue   = "hold"
	NoRepair    = "none" // the mail is good enough as it is
)

// Bad are the findings that need a repair.
func Bad(list []Finding) []Finding {
	return slices.DeleteFunc(slices.Clone(list), func(f Finding) bool { return f.Level != "bad" })
}

// Look is what is known of an issue beside its bytes. The zero value knows nothing.
type Look struct {
	// Picture says what is wrong with the picture at an address, "" when nothing is
	// known against it.
	Picture func(address string) string
	// ReadersHere says that every reader is on this machine, as in the demo.
	ReadersHere bool
}

// Preflight looks at the sealed editions of a draft, text-only twins aside, as
// far as their bytes tell, and what look knows beside.
func Preflight(d Draft, editions []Edition, look Look) []Finding {
	var out []Finding
	told := map[int64]bool{}
	for _, e := range editions {
		if e.TextOnly {
			continue
		}
		for _, id := range e.Stories {
			told[id] = true
		}
		p := preflight{d: d, e: e, look: look}
		p.size()
		p.subject()
		p.stories()
		p.sponsors()
		p.headers()
		p.body()
		p.text()
		out = append(out, p.out...)
	}
	number := Finding{Check: "stories", Level: "ok", Text: fmt.Sprintf("Stories: %d.", len(told)), Repair: HoldIssue}
	if out == nil {
		number.Level, number.Text = "bad", "No edition is sealed."
	} else if len(told) < d.Spec.MinStories {
		number.Level, number.Text = "bad", fmt.Sprintf("Stories: %d; the newsletter wants at least %d.", len(told), d.Spec.MinStories)
	}
	return append(out, number)
}

type preflight struct {
	d      Draft
	e      Edition
	look   Look
	out    []Finding
	flawed bool // the check under way found something
}

func (p *preflight) add(check, level, repair string, story int64, format string, args ...any) {
	p.flawed = p.flawed || level != "ok"
	p.out = append(p.out, Finding{Check: check, Level: level, Edition: p.e.Name, Story: story, Text: fmt.Sprintf(format, args...), Repair: repair})
}

// good says that a check found nothing, when that is so.
func (p *preflight) good(check, repair, format string, args ...any) {
	if !p.flawed {
		p.add(check, "ok", repair, 0, format, args...)
	}
	p.flawed = false
}

func (p *preflight) size() {
	n := len(p.e.HTML)
	if n > templates.MaxHTML { // the sealer leaves stories out before it comes to this
		p.add("size", "bad", DropStory, 0, "The HTML part has %d KB; mail programs cut at 102 KB, the unsubscribe link with it.", n/1000)
	}
	for _, c := range p.d.Stories {
		if c.Edition == p.e.Name && c.State == "in" && !slices.Contains(p.e.Stories, c.Story.ID) {
			p.add("size", "warn", NoRepair, c.Story.ID, "“%s” was left out: the mail would be larger than mail programs show.", c.Title)
		}
	}
	p.good("size", DropStory, "The HTML part has %.1f KB of at most %d.", float64(n)/1000, templates.MaxHTML/1000)
}

// Subjects longer than longSubject characters are cut on desktops, too.
const longSubject = 90

func (p *preflight) subject() {
	switch n := utf8.RuneCountInString(p.e.Subject); {
	case strings.TrimSpace(p.e.Subject) == "":
		p.add("subject", "bad", HoldIssue, 0, "There is no subject.")
	case n > longSubject:
		p.add("subject", "warn", NoRepair, 0, "The subject has %d characters; phones show about 40, desktops about 70.", n)
	}
	p.over()
	p.good("subject", HoldIssue, "The subject has %d characters.", utf8.RuneCountInString(p.e.Subject))
}

func (p *preflight) stories() {
	seen := map[string]string{}
	for _, c := range p.d.Stories {
		if c.Edition != p.e.Name || !slices.Contains(p.e.Stories, c.Story.ID) {
			continue
		}
		u, err := url.Parse(c.Story.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.add("story", "bad", DropStory, c.Story.ID, "“%s” has no address to link to.", c.Title)
			continue
		}
		if before, ok := seen[c.Story.URL]; ok {
			p.add("story", "bad", DropStory, c.Story.ID, "“%s” leads to the same page as “%s”.", c.Title, before)
		}
		seen[c.Story.URL] = c.Title
		if strings.TrimSpace(c.Printed()) == "" && c.Method != "headline" && c.Method != "none" {
			p.add("story", "warn", NoRepair, c.Story.ID, "“%s” has no summary.", c.Title)
		}
	}
	p.good("story", DropStory, "Every story has its own address and a summary.")
}

// sponsors is silent where nobody pays.
func (p *preflight) sponsors() {
	spec := slices.IndexFunc(p.d.Spec.Editions, func(e EditionSpec) bool { return e.Name == p.e.Name })
	if spec < 0 {
		return
	}
	told := slices.DeleteFunc(slices.Clone(p.d.Stories), func(c Chosen) bool { return !slices.Contains(p.e.Stories, c.Story.ID) })
	v, _, left := view(p.d, p.d.Spec.Editions[spec], told, nil)
	for _, s := range left {
		p.add("sponsors", "warn", NoRepair, 0, "What %s pays for was left out: at the end of each section from the one it asks for on stands another sponsor, or a sensitive story is beside it.", s.Name)
	}
	if paid := p.d.Spec.sponsorsOn(v.Date, p.e.Name); len(paid) > 0 {
		p.good("sponsors", NoRepair, "%d places are paid for, none beside a sensitive story.", len(paid))
	}
}

// headers every list mail needs: RFC 5322 section 3.6, RFC 2919, RFC 8058.
var listHeaders = []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"}

func (p *preflight) headers() {
	m, err := mail.ReadMessage(bytes.NewReader(p.e.Message))
	if err != nil {
		p.add("headers", "bad", HoldIssue, 0, "The sealed message has no header block.")
		p.flawed = false
		return
	}
	for _, h := range listHeaders {
		if n := len(m.Header[h]); n != 1 {
			p.add("headers", "bad", HoldIssue, 0, "The header %s stands %d times, it must stand once.", h, n)
		}
	}
	if v := m.Header.Get("List-Unsubscribe-Post"); v != "List-Unsubscribe=One-Click" {
		p.add("headers", "bad", HoldIssue, 0, "List-Unsubscribe-Post is %q: one-click unsubscribe does not work (RFC 8058).", v)
	}
	p.good("headers", HoldIssue, "All headers of a list mail stand once, one-click unsubscribe among them.")
}

// body looks at the HTML part: links, pictures, postal address, the way out.
func (p *preflight) body() {
	var links, pictures []map[string]string
	z := html.NewTokenizer(strings.NewReader(p.e.HTML))
	for t := z.Next(); t != html.ErrorToken; t = z.Next() {
		if t != html.StartTagToken && t != html.SelfClosingTagToken {
			continue
		}
		tok := z.Token()
		attrs := map[string]string{}
		for _, a := range tok.Attr {
			attrs[a.Key] = a.Val
		}
		switch tok.Data {
		case "a":
			links = append(links, attrs)
		case "img":
			pictures = append(pictures, attrs)
		}
	}
	p.links(links)
	p.pictures(pictures)
	p.postal()
}

func (p *preflight) links(links []map[string]string) {
	out := false
	for _, a := range links {
		href := a["href"]
		if strings.Contains(href, templates.Slot(templates.SlotUnsubscribe)) {
			out = true
		}
		if strings.Contains(href, templates.Slot("")[:7]) || strings.HasPrefix(href, "mailto:") {
			continue // a reader's own address, filled in as the mail goes out
		}
		if u, err := url.Parse(href); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			p.add("links", "bad", HoldIssue, 0, "The link %q leads nowhere.", href)
		}
	}
	p.good("links", HoldIssue, "%d links, each with a full address.", len(links))
	if !out {
		p.add("unsubscribe", "bad", HoldIssue, 0, "There is no unsubscribe link in the mail.")
	}
	p.good("unsubscribe", HoldIssue, "The unsubscribe link is there.")
}

func (p *preflight) pictures(pictures []map[string]string) {
	for _, a := range pictures {
		src, story := a["src"], p.storyOfPicture(a["src"])
		if _, ok := a["alt"]; !ok {
			p.add("alt", "bad", repairOf(story), story, "The picture %s has no alt attribute; screen readers would read its address.", src)
		} else if a["alt"] == "" && story != 0 {
			p.add("alt", "warn", NoRepair, story, "The picture %s has no description; screen readers pass it over.", src)
		}
	}
	p.good("alt", DropPicture, "Every picture has a description or is marked as decoration.")
	where := "all on https"
	for _, a := range pictures {
		src, story := a["src"], p.storyOfPicture(a["src"])
		u, err := url.Parse(src)
		here := err == nil && loopbackHost(u.Hostname())
		if here && p.look.ReadersHere {
			where = "on this machine, where the readers are"
		}
		if here && !p.look.ReadersHere {
			p.add("pictures", "warn", NoRepair, story, "The picture %s is on this machine; readers elsewhere cannot see it.", src)
		} else if !here && !strings.HasPrefix(src, "https://") {
			p.add("pictures", "bad", repairOf(story), story, "The picture %s is not on https; mail programs may not show it.", src)
		} else if p.look.Picture != nil {
			if problem := p.look.Picture(src); problem != "" {
				p.add("pictures", "bad", repairOf(story), story, "The picture %s %s.", src, problem)
			}
		}
	}
	p.good("pictures", DropPicture, "%d pictures, %s.", len(pictures), where)
}

func loopbackHost(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// repairOf is what is done about a picture: a story's is dropped, one of the
// brand's needs a person.
func repairOf(story int64) string {
	if story == 0 {
		return HoldIssue
	}
	return DropPicture
}

func (p *preflight) storyOfPicture(src string) int64 {
	for _, c := range p.d.Stories {
		if c.Edition == p.e.Name && c.Story.Image != "" && c.Story.Image == src {
			return c.Story.ID
		}
	}
	return 0
}

// MissingPostal begins the postal address of a newsletter that was made
// without one.
const MissingPostal = "Postal address missing"

// PostalMissing says that no postal address is set.
func (s Spec) PostalMissing() bool {
	postal := strings.TrimSpace(s.Brand.Postal)
	return postal == "" || strings.HasPrefix(postal, MissingPostal)
}

func (p *preflight) postal() {
	if p.d.Spec.PostalMissing() {
		p.add("postal", "bad", HoldIssue, 0, "The postal address is missing: set brand.postal in the newsletter, then build this issue anew.")
	}
	p.good("postal", HoldIssue, "The postal address stands in the footer.")
}

func (p *preflight) text() {
	if strings.TrimSpace(p.e.Text) == "" || !strings.Contains(p.e.Text, templates.Slot(templates.SlotUnsubscribe)) {
		p.add("text", "bad", HoldIssue, 0, "The text part is empty or has no way to unsubscribe.")
	}
	p.good("text", HoldIssue, "The text part has %.1f KB and its own unsubscribe link.", float64(len(p.e.Text))/1000)
}

// Pictures remembers what was seen at the addresses of pictures. It may be
// used concurrently.
type Pictures struct {
	Client *fetch.Client
	Now    func() time.Time

	mu   sync.Mutex
	seen map[string]sight
}

type sight struct {
	problem string
	at      time.Time
}

const (
	maxPicture = 2_000_000 // bytes that a picture in a mail may have
	minPicture = 50        // pixels that it must have each way
)

// Look fetches the pictures of editions that were not looked at within
// GuardEvery. One that merely does not answer counts as good: only what the
// site itself says is held against it.
func (p *Pictures) Look(ctx context.Context, editions []Edition) {
	for _, e := range editions {
		z := html.NewTokenizer(strings.NewReader(e.HTML))
		for t := z.Next(); t != html.ErrorToken && ctx.Err() == nil; t = z.Next() {
			if tok := z.Token(); tok.Data == "img" {
				for _, a := range tok.Attr {
					if a.Key == "src" {
						p.look(ctx, a.Val)
					}
				}
			}
		}
	}
}

func (p *Pictures) look(ctx context.Context, address string) {
	p.mu.Lock()
	last, ok := p.seen[address]
	p.mu.Unlock()
	if ok && p.Now().Sub(last.at) < GuardEvery {
		return
	}
	s := sight{problem: p.fetch(ctx, address), at: p.Now()}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || len(p.seen) > 1000 {
		p.seen = map[string]sight{}
	}
	p.seen[address] = s
}

func (p *Pictures) fetch(ctx context.Context, address string) string {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	res, err := p.Client.Get(ctx, address, fetch.Validators{})
	var failed *fetch.Error
	if errors.As(err, &failed) && failed.Status >= 400 && failed.Status < 500 && failed.Status != 429 {
		return fmt.Sprintf("is gone (HTTP %d)", failed.Status)
	}
	switch {
	case err != nil:
		return ""
	case !strings.HasPrefix(res.ContentType, "image/"):
		return "is no picture (" + res.ContentType + ")"
	case len(res.Body) > maxPicture:
		return fmt.Sprintf("has %.1f MB", float64(len(res.Body))/1e6)
	}
	kind, _, _ := strings.Cut(strings.ToLower(res.ContentType), ";")
	if slices.Contains([]string{"image/svg+xml", "image/avif", "image/heic", "image/tiff", "image/jxl"}, strings.TrimSpace(kind)) {
		return "is of a kind that many mail programs do not show (" + kind + ")"
	}
	size, _, err := image.DecodeConfig(bytes.NewReader(res.Body))
	switch w, h := size.Width, size.Height; {
	case err != nil: // WebP, say
	case min(w, h) < minPicture:
		return fmt.Sprintf("has %d × %d pixels: that is a counter or an icon", w, h)
	case h > 3*w:
		return fmt.Sprintf("has %d × %d pixels: readers would scroll past it for long", w, h)
	}
	return ""
}

// Problem is what was last seen wrong with a picture; "" = nothing.
func (p *Pictures) Problem(address string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[address].problem
}

// Repair does to a waiting issue what the bad findings name, as far as that is
// to drop pictures and stories, and reports how many it dropped. The caller
// seals again.
func (g *Guard) Repair(ctx context.Context, issue int64, bad []Finding) (int, error) {
	dropped := 0
	var stories []Removal
	for _, f := range bad {
		if f.Story == 0 {
			continue
		}
		switch f.Repair {
		case DropPicture:
			if _, err := g.DB.Write.ExecContext(ctx, `update issue_stories set no_picture = true where issue_id = $1 and story_id = $2`, issue, f.Story); err != nil {
				return dropped, fmt.Errorf("drop picture of story %d: %w", f.Story, err)
			}
			dropped++
		case DropStory:
			stories = append(stories, Removal{StoryID: f.Story, Edition: f.Edition, Reason: f.Text})
		}
	}
	if len(stories) == 0 {
		return dropped, nil
	}
	return dropped + len(stories), g.Remove(ctx, issue, stories)
}
