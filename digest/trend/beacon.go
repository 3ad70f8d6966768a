package trend

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"pressrun/digest/article"
)

// Beacon receives views from the publisher's pages. It answers at once,
// whatever the counters do: views wait in memory and go to the counters in
// batches. Only views of people count; see [Stats] for the others.
//
// Nothing about a reader is stored. A visitor is an HMAC of address (/64 of
// IPv6) and user agent with a random salt that changes daily and is deleted.
//
// Set the fields before the first use; then it may be used concurrently.
type Beacon struct {
	Counters Counters
	// Known says whether articles of a host are ours. nil = all hosts.
	Known func(host string) bool
	// Key makes the key of an article's address; nil = article.KeyOf.
	Key func(url string) (string, error)
	// Mark says whether a value of the query parameter src marks links of our
	// newsletters, whose clicks would only confirm our own choice. nil = all.
	Mark func(src string) bool
	// Editor says whether a request comes from somebody of the newsroom.
	// nil = nobody.
	Editor func(r *http.Request) bool
	// Newsroom is the networks of those who make the site: their visits do not
	// count.
	Newsroom []netip.Prefix
	// Token lets a server report views for its readers: with the header
	// "Authorization: Bearer TOKEN" the fields t and visitor are believed.
	// "" = nobody may.
	Token string
	// Proxies are the networks whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// PerVisitor is how many articles of one visitor count in an hour,
	// PerNetwork how many views of one network (/24, or /48 of IPv6).
	// 0 = 60 and 600, less = no bound.
	PerVisitor, PerNetwork int
	// Every is how often views go to the counters; 0 = 100 ms. Less than 0 =
	// each request's views before it is answered: half as fast, and slow when
	// the counters are; for tests and comparison.
	Every time.Duration
	// Wait bounds one batch; 0 = 2 s.
	Wait time.Duration
	// Size is how many views wait in memory at most; 0 = 65,536 (about 10 MB).
	Size int
	// Now is the clock; nil = time.Now.
	Now func() time.Time
	// Log is told when the counters go away and return; nil = slog.Default().
	Log *slog.Logger

	once    sync.Once
	buffer  buffer
	salts   salts
	caps    caps
	agents  memo[bool]
	keys    memo[string] // "" = of no use
	sending sync.Mutex

	mu    sync.Mutex
	stats Stats
}

// Stats is what became of the views since the process began.
type Stats struct {
	Received int64            // views reported, counted or not
	Counted  int64            // new to the counters; what they took without being able to answer is missing here
	Ignored  map[string]int64 // not people, or too many: by reason
	Dropped  map[string]int64 // lost views of people: by reason
	Waiting  int              // in memory
	Down     bool             // the counters did not take the last batch
	Error    string           // why, for the operator
	DownAt   time.Time        // since when
}

// Why a view is lost.
const (
	droppedFull = "buffer full"
	droppedEnd  = "ended while the counters were away"
)

func (b *Beacon) init() {
	b.once.Do(func() {
		b.Now = clock(b.Now)
		if b.Key == nil {
			b.Key = func(url string) (string, error) {
				k, err := article.KeyOf(url)
				return string(k), err
			}
		}
		if b.Log == nil {
			b.Log = slog.Default()
		}
		b.PerVisitor = cmp.Or(b.PerVisitor, 60)
		b.PerNetwork = cmp.Or(b.PerNetwork, 600)
		b.Every = cmp.Or(b.Every, 100*time.Millisecond)
		b.Wait = cmp.Or(b.Wait, 2*time.Second)
		b.buffer.size = cmp.Or(b.Size, 1<<16)
		b.stats.Ignored = make(map[string]int64)
		b.stats.Dropped = make(map[string]int64)
	})
}

