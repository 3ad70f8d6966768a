package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/pelletier/go-toml/v2"

	"pressrun/digest"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

//go:embed press.toml.tmpl
var configTemplate string

type initVerb struct {
	Site   string `required:"" help:"Address of the news site."`
	Dir    string `default:"." help:"Directory for the configuration, keys and database."`
	Name   string `default:"morning" help:"Short name of the first newsletter."`
	From   string `help:"Sender of the mails; default digest@ the site's host."`
	Postal string `help:"Postal address printed in every mail."`
	Zone   string `default:"UTC" help:"IANA zone of the newsroom, such as Asia/Karachi."`
	City   string `help:"City in the masthead."`
	Admin  string `help:"Your address: the first user of the desk."`
	Listen string `default:"127.0.0.1:8080" help:"Address the web server will listen on."`
	Allow  string `help:"Private network that may be read, for a site on an intranet (10.0.0.0/8)."`
}

// Validate looks at everything that can be wrong on the command line before a
// file is written: a newsroom that is half made cannot be made again.
func (v *initVerb) Validate() error {
	if _, err := time.LoadLocation(v.Zone); err != nil || v.Zone == "" || v.Zone == "Local" {
		return fmt.Errorf("--zone %q is not known; write an IANA name such as Asia/Karachi", v.Zone)
	}
	if _, err := address.Parse(v.Admin); err != nil && v.Admin != "" {
		return fmt.Errorf("--admin %q is not a mail address; write one such as you@example.com", v.Admin)
	}
	if _, err := mail.ParseAddress(v.From); err != nil && v.From != "" {
		return fmt.Errorf("--from %q is not a sender; write digest@example.com or \"News <digest@example.com>\"", v.From)
	}
	if _, err := netip.ParsePrefix(v.Allow); err != nil && v.Allow != "" {
		return fmt.Errorf("--allow %q is no network; write one such as 10.0.0.0/8", v.Allow)
	}
	if _, _, err := net.SplitHostPort(v.Listen); err != nil {
		return fmt.Errorf("--listen %q is no address to listen on; write one such as 127.0.0.1:8080", v.Listen)
	}
	return nil
}

func (v *initVerb) Run(e *env) error {
	site := v.Site
	if !strings.Contains(site, "://") {
		site = "https://" + site
	}
	u, err := url.Parse(site)
	if err != nil || u.Host == "" {
		return fmt.Errorf("--site %q is not a web address; write https://your-news-site.example", v.Site)
	}
	path := filepath.Join(v.Dir, "press.toml")
	switch err := v.writeConfig(path); {
	case errors.Is(err, os.ErrExist):
		fmt.Fprintf(e.err, "%s is there already and left as it is, whatever --listen, --allow and --admin say: mend listen, allow and alarm_mail in it, or remove it and say this again\n", path)
	case err != nil:
		return err
	default:
		fmt.Fprintf(e.err, "wrote %s\n", path)
	}
	e.config = path
	return e.with(func(p *Press) error {
		// An init that could not read the site may be run again; a newsroom is not made twice.
		if list, err := p.Digest.Newsletters(e.ctx); err != nil || len(list) > 0 {
			return errors.Join(err, fmt.Errorf("%s has a newsletter already: run pressrun -c %[1]s serve, or choose another --dir", path))
		}
		return v.firstDraft(e, p, site, u.Hostname())
	})
}

// writeConfig writes the commented configuration. It never overwrites one:
// os.ErrExist.
func (v *initVerb) writeConfig(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	t, err := template.New("press.toml").Parse(configTemplate)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return err
	}
	return writeSecret(path, b.Bytes()) // passwords and webhooks are written into it
}

