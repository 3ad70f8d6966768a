package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/deploy/installation"
	"pressrun/deploy/schema"
	"pressrun/digest"
	"pressrun/digest/article"
	"pressrun/digest/fetch"
	"pressrun/digest/summary/writer"
	"pressrun/digest/trend"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/mailer/message"
	"pressrun/mailer/smtp"
	"pressrun/subscribers"
	"pressrun/templates"
)

// Open introduces the rooms to one another: it opens the database, migrates
// it, and fills every seam. Nothing runs yet.
func Open(ctx context.Context, c Config, now func() time.Time, log *slog.Logger) (*Press, error) {
	db, err := schema.Open(ctx, c.Database)
	if err != nil {
		return nil, err
	}
	p := &Press{Config: c, DB: db, Now: now, Log: log, watched: map[int64]int64{}, counted: map[int64]time.Time{}}
	p.close = append(p.close, db.Close)
	if err := p.open(ctx); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Press) open(ctx context.Context) error {
	if _, err := p.DB.Migrate(ctx); err != nil {
		return err
	}
	p.Installation = &installation.Store{DB: p.DB, Now: p.Now}
	p.openDigest()
	for _, step := range []func(context.Context) error{p.openCounters, p.openSubscribers, p.openMailer} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	p.wire()
	return p.openJobs()
}

// Close closes what Open opened, the last first.
func (p *Press) Close() error {
	var all error
	for i := len(p.close) - 1; i >= 0; i-- {
		all = errors.Join(all, p.close[i]())
	}
	return all
}

func (p *Press) openDigest() {
	delay, err := time.ParseDuration(p.Config.Fetch.Delay)
	if err != nil {
		delay = time.Second
	} else if delay == 0 {
		delay = -1 // none
	}
	client := &fetch.Client{Now: p.Now, UserAgent: p.Config.Fetch.UserAgent, Allow: prefixes(p.Config.Fetch.Allow), Delay: delay}
	p.close = append(p.close, func() error { client.Close(); return nil })
	p.Digest = &digest.Store{DB: p.DB, Now: p.Now}
	p.Collector = &digest.Collector{Store: p.Digest, Client: client, Alarm: p.Alarm, Clear: p.Clear, Told: p.obey}
	p.Guard = &digest.Guard{Store: p.Digest, Client: client}
	p.Pictures = &digest.Pictures{Client: client, Now: p.Now}
	p.Sealer = &digest.Sealer{Store: p.Digest, Compose: message.Compose, ArchiveURL: func(i digest.Issue) string {
		return fmt.Sprintf("%s/archive/%s/%d?key=%s", p.Config.PublicURL, i.Newsletter, i.Number, i.LinkKey)
	}}
}

// openCounters chooses where views are counted, who may have them counted, and
// who reads them.
func (p *Press) openCounters(ctx context.Context) error {
	trend.Quiet()
	p.Counters = trend.NewSQL(p.DB, p.Now)
	if p.Config.Redis != "" {
		client, err := trend.Connect(p.Config.Redis)
		if err != nil {
			return err
		}
		p.close = append(p.close, client.Close)
		p.Counters = trend.NewRedis(client, cmp.Or(p.Config.RedisSite, "press"), p.Now)
	}
	hosts, marks := lookup[bool]{load: p.Digest.Hosts}, lookup[bool]{load: p.Digest.Marks}
	p.Beacon = &trend.Beacon{
		Counters: p.Counters, Now: p.Now, Proxies: prefixes(p.Config.TrustedProxies), Newsroom: prefixes(p.Config.Newsroom), Token: p.Config.BeaconToken, Log: p.Log,
		Key: func(address string) (string, error) { k, err := article.KeyOf(address); return string(k), err },
		Known: func(host string) bool {
			name, _, _ := strings.Cut(host, ":")
			_, ok := hosts.of(digest.Host(name))
			return ok
		},
		// Before the first newsletter nobody knows its mark: then any counts as ours.
		Mark:   func(src string) bool { _, ok := marks.of(src); return ok || marks.empty() },
		Editor: p.signedIn,
	}
	p.Ranker = &trend.Ranker{Counters: p.Counters, DB: p.DB, Now: p.Now, Candidates: func(ctx context.Context) ([]trend.Candidate, error) {
		list, err := p.Digest.Stories(ctx, p.Now().Add(-72*time.Hour))
		return digest.Candidates(list), err
	}}
	p.Live = &trend.Live{Rank: p.Ranker.Rank, Stories: p.liveStories, Now: p.Now, Log: p.Log}
	p.Builder = &digest.Builder{Store: p.Digest, Rank: p.Ranker.Rank}
	if err := p.openWriter(); err != nil {
		return err
	}
	return p.openPollers()
}