// Handler serves
//
//	POST /v1/view      {"url": …} or an array of up to 1,000: 202, also while the counters are down
//	GET  /v1/view.gif  ?u=URL, else the Referer: a transparent pixel
//	GET  /v1/view.js   the snippet that does the POST
//
// to pages of any origin.
func (b *Beacon) Handler() http.Handler {
	b.init()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/view", b.post)
	mux.HandleFunc("OPTIONS /v1/view", preflight)
	mux.HandleFunc("GET /v1/view.gif", b.pixel)
	mux.HandleFunc("GET /v1/view.js", script)
	return mux
}

// report is one element of a POST.
type report struct {
	Article string `json:"article"` // the article's key or the site's own id for it …
	URL     string `json:"url"`     // … or its address
	Page    string `json:"page"`    // what the address bar shows, with its parameters
	T       int64  `json:"t"`       // unix seconds, from servers with a token
	Visitor string `json:"visitor"` // who, in words of a server with a token
}

const (
	postBytes   = 512 << 10
	postReports = 1000
)

func (b *Beacon) post(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, postBytes))
	if err != nil {
		http.Error(w, "the body is too long or broken off", http.StatusRequestEntityTooLarge)
		return
	}
	reports, err := parseReports(body)
	if err != nil {
		b.ignore(ignoredInvalid)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	b.take(r, reports)
	w.WriteHeader(http.StatusAccepted)
}

var errReports = errors.New(`send {"url": "https://…"} or an array of at most 1000 of these`)

func parseReports(body []byte) ([]report, error) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		var all []report
		if err := json.Unmarshal(body, &all); err != nil || len(all) > postReports {
			return nil, errReports
		}
		return all, nil
	}
	var one report
	if err := json.Unmarshal(body, &one); err != nil {
		return nil, errReports
	}
	return []report{one}, nil
}

func preflight(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "POST")
	h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	h.Set("Access-Control-Max-Age", "86400")
	w.WriteHeader(http.StatusNoContent)
}

// gif is a transparent pixel.
const gif = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func (b *Beacon) pixel(w http.ResponseWriter, r *http.Request) {
	u := r.URL.Query().Get("u")
	if u == "" {
		u = r.Referer()
	}
	b.take(r, []report{{URL: u, Page: r.Referer()}})
	w.Header().Set("Content-Type", "image/gif")
	w.Header().Set("Cache-Control", "no-store")
	io.WriteString(w, gif)
}

// snippet reports a page once somebody sees it, by its canonical address.
const snippet = `(function(d,n,l){var s=d.currentScript.src;function f(){var c=d.querySelector("link[rel=canonical]");` +
	`n.webdriver||n.sendBeacon(s.replace(/\.js.*/,""),JSON.stringify({url:c?c.href:l.href,page:l.href}))}` +
	`d.prerendering?d.addEventListener("prerenderingchange",f,{once:!0}):f()})(document,navigator,location)`

func script(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	io.WriteString(w, snippet)
}

// take puts the views among the reports into the buffer.
func (b *Beacon) take(r *http.Request, reports []report) {
	b.mu.Lock()
	b.stats.Received += int64(len(reports))
	b.mu.Unlock()
	trusted := b.trusted(r)
	if why := b.refuse(r, trusted); why != "" {
		b.ignoreN(why, len(reports))
		return
	}
	addr := clientAddr(r, b.Proxies)
	if !trusted && within(b.Newsroom, addr) {
		b.ignoreN(ignoredEditor, len(reports))
		return
	}
	now := b.Now()
	views := make([]View, 0, len(reports))
	for _, rep := range reports {
		v, why := b.view(rep, now, trusted, addr, r.UserAgent())
		if why == "" && !trusted {
			why = b.caps.admit(HourOf(now), v.Visitor, v.Key, prefixOf(addr, 24, 48), b.PerVisitor, b.PerNetwork)
		}
		if why != "" {
			b.ignore(why)
			continue
		}
		views = append(views, v)
	}
	if b.Every < 0 && len(views) > 0 && b.count(r.Context(), views) == nil {
		return
	}
	for _, v := range views {
		if b.buffer.put(v) {
			b.drop(droppedFull)
		}
	}
}

