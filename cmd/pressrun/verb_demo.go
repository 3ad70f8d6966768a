package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"pressrun/cmd/pressrun/demo"
	"pressrun/digest"
	"pressrun/digest/trend"
	"pressrun/mailer"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

type demoVerb struct {
	Dir   string `help:"Directory for the data and a press.toml, with which all verbs work on this newsroom; a new temporary one when left out."`
	Port  int    `default:"8080" help:"Port of desk, inbox and public pages; 0 = any free one. The sample site takes the next."`
	Once  bool   `help:"Run one slot, print a summary, and end."`
	Redis string `help:"Count views in this Redis (redis://127.0.0.1:6379/0)."`
	Relay string `help:"Send to this relay on loopback (smtp://127.0.0.1:2525) instead of the built-in inbox."`
}

// demoName is the sample site's name.
const demoName = "The Ellery Courier"

// demoReaders is how many fictional people subscribe.
const demoReaders = 300

// demoResult is what a run of one slot comes to.
type demoResult struct {
	Collected int                  `json:"collected"`
	Stories   int                  `json:"stories"`
	Issue     int64                `json:"issue"`
	Editions  []demoEdition        `json:"editions"`
	Audience  int                  `json:"audience"`
	Accepted  int                  `json:"accepted"`
	States    map[mailer.State]int `json:"states"`
}

type demoEdition struct {
	Name  string `json:"name"`
	Hash  string `json:"hash"`
	Bytes int    `json:"bytes"`
}

func (v *demoVerb) Run(e *env) error {
	if v.Relay != "" && !loopback(v.Relay) {
		return fmt.Errorf("--relay %s: the demo mails fictional people; it sends to a relay on this machine alone", redact(v.Relay))
	}
	n, err := v.open(e)
	if err != nil {
		return err
	}
	defer n.close()
	var result demoResult
	err = n.run(e.ctx, func(ctx context.Context) error {
		if result, err = n.slot(ctx); err != nil {
			return err
		}
		if v.Once {
			return n.report(e, v, result)
		}
		if err := n.draft(ctx); err != nil {
			return err
		}
		if err := n.report(e, v, result); err != nil {
			return err
		}
		n.live(ctx)
		fmt.Fprintf(e.err, "\nended; the data stays in %s\n", n.dir)
		return nil
	})
	return err
}

// newsroom is the demo at run time: the press, the sample site and its readers.
type newsroom struct {
	press   *Press
	site    *demo.Site
	readers *demo.Readers
	web     net.Listener
	news    net.Listener
	dir     string
	say     func(format string, args ...any)
}

// Validate refuses a port that there is none of.
func (v *demoVerb) Validate() error {
	if v.Port < 0 || v.Port > 65534 { // the sample site takes the next
		return fmt.Errorf("--port %d: write a port from 1 to 65534, or 0 for any free one", v.Port)
	}
	return nil
}

func (v *demoVerb) open(e *env) (*newsroom, error) {
	n := &newsroom{dir: v.Dir, say: progress(e)}
	var err error
	if n.dir == "" {
		if n.dir, err = os.MkdirTemp("", "pressrun-demo-"); err != nil {
			return nil, err
		}
	} else if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return nil, err
	}
	if n.web, err = listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(v.Port)), "--port, 0 for any free one"); err != nil {
		return nil, err
	}
	if n.news, err = nextPort(n.web); err != nil {
		n.web.Close()
		return nil, err
	}
	token := rand.Text()
	c := Config{
		Database: filepath.Join(n.dir, "press.db"), PublicURL: "http://" + n.web.Addr().String(), Keys: filepath.Join(n.dir, "link.keys"),
		Journal: filepath.Join(n.dir, "departures.journal"), Redis: v.Redis, BeaconToken: token, path: filepath.Join(n.dir, "press.toml"),
		Fetch: FetchConfig{Allow: []string{"127.0.0.0/8"}, Delay: "0s"},
	}
	if v.Relay != "" {
		c.Relays = []RelayConfig{{Name: "relay", URL: v.Relay, Connections: 4}}
	}
	if err := n.writeConfig(e.ctx, c); err != nil {
		n.web.Close()
		n.news.Close()
		return nil, err
	}
	log := logTo(e.err, slog.LevelWarn)
	if n.press, err = Open(e.ctx, c, time.Now, log); err == nil {
		err = n.press.recall(e.ctx)
	}
	if err != nil {
		n.web.Close()
		n.news.Close()
		return nil, err
	}
	n.press.isDemo = true
	n.press.backlog = 14 * 24 * time.Hour
	n.site = &demo.Site{Start: time.Now(), Base: "http://" + n.news.Addr().String(), Beacon: c.PublicURL}
	if n.press.Catcher != nil {
		n.press.Catcher.ImagesFrom = []string{n.site.Base}
	}
	n.readers = &demo.Readers{Beacon: c.PublicURL, Site: n.site, Seed: 1, Client: &http.Client{Transport: bearer{token}, Timeout: 10 * time.Second}}
	return n, nil
}