// openPollers prepares to read the counters a site keeps itself.
func (p *Press) openPollers() error {
	for _, k := range p.Config.Counters {
		client, err := trend.Connect(k.Redis)
		if err != nil {
			return err
		}
		p.close = append(p.close, client.Close)
		every, err := time.ParseDuration(k.Every)
		if err != nil {
			return fmt.Errorf("counters %q: %w", k.Key, err)
		}
		published := &lookup[time.Time]{load: p.Digest.PublishedByName}
		p.pollers = append(p.pollers, poller{every: every, Poller: &trend.Poller{Client: client, Layout: k.Layout, Now: p.Now, Log: p.Log, Published: published.of}})
	}
	return nil
}

// openWriter lets a language model write summaries, if one is configured.
func (p *Press) openWriter() error {
	c := p.Config.AI
	if c.URL == "" {
		return nil
	}
	key, err := c.key(filepath.Dir(p.Config.path))
	if err != nil {
		return err
	}
	timeout, err := time.ParseDuration(c.Timeout)
	if err != nil {
		return fmt.Errorf("ai.timeout: %w", err)
	}
	p.Builder.Summarizer = &writer.Writer{DB: p.DB, Now: p.Now, Log: p.Log, URL: c.URL, Model: c.Model, Key: key, Input: c.Words, Timeout: timeout,
		Concurrency: c.Connections, DailyTokens: c.DailyTokens, DailyCost: c.DailyCost, PriceIn: c.PriceIn, PriceOut: c.PriceOut}
	return nil
}

// poller reads a site's own counters every so often.
type poller struct {
	*trend.Poller
	every time.Duration
}

// signedIn reports whether a request comes from somebody who is at work at the
// desk. Browsers send the cookie along where desk and site are of one domain.
func (p *Press) signedIn(r *http.Request) bool {
	c, err := r.Cookie(desk.Cookie)
	if err != nil {
		return false
	}
	_, err = p.Installation.SessionUser(r.Context(), c.Value)
	return err == nil
}

// liveStories is what the publisher's pages may show as trending.
func (p *Press) liveStories(ctx context.Context) ([]trend.LiveStory, error) {
	list, err := p.Digest.Stories(ctx, p.Now().Add(-48*time.Hour))
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(s digest.Story) bool {
		return s.Label == "paid" || s.Title == "" || s.Published.After(p.Now()) || s.NotBefore.After(p.Now())
	})
	out := make([]trend.LiveStory, len(list))
	for i, c := range digest.Candidates(list) {
		out[i] = trend.LiveStory{Candidate: c, Title: list[i].Title, URL: list[i].URL, Label: list[i].Label}
	}
	return out, nil
}

// lookup is a table of the database that many requests ask, read again every
// two seconds. What was read last is good while the database does not answer.
type lookup[V any] struct {
	load func(context.Context) (map[string]V, error)

	mu    sync.Mutex
	table map[string]V
	until time.Time
}

func (l *lookup[V]) of(key string) (V, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().After(l.until) {
		if table, err := l.load(context.Background()); err == nil {
			l.table = table
		}
		l.until = time.Now().Add(2 * time.Second)
	}
	v, ok := l.table[key]
	return v, ok
}

func (l *lookup[V]) empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.table) == 0
}