// firstDraft reads the site, makes list, newsletter and user, and ends with a
// real draft of today and the link to it.
func (v *initVerb) firstDraft(e *env, p *Press, site, host string) error {
	fmt.Fprintf(e.err, "reading %s …\n", site)
	x, err := p.AddSource(e.ctx, site, "own", firstRead)
	if err != nil {
		return err
	}
	src, got := x.Source, x.Collected
	fmt.Fprintf(e.err, "found %s: %s\n%d stories read, %d older ones put aside\n", x.Found[0].Kind, src.URL, got.Stories+got.Members, got.Old)
	if src.Language == "" { // nor does its feed say so
		if src.Language, err = mostly(e.ctx, p); err != nil {
			return err
		}
	}
	if _, err := p.Subscribers.CreateList(e.ctx, subscribers.List{Name: v.Name, Title: "Readers of " + src.Title, Language: cmp.Or(src.Language, "en"), Public: true}); err != nil && !errors.Is(err, subscribers.ErrTaken) {
		return err
	}
	n, _, err := p.Digest.ApplyNewsletter(e.ctx, v.Name, v.spec(src, host), "init")
	if err != nil {
		return err
	}
	admin := cmp.Or(v.Admin, "editor@"+digest.Host(host))
	if _, err := p.Installation.AddUser(e.ctx, admin, "", "operator"); err != nil {
		return err
	}
	slot, err := p.Digest.AddSlot(e.ctx, n.ID, p.Now().Truncate(time.Second))
	if err != nil {
		return err
	}
	issue, err := p.Build(e.ctx, slot.ID)
	if err != nil {
		return err
	}
	if issue.State != "draft" { // a young site, or a quiet one
		return v.report(e, p, issue, admin)
	}
	// A draft that nobody sees is not sent by accident: it waits for a person.
	if err := p.Digest.MoveIssue(e.ctx, p.DB.Write, issue.ID, "held", "first draft of a new newsroom", "draft"); err != nil {
		return err
	}
	return v.report(e, p, issue, admin)
}

func (v *initVerb) spec(src digest.Source, host string) digest.Spec {
	host = digest.Host(host)
	title := cmp.Or(src.Title, host)
	return digest.Spec{
		Title: title + " · Daily", Language: cmp.Or(baseOf(src.Language), "en"), City: v.City, Zone: v.Zone, Schedule: "0 7 * * *", Approval: "hold",
		List: v.Name, From: cmp.Or(v.From, fmt.Sprintf("%q <digest@%s>", title, host)), Sources: []string{src.SiteURL},
		Editions: []digest.EditionSpec{{Name: cmp.Or(baseOf(src.Language), "en"), Language: cmp.Or(baseOf(src.Language), "en"), Languages: []string{"*"}}},
		Brand:    templates.Brand{Name: title, URL: src.SiteURL, Postal: cmp.Or(v.Postal, "Postal address missing: set brand.postal")},
	}
}

// firstRead is how old the news may be that a new newsroom begins with.
const firstRead = 48 * time.Hour

// mostly is the language of most stories; "" = none has been read.
func mostly(ctx context.Context, p *Press) (string, error) {
	list, err := p.Digest.Stories(ctx, p.Now().Add(-firstRead-time.Hour))
	times, most := map[string]int{}, ""
	for _, s := range list {
		language := baseOf(s.Language)
		if times[language]++; times[language] > times[most] {
			most = language
		}
	}
	return most, err
}

func baseOf(language string) string {
	base, _, _ := strings.Cut(strings.ToLower(language), "-")
	return base
}