func (b *Beacon) trusted(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && b.Token != "" && subtle.ConstantTimeCompare([]byte(token), []byte(b.Token)) == 1
}

// refuse says why nothing in a request can count, or "". What a trusted server
// says of its readers is not judged by the server's own headers.
func (b *Beacon) refuse(r *http.Request, trusted bool) string {
	switch {
	case trusted:
		return ""
	case prefetched(r.Header):
		return ignoredPrefetch
	case b.agents.of(r.UserAgent(), isRobot):
		return ignoredBot
	case b.Editor != nil && b.Editor(r):
		return ignoredEditor
	case b.foreign(r.Header.Get("Origin")):
		return ignoredForeign
	}
	return ""
}

// foreign tells pages of other sites, which have no business to report views
// of ours. Not all browsers send an Origin.
func (b *Beacon) foreign(origin string) bool {
	if origin == "" || origin == "null" || b.Known == nil {
		return false
	}
	u, err := url.Parse(origin)
	return err != nil || !b.Known(strings.ToLower(u.Hostname()))
}

// view makes a View of a report, or says why it does not count.
func (b *Beacon) view(rep report, now time.Time, trusted bool, addr netip.Addr, agent string) (View, string) {
	key, why := b.keyOf(rep)
	if why != "" {
		return View{}, why
	}
	v := View{Key: key, At: now, N: 1}
	salt := b.salts.of(DayOf(now))
	switch {
	case trusted && rep.Visitor != "":
		v.Visitor = visitorHash(salt, netip.Addr{}, rep.Visitor)
	case trusted: // nobody in particular, yet once only if the batch is sent twice
		v.Visitor = rand.Text()
	default:
		v.Visitor = visitorHash(salt, addr, agent)
	}
	if trusted && rep.T != 0 {
		v.At = time.Unix(rep.T, 0)
	}
	if len(countable([]View{v}, now)) == 0 {
		return View{}, ignoredInvalid
	}
	return v, ""
}

func (b *Beacon) keyOf(rep report) (key, why string) {
	for _, page := range []string{rep.Page, rep.URL} {
		if why := b.judge(page); why != "" {
			return "", why
		}
	}
	if rep.Article != "" {
		if !ownID(rep.Article) {
			return "", ignoredInvalid
		}
		return rep.Article, ""
	}
	u, err := url.Parse(rep.URL)
	if err != nil || len(rep.URL) > 2048 || u.Host == "" {
		return "", ignoredInvalid
	}
	if b.Known != nil && !b.Known(strings.ToLower(u.Hostname())) {
		return "", ignoredForeign
	}
	key = b.keys.of(rep.URL, func(address string) string {
		key, err := b.Key(address)
		if err != nil {
			return ""
		}
		return key
	})
	if key == "" {
		return "", ignoredInvalid
	}
	return key, ""
}

// judge says why a visit of the page does not count, by its parameters.
func (b *Beacon) judge(page string) string {
	if !strings.Contains(page, "?") && !strings.Contains(page, "/wp-admin/") {
		return ""
	}
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	q := u.Query()
	if src := q.Get("src"); src != "" && (b.Mark == nil || b.Mark(src)) {
		return ignoredNewsletter
	}
	if isPreview(u, q) {
		return ignoredPreview
	}
	return ""
}