func (p *Press) openSubscribers(ctx context.Context) error {
	keys, err := subscribers.LoadKeys(p.Config.Keys)
	if errors.Is(err, os.ErrNotExist) {
		// A new file would hide that the old one is gone.
		if signed, err := (&subscribers.Store{DB: p.DB}).Signed(ctx); err != nil {
			return err
		} else if signed {
			return fmt.Errorf("link keys: there is no %s, and this database knows the keys of another, which sign the links in its mails; restore the file that belongs to this database, or name it under keys in press.toml; a new newsroom begins with a database of its own", p.Config.Keys)
		}
		keys, err = subscribers.GenerateKeys(p.Config.Keys)
	}
	if err != nil {
		return fmt.Errorf("link keys: %w", err)
	}
	keys.Now = p.Now
	journal, err := subscribers.OpenJournal(p.Config.Journal)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	p.close = append(p.close, journal.Close)
	p.Subscribers = &subscribers.Store{DB: p.DB, Now: p.Now, Keys: keys, PublicURL: p.Config.PublicURL, Journal: journal, Post: p.post, Erased: erased, Confirmed: p.welcome, Brand: p.brand, Log: p.Log}
	if err := p.Subscribers.CheckKeys(ctx); err != nil {
		return fmt.Errorf("link keys %s: %w", p.Config.Keys, err)
	}
	p.proxies.trusted = prefixes(p.Config.TrustedProxies)
	return nil
}

// recall brings the database up to the journal and the journal up to the database.
// Whoever sends or adds readers does so first. Among a million it takes seconds, for
// which a look at something has no reason to wait.
func (p *Press) recall(ctx context.Context) error {
	if err := p.Subscribers.Journal.Replay(ctx, p.Subscribers); err != nil {
		return fmt.Errorf("replay journal %s: %w", p.Config.Journal, err)
	}
	return nil
}

// erased takes away what other rooms keep of a subscriber who is erased.
func erased(ctx context.Context, tx *sql.Tx, subscriber int64, address string) error {
	if err := mailer.DropLetters(ctx, tx, subscriber, address); err != nil {
		return err
	}
	return installation.ForgetAddress(ctx, tx, address)
}

func (p *Press) openMailer(ctx context.Context) error {
	host, _ := os.Hostname()
	p.Mailer = &mailer.Mailer{DB: p.DB, Now: p.Now, Owner: fmt.Sprintf("%s-%d-%d", host, os.Getpid(), time.Now().UnixNano()), Log: p.Log, Catch: p.Config.Catch}
	dir := filepath.Dir(p.Config.path)
	for _, r := range p.Config.Relays {
		if p.Config.Catch {
			break // everything is caught, whatever is armed
		}
		if folder, ok := r.maildir(); ok {
			p.Mailer.Transports = append(p.Mailer.Transports, mailer.Maildir(r.Name, folder))
			continue
		}
		password, err := r.password(dir)
		if err != nil {
			return err
		}
		p.Mailer.Relays = append(p.Mailer.Relays, &smtp.Relay{Name: r.Name, URL: r.URL, Password: password, HELO: r.HELO, Connections: r.Connections, Rate: r.Rate})
	}
	if err := p.openIntake(); err != nil {
		return err
	}
	p.Mailer.Quotas, p.Mailer.Groups, p.Mailer.Breaker = p.Config.quotas(), p.Config.groups(), p.Config.Breaker.rules()
	var err error
	if p.Mailer.DKIM, err = p.signers(); err != nil {
		return err
	}
	if from, err := mail.ParseAddress(p.sender(ctx)); err == nil {
		p.Mailer.SenderDomain = from.Address[strings.LastIndexByte(from.Address, '@')+1:]
	}
	if p.Config.Catch || !p.Config.onlyLoopback() || len(p.Config.Relays) == 0 {
		p.Catcher = &catch.Catcher{Now: p.Now, Desk: "/desk/"}
	}
	return nil
}