func (v *initVerb) report(e *env, p *Press, issue digest.Issue, admin string) error {
	token, err := p.Installation.SignInToken(e.ctx, admin)
	if err != nil {
		return err
	}
	link := p.Config.PublicURL + "/desk/sign-in/" + token
	preview := fmt.Sprintf("%s/desk/issues/%d", p.Config.PublicURL, issue.ID)
	list, err := p.Digest.Chosen(e.ctx, issue.ID)
	if err != nil {
		return err
	}
	type choice struct {
		Position int    `json:"position"`
		Story    int64  `json:"story"`
		Title    string `json:"title"`
		Reason   string `json:"reason"`
	}
	stories := make([]choice, 0, len(list))
	for _, c := range list {
		stories = append(stories, choice{c.Position, c.Story.ID, c.Title, c.Reason})
	}
	return e.print(map[string]any{"config": e.config, "issue": issue, "stories": stories, "preview": preview, "user": admin, "sign_in": link}, func(w io.Writer) {
		defer v.whoSignsIn(e, w, admin)
		if len(list) == 0 {
			fmt.Fprintf(w, "\nThe newsroom is made, but has no draft yet: %s.\nNew stories are read while serve runs, and the next draft is built 45 minutes before its slot (pressrun -c %s newsletter next).\nTo have one of what was read: set min_stories to 1 (pressrun -c %[2]s newsletter export %s > FILE, then newsletter apply -f FILE), then run: pressrun -c %[2]s issue build %[3]s\n", issue.Reason, e.config, v.Name)
			fmt.Fprintf(w, "\n  pressrun -c %s serve\n  %s   (the desk; works once, for 30 minutes)\n", e.config, link)
			return
		}
		fmt.Fprintf(w, "\nA draft of %s:\n", issue.Spec.Title)
		for _, c := range list {
			fmt.Fprintf(w, "%3d. %s\n     %s\n", c.Position, c.Title, c.Reason)
		}
		if issue.RankedBy == "date" {
			fmt.Fprintf(w, "\nNo views are counted yet, so the newest stand first. Feed me yesterday's access log:\n  pressrun -c %s trend ingest-log --site %s access.log\n", e.config, issue.Spec.Brand.URL)
		}
		fmt.Fprintf(w, "\nLook at it:\n  pressrun -c %s serve\n  %s   (sign in with the link below first; it works once, for 30 minutes)\n  %s\n", e.config, preview, link)
	})
}

// whoSignsIn says who the first user is, and how one comes in again.
func (v *initVerb) whoSignsIn(e *env, w io.Writer, admin string) {
	fmt.Fprintf(w, "\nIt signs in %s, an operator. A new link: pressrun -c %s user link %[1]s\n", admin, e.config)
	if v.Admin == "" {
		fmt.Fprintf(w, "No --admin was given, so that is nobody's address: make yourself a user, and name yourself in %[1]s as alarm_mail, whom alarms are written to:\n  pressrun -c %[1]s user add you@example.com --role operator\n  pressrun -c %[1]s user link you@example.com\n", e.config)
	}
}

// exportNewsletter writes a newsletter as the file that apply reads. The tables that it
// has none of follow as examples that mean nothing until their # is taken away.
func exportNewsletter(w io.Writer, n digest.Newsletter) error {
	if err := toml.NewEncoder(w).Encode(newsletterFile{Name: n.Name, Spec: n.Spec}); err != nil {
		return err
	}
	var example strings.Builder
	if err := toml.NewEncoder(&example).Encode(exampleTables); err != nil {
		return err
	}
	has := map[string]bool{"regions": len(n.Spec.Regions) > 0, "tones": len(n.Spec.Tones) > 0, "sponsors": len(n.Spec.Sponsors) > 0, "editions": len(n.Spec.Editions) > 0}
	for block := range strings.SplitSeq(strings.TrimSpace(example.String()), "\n\n") {
		var text strings.Builder
		table := ""
		for line := range strings.Lines(block + "\n") {
			if strings.HasPrefix(line, "[") {
				table = strings.Trim(line, "[]\n")
			}
			if !strings.HasPrefix(line, "#") {
				text.WriteByte('#')
			}
			text.WriteString(line)
		}
		if there, known := has[table]; known && !there {
			if _, err := fmt.Fprint(w, "\n", text.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

// exampleTables are what an export shows of the tables that a newsletter has none of.
var exampleTables = digest.Spec{
	Regions: map[string][]string{"Sindh": {"Karachi", "Hyderabad"}}, Tones: map[string]string{"trending": "full", "latest": "line"},
	Sponsors: []digest.Sponsor{{Name: "Ferry Line", Title: "Sail at half price", Text: "Until the end of the year.", Link: "https://ferry.example/offer", Section: "latest", Editions: []string{"en"}, From: "2026-12-01", Until: "2026-12-31"}},
	Editions: []digest.EditionSpec{{Name: "en", Language: "en"}},
}