// ownID tells usable ids: up to 64 letters, digits and . _ : / - of ASCII.
func ownID(id string) bool {
	if len(id) > 64 {
		return false
	}
	return strings.Trim(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/-") == "" && id != ""
}

func (b *Beacon) ignore(why string) { b.ignoreN(why, 1) }

func (b *Beacon) ignoreN(why string, n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Ignored[why] += int64(n)
}

func (b *Beacon) drop(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Dropped[why]++
}

// Stats returns a copy of the figures.
func (b *Beacon) Stats() Stats {
	b.init()
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Ignored, s.Dropped = maps.Clone(s.Ignored), maps.Clone(s.Dropped)
	s.Waiting = b.buffer.len()
	return s
}

// Run carries views to the counters until ctx ends, then once more what is
// left. While the counters fail it waits longer and longer, up to 15 s.
func (b *Beacon) Run(ctx context.Context) error {
	b.init()
	every := b.Every
	if every < 0 {
		every = time.Second
	}
	pause := every
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.Wait)
			defer cancel()
			err := b.Flush(last)
			b.abandon()
			return err
		case <-time.After(pause):
		}
		err := b.fetchSalt(ctx)
		if b.buffer.len() > 0 {
			err = b.Flush(ctx)
		}
		if err == nil {
			pause = every
			continue
		}
		pause = min(2*pause, 15*time.Second)
	}
}

// abandon gives up what waits when the process ends, and says so.
func (b *Beacon) abandon() {
	n := b.buffer.len()
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Dropped[droppedEnd] += int64(n)
	b.Log.Warn("views are lost: the counters are away at the end", "views", n)
}

// batch is how many views one Add takes.
const batch = 2000

// Flush carries all waiting views to the counters now.
func (b *Beacon) Flush(ctx context.Context) error {
	b.init()
	b.sending.Lock()
	defer b.sending.Unlock()
	for {
		views, ticket := b.buffer.peek(batch)
		if len(views) == 0 {
			return nil
		}
		if err := b.count(ctx, views); err != nil {
			return fmt.Errorf("flush %d views: %w", len(views), err)
		}
		b.buffer.done(ticket)
	}
}

// count has the counters take views, within Wait.
func (b *Beacon) count(ctx context.Context, views []View) error {
	ctx, cancel := context.WithTimeout(ctx, b.Wait)
	defer cancel()
	n, err := b.Counters.Add(ctx, views)
	b.told(n, err)
	return err
}

// told keeps the figures and logs when the counters go or return.
func (b *Beacon) told(n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stats.Counted += int64(n)
	was := b.stats.Down
	b.stats.Down = err != nil
	switch {
	case err != nil && !was:
		b.stats.Error, b.stats.DownAt = err.Error(), b.Now()
		b.Log.Warn("view counters do not answer; views wait in memory", "error", err, "room", b.buffer.size)
	case err == nil && was:
		b.Log.Info("view counters are back", "after", b.Now().Sub(b.stats.DownAt).Round(time.Second), "lost", b.stats.Dropped[droppedFull])
		b.stats.Error, b.stats.DownAt = "", time.Time{}
	}
}

// fetchSalt gets today's shared salt when it is missing, and tomorrow's ten
// minutes before midnight.
func (b *Beacon) fetchSalt(ctx context.Context) error {
	now := b.Now()
	day := DayOf(now)
	if cur := b.salts.now.Load(); cur == nil || cur.day != day || !cur.shared {
		if next := b.salts.next.Load(); next != nil && next.day == day {
			b.salts.now.Store(next)
			return nil
		}
		return b.fetchSaltOf(ctx, day, &b.salts)
	}
	tomorrow := DayOf(now.Add(10 * time.Minute))
	if next := b.salts.next.Load(); tomorrow == day || next != nil && next.day == tomorrow {
		return nil
	}
	return b.fetchSaltOf(ctx, tomorrow, &b.salts)
}

func (b *Beacon) fetchSaltOf(ctx context.Context, day int64, to *salts) error {
	ctx, cancel := context.WithTimeout(ctx, b.Wait)
	defer cancel()
	salt, err := b.Counters.Salt(ctx, day)
	if err != nil {
		return err
	}
	s := &daySalt{day: day, salt: salt, shared: true}
	if day == DayOf(b.Now()) {
		to.now.Store(s)
	} else {
		to.next.Store(s)
	}
	return nil
}