// wire fills the seams between rooms (design: rooms never import one another).
func (p *Press) wire() {
	p.Mailer.Editions = func(ctx context.Context, id int64) (mailer.Edition, error) {
		e, err := p.Digest.Edition(ctx, id)
		if err != nil {
			return mailer.Edition{}, err
		}
		i, err := p.Digest.Issue(ctx, e.IssueID)
		if err != nil {
			return mailer.Edition{}, err
		}
		return mailer.Edition{Message: e.Message, Hash: e.Hash, EnvelopeFrom: i.Spec.Envelope, MessageIDDomain: i.Spec.ListHost}, nil
	}
	p.Mailer.Recipients = p.recipients
	p.Mailer.RevokedSince = p.Subscribers.RevokedSince
	p.Mailer.Suppress = p.suppress
	p.Mailer.Alarm = func(ctx context.Context, kind, subject, detail string) {
		if detail == "" {
			p.Clear(ctx, kind, subject)
			return
		}
		p.Alarm(ctx, kind, subject, detail)
	}
}

// recipients gives the mailer the personal part of a batch, as things stand now.
func (p *Press) recipients(ctx context.Context, tx *sql.Tx, issue int64, ids []int64) ([]mailer.Recipient, []mailer.Withheld, error) {
	list, err := p.listOf(ctx, tx, issue)
	if err != nil {
		return nil, nil, err
	}
	readers, withheld, err := p.Subscribers.Recipients(ctx, tx, list, ids)
	if err != nil {
		return nil, nil, err
	}
	mailto, err := p.mailtoOpen(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	to := make([]mailer.Recipient, len(readers))
	for i, r := range readers {
		to[i] = mailer.Recipient{ID: r.ID, Address: r.Address, Slots: r.Slots}
		if mailto {
			r.Slots[templates.SlotMailto] = p.leaveAddress(r.ID, list, false)
		}
	}
	out := make([]mailer.Withheld, len(withheld))
	for i, w := range withheld {
		out[i] = mailer.Withheld{ID: w.ID, Reason: w.Reason}
	}
	return to, out, nil
}

// listOf is the list an issue goes to. It reads through tx: SQLite has one
// writer, and it is this one.
func (p *Press) listOf(ctx context.Context, q schema.Querier, issue int64) (int64, error) {
	i, err := p.Digest.IssueIn(ctx, q, issue)
	if err != nil {
		return 0, err
	}
	return p.Subscribers.ListID(ctx, q, i.Spec.List)
}

func (p *Press) suppress(ctx context.Context, tx *sql.Tx, subscriber int64, reason, note string, delivery int64) error {
	return p.Subscribers.SuppressSubscriber(ctx, tx, subscriber, reason, note, delivery)
}

// post hands a letter to the mailer's own lane for letters.
func (p *Press) post(ctx context.Context, tx *sql.Tx, kind string, e templates.Email, to subscribers.Recipient) error {
	from, envelope := p.senders(ctx, to.Lists...)
	e.From = from
	_, err := p.Mailer.Post(ctx, tx, mailer.Letter{Kind: kind, Email: e, EnvelopeFrom: envelope, To: mailer.Recipient{ID: to.ID, Address: to.Address, Slots: to.Slots}, About: to.About, Expires: 24 * time.Hour})
	return err
}

// sender is who letters about lists come from: the sender of the newsletters that
// go to them where these have one, else that of the first newsletter, or an
// address at the public host.
func (p *Press) sender(ctx context.Context, lists ...string) string {
	from, _ := p.senders(ctx, lists...)
	return from
}

// senders are sender, and the envelope sender of the same newsletters; "" = the
// sender's address.
func (p *Press) senders(ctx context.Context, lists ...string) (from, envelope string) {
	if list, err := p.Digest.Newsletters(ctx); err == nil && len(list) > 0 {
		if from, one := common(list, lists, func(s digest.Spec) string { return s.From }); one {
			if envelope, one = common(list, lists, func(s digest.Spec) string { return s.Envelope }); !one {
				envelope = ""
			}
			return from, envelope
		}
		return list[0].Spec.From, list[0].Spec.Envelope
	}
	u, err := url.Parse(p.Config.PublicURL)
	if err != nil || u.Hostname() == "" || strings.Contains(u.Hostname(), ":") || loopback(p.Config.PublicURL) {
		return "pressrun <press@localhost.localdomain>", ""
	}
	return "pressrun <press@" + u.Hostname() + ">", ""
}

// common is what the newsletters of these lists have in common; false when they
// differ in it, or there are none.
func common[V comparable](all []digest.Newsletter, lists []string, of func(digest.Spec) V) (V, bool) {
	found := map[V]bool{}
	var v V
	for _, n := range all {
		if slices.Contains(lists, n.Spec.WithDefaults(n.Name).List) {
			v = of(n.Spec)
			found[v] = true
		}
	}
	return v, len(found) == 1
}

// languages are those that newsletters come in.
func (p *Press) languages(ctx context.Context) []string {
	list, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return nil
	}
	var all []string
	for _, n := range list {
		for _, e := range n.Spec.WithDefaults(n.Name).Editions {
			if !slices.Contains(all, e.Language) {
				all = append(all, e.Language)
			}
		}
	}
	return all
}