// demoConfig begins the press.toml of a demo.
const demoConfig = "# Written by pressrun demo, anew whenever it runs in this directory."

// writeConfig leaves the configuration for other verbs. It never touches a real
// newsroom's: the demo would put fictional readers into that. Nor that of a demo which
// runs, for verbs would look for it at another port.
func (n *newsroom) writeConfig(ctx context.Context, c Config) error {
	if old, err := os.ReadFile(c.path); err == nil && !strings.HasPrefix(string(old), demoConfig) {
		return fmt.Errorf("%s belongs to a newsroom that is no demo; choose another --dir", c.path)
	}
	if running, err := LoadConfig(c.path); err == nil && running.examineServe(ctx)[0].OK { // we have a port of our own by now
		return fmt.Errorf("a demo runs in %s already: %s; end it, or choose another --dir", n.dir, running.PublicURL)
	}
	text := fmt.Sprintf("%s\ndatabase = \"press.db\"\nlisten = %q\npublic_url = %q\nbeacon_token = %q\nredis = %q\n\n[fetch]\nallow = [\"127.0.0.0/8\"]\ndelay = \"0s\"\n",
		demoConfig, n.web.Addr(), c.PublicURL, c.BeaconToken, c.Redis)
	for _, r := range c.Relays {
		text += fmt.Sprintf("\n[[relay]]\nname = %q\nurl = %q\n", r.Name, r.URL)
	}
	return os.WriteFile(c.path, []byte(text), 0o600)
}

// nextPort listens on the port after l's, or on any free one.
func nextPort(l net.Listener) (net.Listener, error) {
	port := l.Addr().(*net.TCPAddr).Port
	if next, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port+1))); err == nil {
		return next, nil
	}
	return net.Listen("tcp", "127.0.0.1:0")
}

// bearer lets the simulated readers say who they are, as a site's own server may.
type bearer struct{ token string }

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return http.DefaultTransport.RoundTrip(r)
}

func progress(e *env) func(string, ...any) {
	start := time.Now()
	return func(format string, args ...any) {
		fmt.Fprintf(e.err, "%5.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
}

func (n *newsroom) close() { n.press.Close() }

// run serves the sample site and the press while f runs.
func (n *newsroom) run(ctx context.Context, f func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	site := &http.Server{Handler: n.site.Handler(), ReadHeaderTimeout: 5 * time.Second}
	var done sync.WaitGroup
	defer done.Wait()
	defer site.Close()
	defer stop()
	done.Go(func() { site.Serve(n.news) })
	served := make(chan error, 1)
	done.Go(func() { served <- n.press.Serve(ctx, n.web) })
	worked := make(chan error, 1)
	done.Go(func() { worked <- f(ctx) })
	select {
	case err := <-served: // before f ended: it failed, or Ctrl-C
		stop()
		return errors.Join(err, <-worked)
	case err := <-worked:
		return err
	}
}

// slot takes the newsroom from nothing to a digest in three hundred inboxes.
func (n *newsroom) slot(ctx context.Context) (demoResult, error) {
	var out demoResult
	p := n.press
	n.say("newsroom in %s; in another terminal: pressrun -c %s issue ls", n.dir, p.Config.path)
	n.say("sample site at %s with %d articles", n.site.Base, len(n.site.Articles()))
	if err := n.subscribe(ctx); err != nil {
		return out, err
	}
	n.say("%d fictional readers on three lists", demoReaders)
	if err := n.collect(ctx, &out); err != nil {
		return out, err
	}
	n.say("%d entries collected, %d stories told", out.Collected, out.Stories)
	if err := n.yesterday(ctx); err != nil {
		return out, err
	}
	sent, err := n.readers.Visit(ctx, 3000)
	if err != nil {
		return out, fmt.Errorf("visit the sample site: %w", err)
	}
	if err := p.Beacon.Flush(ctx); err != nil {
		return out, err
	}
	n.say("%d visits sent through the beacon", sent)
	morning, err := n.newsletters(ctx)
	if err != nil {
		return out, err
	}
	// A minute ahead: a slot whose time has come would call for an approver first.
	slot, err := p.Digest.AddSlot(ctx, morning.ID, p.Now().Add(time.Minute).Truncate(time.Second))
	if err != nil {
		return out, err
	}
	issue, err := p.Build(ctx, slot.ID)
	if err != nil {
		return out, err
	}
	n.say("issue %d built and sealed, ranked by %s", issue.ID, issue.RankedBy)
	if err := p.SendNow(ctx, issue.ID, "demo"); err != nil && !errors.Is(err, digest.ErrState) {
		return out, err
	}
	return out, n.wait(ctx, issue.ID, &out)
}

// yesterday counts the visits of the last day, from the log of the site's web server.
func (n *newsroom) yesterday(ctx context.Context) error {
	var log bytes.Buffer
	if err := n.readers.Log(&log, 9_000); err != nil {
		return err
	}
	p := n.press
	report, err := trend.IngestLog(ctx, &log, trend.LogOptions{Site: n.site.Base, Salt: p.Counters.Salt, Mark: p.Beacon.Mark, Now: p.Now}, func(views []trend.View) error {
		return p.addViews(ctx, views)
	})
	if err != nil {
		return fmt.Errorf("read the sample site's access log: %w", err)
	}
	n.say("%d visits of the last 24 h read from the site's access log", report.Views)
	return nil
}

// draft builds the evening's issue, so that an editor has something to look at,
// change and approve.
func (n *newsroom) draft(ctx context.Context) error {
	evening, err := n.press.Digest.Newsletter(ctx, demo.ListEvening)
	if err != nil {
		return err
	}
	slot, err := n.press.Digest.AddSlot(ctx, evening.ID, n.press.Now().Add(2*time.Hour).Truncate(time.Minute))
	if err != nil {
		return err
	}
	_, err = n.press.Build(ctx, slot.ID)
	n.say("the evening's issue waits for approval at the desk")
	return err
}

// live lets people visit the site every few seconds until ctx ends.
func (n *newsroom) live(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(5 * time.Second):
		}
		n.readers.Visit(ctx, 20) // a visit that fails is a visit that was not made
	}
}