// nextSlot is when the next issue of a newsletter is due, by its schedule or by hand, but
// for those left out; zero = nobody knows.
func (p *Press) nextSlot(ctx context.Context, n digest.Newsletter) (next time.Time, err error) {
	if n.State != "active" {
		return next, nil
	}
	spec := n.Spec.WithDefaults(n.Name)
	schedule, err := digest.ParseSchedule(spec.Schedule, spec.Zone)
	if err == nil { // else none: by hand alone
		next = schedule.Next(p.Now())
	}
	slots, err := p.Digest.Slots(ctx, n.ID, p.Now())
	for _, s := range slots {
		switch {
		case s.State == "planned" || s.State == "running":
			if next.IsZero() || s.At.Before(next) {
				next = s.At
			}
			return next, nil
		case s.At.Equal(next):
			next = schedule.Next(next)
		}
	}
	return next, err
}

// coming is what a reader of a list may look forward to, in the edition of his
// language.
func (p *Press) coming(ctx context.Context, list, language string) (templates.Coming, error) {
	var c templates.Coming
	newsletters, err := p.Digest.Newsletters(ctx)
	if err != nil {
		return c, err
	}
	offered, err := p.offered(ctx)
	if err != nil {
		return c, err
	}
	_, isOpen := offered[list]
	var latest time.Time
	for _, n := range newsletters {
		spec := n.Spec.WithDefaults(n.Name)
		if spec.List != list {
			continue
		}
		zone, err := time.LoadLocation(spec.Zone)
		if err != nil {
			return c, err
		}
		if next, err := p.nextSlot(ctx, n); err != nil {
			return c, err
		} else if !next.IsZero() && (c.Next.IsZero() || next.Before(c.Next)) {
			c.Next = next.In(zone)
		}
		if !spec.Archived(isOpen) {
			continue
		}
		edition := spec.Editions[max(0, slices.IndexFunc(spec.Editions, func(e digest.EditionSpec) bool { return templates.SameLanguage(e.Language, language) }))]
		issues, _, err := p.Digest.Published(ctx, n.ID, edition.Name, "", 1, 0)
		if err != nil {
			return c, err
		}
		if len(issues) > 0 && issues[0].At.After(latest) {
			latest = issues[0].At
			c.Latest = fmt.Sprintf("/archive/%s/%d", url.PathEscape(n.Name), issues[0].Number)
			if edition.Name != spec.Editions[0].Name {
				c.Latest += "?edition=" + url.QueryEscape(edition.Name)
			}
		}
	}
	return c, nil
}

// brand is how the newsroom looks outside an issue: in what is about lists as the
// newsletters that go to them where these look alike, else as its first newsletter
// that everybody may read, or as its first where there is none.
func (p *Press) brand(ctx context.Context, lists ...string) templates.Brand {
	list, err := p.Digest.Newsletters(ctx)
	if err != nil || len(list) == 0 {
		return templates.Brand{Name: "pressrun", URL: p.Config.PublicURL}
	}
	if brand, one := common(list, lists, func(s digest.Spec) templates.Brand { return s.Brand }); one {
		return brand
	}
	offered, err := p.offered(ctx)
	if err != nil {
		p.Log.Error("lists that are offered", "err", err)
	}
	for _, n := range list {
		if _, isOpen := offered[n.Spec.WithDefaults(n.Name).List]; n.Spec.Archived(isOpen) {
			return n.Spec.Brand
		}
	}
	return list[0].Spec.Brand
}