// wait follows the issue until every copy has gone out.
func (n *newsroom) wait(ctx context.Context, id int64, out *demoResult) error {
	p := n.press
	for {
		i, err := p.Digest.Issue(ctx, id)
		if err != nil {
			return err
		}
		counts, err := p.Mailer.Counts(ctx, id)
		if err != nil {
			return err
		}
		if !i.Started.IsZero() && counts["queued"]+counts["claimed"] == 0 {
			out.Issue, out.Audience, out.Accepted, out.States = id, i.Audience, counts["accepted"], counts
			editions, err := p.Digest.Editions(ctx, id, i.Revision)
			for _, ed := range editions {
				out.Editions = append(out.Editions, demoEdition{ed.Name, ed.Hash, ed.Bytes})
			}
			n.say("%d of %d copies accepted", out.Accepted, out.Audience)
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// collect adds the site's feeds, one for each language, and reads them.
func (n *newsroom) collect(ctx context.Context, out *demoResult) error {
	for _, f := range []struct{ kind, path, language string }{
		{"wordpress", "/wp-json/wp/v2/posts?_embed=1&per_page=100", ""}, {"feed", "/feed/", ""}, {"feed", "/ur/feed/", "ur"}, {"feed", "/ru/feed/", "ru"},
	} {
		src, err := n.press.Digest.AddSource(ctx, digest.Source{Kind: f.kind, URL: n.site.Base + f.path, SiteURL: n.site.Base + "/", Title: demoName, Language: f.language, Rights: "own"})
		if err != nil {
			return err
		}
		got, err := n.press.Collector.Collect(ctx, src, 14*24*time.Hour)
		if err != nil {
			return err
		}
		if got.Err != "" {
			n.say("%s: %s", src.URL, got.Err)
		} else if err := n.press.Digest.StillListed(ctx, src); err != nil { // the second poll that a story needs
			return err
		}
		out.Collected += got.New
	}
	told, err := n.press.Digest.Stories(ctx, n.press.Now().Add(-14*24*time.Hour)) // by serve, which runs beside this, as well
	out.Stories = len(told)
	return err
}

// subscribe puts the fictional people on their lists, with consent as an
// import would record it.
func (n *newsroom) subscribe(ctx context.Context) error {
	s := n.press.Subscribers
	for _, l := range []subscribers.List{
		{Name: demo.ListMorning, Title: "Morning Digest", Language: "en", Public: true, Description: "What Port Ellery reads, every day at seven.",
			Words: map[string]subscribers.ListWords{"ur": {Title: "صبح نامہ", Description: "پورٹ ایلری کیا پڑھ رہا ہے، ہر روز صبح سات بجے۔"}, "ru": {Title: "Утренний выпуск", Description: "Что читает Порт-Эллери: каждый день в семь утра."}}},
		{Name: demo.ListEvening, Title: "Evening Digest", Language: "en", Public: true, Description: "The day in ten stories, after work.",
			Words: map[string]subscribers.ListWords{"ur": {Title: "شام نامہ", Description: "دن بھر کی دس خبریں، کام کے بعد۔"}, "ru": {Title: "Вечерний выпуск", Description: "День в десяти новостях, после работы."}}},
		{Name: demo.ListWeekend, Title: "Weekend Reads", Language: "en", Public: true, Description: "Longer stories for Saturday.",
			Words: map[string]subscribers.ListWords{"ur": {Title: "ہفتے کا مطالعہ", Description: "ہفتے کے دن کے لیے لمبی کہانیاں۔"}, "ru": {Title: "Чтение на выходные", Description: "Длинные статьи для субботы."}}},
	} {
		if _, err := s.CreateList(ctx, l); err != nil && !errors.Is(err, subscribers.ErrTaken) {
			return err
		}
	}
	return n.importPeople(ctx, demo.Subscribers(demoReaders, 1))
}

// demoEditions are those of every newsletter, under their own titles.
func demoEditions(urdu, russian string) []digest.EditionSpec {
	return []digest.EditionSpec{
		{Name: "en", Language: "en"},
		{Name: "ur", Language: "ur", Title: urdu, City: "پورٹ ایلری"},
		{Name: "ru", Language: "ru", Title: russian, City: "Порт-Эллери"},
	}
}

// newsletters makes three newsletters, one a list, and returns the first.
func (n *newsroom) newsletters(ctx context.Context) (digest.Newsletter, error) {
	brand := templates.Brand{Name: demoName, URL: n.site.Base + "/", Postal: "The Ellery Courier, 14 Lantern Quay, Port Ellery"}
	var first digest.Newsletter
	for i, spec := range []digest.Spec{
		{Title: "Morning Digest", Editions: demoEditions("صبح نامہ", "Утренний выпуск"), Schedule: "0 7 * * *", List: demo.ListMorning},
		{Title: "Evening Digest", Editions: demoEditions("شام نامہ", "Вечерний выпуск"), Schedule: "0 18 * * *", List: demo.ListEvening},
		{Title: "Weekend Reads", Editions: demoEditions("ہفتے کا مطالعہ", "Чтение на выходные"), Schedule: "0 9 * * 6", List: demo.ListWeekend,
			MaxAge: digest.Duration(7 * 24 * time.Hour)},
	} {
		spec.Language, spec.City, spec.Zone, spec.Approval = "en", "Port Ellery", "Europe/London", "hold"
		spec.From, spec.Brand = `"`+demoName+`" <digest@courier.example>`, brand
		spec.Settle = digest.Duration(time.Second)
		spec.MinStories = 3
		if spec.MaxAge == 0 {
			spec.MaxAge = digest.Duration(72 * time.Hour)
		}
		nl, _, err := n.press.Digest.ApplyNewsletter(ctx, spec.List, spec, "demo")
		if err != nil {
			return first, err
		}
		if i == 0 {
			first = nl
		}
	}
	return first, nil
}

func (n *newsroom) report(e *env, v *demoVerb, result demoResult) error {
	if v.Once {
		return e.print(result, func(w io.Writer) {
			fmt.Fprintf(w, "collected %d entries, told %d stories, sent issue %d to %d readers: %v\n", result.Collected, result.Stories, result.Issue, result.Audience, result.States)
		})
	}
	p := n.press
	if _, err := p.Installation.AddUser(e.ctx, "editor@courier.example", "Demo Editor", "operator"); err != nil {
		return err
	}
	token, err := p.Installation.SignInToken(e.ctx, "editor@courier.example")
	if err != nil {
		return err
	}
	base := p.Config.PublicURL
	fmt.Fprintf(e.out, `
A newsroom is running. Open in your browser:

  the digest in the inbox   %s/inbox/
  the desk                  %s/desk/sign-in/%s   (this link works once)
  a sign-up page            %s/subscribe
  the archive               %s/archive/
  the sample news site      %s/

All verbs work on it, in another terminal:

  pressrun -c %s issue ls

Data: %s. Nothing leaves this machine. End with Ctrl-C.
`, base, base, token, base, base, n.site.Base, p.Config.path, n.dir)
	return nil
}

// importPeople adds the fictional readers, active at once, each with the
// consent that an import would record.
func (n *newsroom) importPeople(ctx context.Context, people []demo.Person) error {
	for _, who := range people {
		_, err := n.press.Subscribers.Add(ctx, subscribers.New{
			Subscriber: subscribers.Subscriber{Email: address.Address(who.Email), Name: who.Name, Language: who.Language, Zone: who.Zone, Attrs: who.Attrs()},
			ListNames:  who.Lists, By: "demo",
			Consent: subscribers.Consent{Basis: subscribers.Imported, Source: "demo: a fictional reader", Evidence: "none is needed for people who do not exist"},
		})
		if err != nil && !errors.Is(err, subscribers.ErrLeft) && !errors.Is(err, subscribers.ErrSuppressed) { // who left in an earlier run stays away
			return err
		}
	}
	return nil
}
