package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/deploy/schema/schematest"
	"pressrun/digest"
	"pressrun/mailer/catch"
	"pressrun/subscribers"
	"pressrun/subscribers/address"
	"pressrun/templates"
)

// samplePage is a news page with the truth about it.
type samplePage struct {
	URL   string `json:"url"`
	Lang  string `json:"lang"`
	Dir   string `json:"dir"`
	Title string `json:"title"`
	Not   []struct {
		Kind string `json:"kind"`
		Text string `json:"text"`
	} `json:"must_not_contain"`
	html []byte
	path string
}

// samplePages are the labelled pages where they are, else pages of our own.
func samplePages(t *testing.T) []samplePage {
	dir := os.Getenv("PRESSRUN_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "seedpages", "*.json"))
	if len(names) == 0 {
		return ownPages()
	}
	var out []samplePage
	for _, name := range names {
		var p samplePage
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &p); err != nil {
			t.Fatal(err)
		}
		if p.html, err = os.ReadFile(strings.TrimSuffix(name, ".json") + ".html"); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

// ownPages are a small stand-in: a site's chrome round eight short articles.
func ownPages() []samplePage {
	var out []samplePage
	for i := range 8 {
		p := samplePage{URL: fmt.Sprintf("https://news.example/2026/story-%d/", i), Lang: "en", Dir: "ltr", Title: fmt.Sprintf("Council opens bridge number %d after long repairs", i)}
		text := fmt.Sprintf("The city council opened bridge number %d on Monday after repairs that lasted %d months. Engineers replaced the deck and both bearings, and the road is open to lorries again. The mayor thanked residents of the quarter for their patience during the closure.", i, i+3)
		more := "Shops on both banks had lost customers during the closure, their association said. Buses return to the old route next week, and the ferry that stood in will go back to the harbour."
		switch i {
		case 3:
			p.Lang, p.Dir, p.Title = "ur", "rtl", "شہر کا پرانا پل مرمت کے بعد کھول دیا گیا"
			text = "شہر کی کونسل نے پیر کے روز پرانا پل مرمت کے بعد ٹریفک کے لیے کھول دیا۔ انجینئروں نے پل کا فرش اور دونوں سہارے بدل دیے ہیں۔ میئر نے علاقے کے رہنے والوں کا شکریہ ادا کیا۔"
			more = "دکانداروں کا کہنا ہے کہ بندش کے دوران ان کا کاروبار متاثر ہوا۔ بسیں اگلے ہفتے پرانے راستے پر واپس آ جائیں گی۔"
		case 5:
			p.Lang, p.Title = "ru", "Старый мост снова открыт для движения после ремонта"
			text = "Городской совет в понедельник открыл старый мост после ремонта, который продолжался пять месяцев. Инженеры заменили настил и обе опоры. Мэр поблагодарил жителей района за терпение."
			more = "Владельцы магазинов говорят, что потеряли покупателей. Автобусы вернутся на прежний маршрут на следующей неделе."
		}
		p.html = fmt.Appendf(nil, `<!doctype html><html lang=%q dir=%q><head><meta charset="utf-8"><title>%s - News</title></head><body>
<div class="weather">19.9 C Islamabad</div><div class="cookie-banner">We use cookies</div>
<article><h1>%s</h1><p>%s</p><p>Read More: <a href="/x">Another story</a></p><p>%s</p><div class="author-box">Web Desk <a href="/a">+ posts</a></div></article>
<div class="comments">A reader: first!</div></body></html>`, p.Lang, p.Dir, p.Title, p.Title, text, more)
		out = append(out, p)
	}
	return out
}

// newsSite serves the pages under their own paths and a feed of them, all
// published at the same moment.
func newsSite(t *testing.T, pages []samplePage, published time.Time) *httptest.Server {
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	var items strings.Builder
	for i := range pages {
		p := &pages[i]
		u, err := url.Parse(p.URL)
		if err != nil {
			t.Fatal(err)
		}
		// The page is served where the test is: its links to itself move along.
		p.html = bytes.ReplaceAll(p.html, []byte("https://"+u.Host), []byte(server.URL))
		p.path = fmt.Sprintf("/p%d%s", i, u.Path)
		p.html = bytes.ReplaceAll(p.html, []byte(server.URL+u.Path), []byte(server.URL+p.path))
		mux.HandleFunc(p.path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write(p.html)
		})
		fmt.Fprintf(&items, "<item><guid>%d</guid><link>%s</link><title>%s</title><pubDate>%s</pubDate></item>\n", i, server.URL+p.path, p.Title, published.Format(time.RFC1123Z))
	}
	mux.HandleFunc("/feed", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/rss+xml")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Sample News</title><link>%s</link>%s</channel></rss>`, server.URL, items.String())
	})
	return server
}

// pressAt opens a press for a test: relay is where mail goes.
func pressAt(t *testing.T, database, redisURL, relay string) (*Press, net.Listener) {
	t.Helper()
	return pressOn(t, time.Now, io.Discard, database, redisURL, relay)
}

// pressOn is pressAt with a clock and a log of the test's own.
func pressOn(t *testing.T, now func() time.Time, log io.Writer, database, redisURL, relay string) (*Press, net.Listener) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(database, "://") {
		schematest.SQLiteFile(t, database)
	}
	dir := t.TempDir()
	c := Config{
		Database: database, Redis: redisURL, PublicURL: "http://" + l.Addr().String(), Keys: filepath.Join(dir, "link.keys"), Journal: filepath.Join(dir, "journal"),
		BeaconToken: "secret", Relays: []RelayConfig{{Name: "relay", URL: "smtp://" + relay, Connections: 4}},
		Fetch: FetchConfig{Allow: []string{"127.0.0.0/8"}, Delay: "0s"}, path: filepath.Join(dir, "press.toml"),
	}
	p, err := Open(context.Background(), c, now, logTo(log, slog.LevelInfo))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p, l
}

// receiver is a real SMTP server that books what it gets.
func receiver(t *testing.T) (*catch.Catcher, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &catch.Catcher{Book: true}
	go c.Serve(l)
	t.Cleanup(func() { c.Close() })
	return c, l.Addr().String()
}

// serving runs Serve until the test ends.
func serving(t *testing.T, p *Press, l net.Listener) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
}

func within(t *testing.T, d time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("not within %s: %s", d, what)
}

func TestEndToEnd(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "press.db") },
		"postgres": func(t *testing.T) string { return schematest.PostgresURL(t) },
	} {
		t.Run(name, func(t *testing.T) { feedToInbox(t, open(t)) })
	}
}

// feedToInbox takes eight stories from a feed to the inboxes of those who still
// want them.
func feedToInbox(t *testing.T, database string) {
	ctx := context.Background()
	redisURL := schematest.Redis(t)
	inbox, relay := receiver(t)
	p, l := pressAt(t, database, redisURL, relay)
	serving(t, p, l)
	pages := samplePages(t)
	site := newsSite(t, pages, time.Now().Add(-3*time.Hour))

	src, err := p.Digest.AddSource(ctx, digest.Source{Kind: "feed", URL: site.URL + "/feed", SiteURL: site.URL, Title: "Sample News", Rights: "own"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Collector.Collect(ctx, src, 48*time.Hour)
	if err != nil || got.Err != "" {
		t.Fatalf("collect: %+v, %v", got, err)
	}
	if again, err := p.Collector.Collect(ctx, src, 48*time.Hour); err != nil || again.New != 0 { // a story needs two polls
		t.Fatalf("collect again: %+v, %v", again, err)
	}
	within(t, 60*time.Second, "eight stories are told", func() bool {
		list, err := p.Digest.Stories(ctx, time.Now().Add(-48*time.Hour))
		return err == nil && len(list) == len(pages)
	})

	// The second page is read ten times as often as the first, the others less.
	views := map[int]int{0: 20, 1: 200, 2: 10, 4: 5}
	for i, n := range views {
		visit(t, p, site.URL+pages[i].path, n, fmt.Sprint("v", i))
	}
	visit(t, p, site.URL+pages[6].path+"?src=morning", 500, "marked") // from our own mail: does not count
	if err := p.Beacon.Flush(ctx); err != nil {
		t.Fatal(err)
	}

	addresses := []string{"ann@readers.example", "bob@readers.example", "cyd@readers.example", "dan@readers.example"}
	readers := subscribe(t, p, "morning", addresses)
	slot, issue := build(t, p)
	if err := p.Approve(ctx, issue.ID, issue.Revision, "ed"); err != nil {
		t.Fatal(err)
	}
	// Bob changes his mind after the approval.
	list, err := p.Subscribers.ListByName(ctx, "morning")
	if err != nil {
		t.Fatal(err)
	}
	oneClick(t, p.Subscribers.UnsubscribeURL(readers["bob@readers.example"], list.ID))
	within(t, 60*time.Second, "the issue is closed", func() bool {
		i, err := p.Digest.Issue(ctx, issue.ID)
		return err == nil && i.State == "closed"
	})

	want := []string{"ann@readers.example", "cyd@readers.example", "dan@readers.example"}
	if a := inbox.Audit(want); a.Once != len(want) || len(a.Lost)+len(a.Doubled)+len(a.Strangers) > 0 {
		t.Errorf("the receiver booked %+v; want one mail each for %v", a, want)
	}
	counts, err := p.Mailer.Counts(ctx, issue.ID)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, n := range counts {
		sum += n
	}
	if i, _ := p.Digest.Issue(ctx, issue.ID); sum != i.Audience || counts["accepted"] != 3 {
		t.Errorf("states %v do not sum to the audience of %d with 3 accepted", counts, i.Audience)
	}
	if why, err := p.Why(ctx, issue.ID, "bob@readers.example"); err != nil || !strings.Contains(why.Line, "unsubscribed") {
		t.Errorf("why of bob: %q, %v; want a word about unsubscribed", why.Line, err)
	}

	checkMails(t, p, inbox)
	checkChoice(t, p, issue.ID, pages)
	checkVerbs(t, p, issue.ID, site.URL, pages)

	// The same slot again, whoever asks: nothing is built or sent twice.
	before := len(inbox.Messages(""))
	if again, err := p.Build(ctx, slot); err != nil || again.ID != issue.ID {
		t.Errorf("the slot a second time: issue %d, %v; want %d", again.ID, err, issue.ID)
	}
	if err := p.SendNow(ctx, issue.ID, "ed"); err != nil {
		t.Logf("sending a closed issue: %v", err)
	}
	time.Sleep(1200 * time.Millisecond)
	if after := len(inbox.Messages("")); after != before {
		t.Errorf("a second run sent %d mails", after-before)
	}
}

// visit sends n views of a page by n visitors through the beacon.
func visit(t *testing.T, p *Press, page string, n int, who string) {
	t.Helper()
	var batch []map[string]string
	for i := range n {
		batch = append(batch, map[string]string{"url": page, "visitor": fmt.Sprintf("%s-%d", who, i)})
	}
	body, _ := json.Marshal(batch)
	req, _ := http.NewRequest("POST", p.Config.PublicURL+"/v1/view", bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer secret")
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Fatalf("beacon answered %d, want 202", res.StatusCode)
	}
}

// subscribe puts addresses on a new list and returns their ids.
func subscribe(t *testing.T, p *Press, list string, addresses []string) map[string]int64 {
	t.Helper()
	ctx := context.Background()
	if _, err := p.Subscribers.CreateList(ctx, subscribers.List{Name: list, Title: "Morning", Public: true}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	for _, a := range addresses {
		var n subscribers.New
		n.Email, n.ListNames, n.By = address.Address(a), []string{list}, "test"
		n.Consent = subscribers.Consent{Basis: subscribers.Imported, Source: "test", Evidence: "test"}
		s, err := p.Subscribers.Add(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		ids[a] = s.ID
	}
	return ids
}

// build makes the issue of a slot two seconds from now.
func build(t *testing.T, p *Press) (int64, digest.Issue) {
	t.Helper()
	ctx := context.Background()
	n, _, err := p.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{
		Title: "Morning Digest", City: "Port Ellery", Zone: "Europe/London", List: "morning", From: "Sample News <digest@news.example>",
		Brand: templates.Brand{Name: "Sample News", URL: "https://news.example/", Postal: "1 Quay Street, Port Ellery"}, Settle: digest.Duration(time.Second),
		Editions: []digest.EditionSpec{{Name: "en", Language: "en", Languages: []string{"*"}}},
	}, "test")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := p.Digest.AddSlot(ctx, n.ID, time.Now().Add(6*time.Second).Truncate(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	issue, err := p.Build(ctx, slot.ID)
	if err != nil {
		t.Fatal(err)
	}
	if issue.State != "draft" || issue.Revision == 0 {
		t.Fatalf("issue is %s at revision %d, want a sealed draft", issue.State, issue.Revision)
	}
	return slot.ID, issue
}

// oneClick posts as a mail provider does (RFC 8058 section 3.2), after looking
// at the page, which must change nothing.
func oneClick(t *testing.T, link string) {
	t.Helper()
	res, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.StatusCode != 200 || !strings.Contains(string(page), "<form") {
		t.Errorf("GET %s: %d, want a page with a button", link, res.StatusCode)
	}
	res, err = http.Post(link, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 || res.Request.URL.String() != link {
		t.Errorf("POST %s: %d at %s, want 200 at once", link, res.StatusCode, res.Request.URL)
	}
}

var headerBlock = []string{"From", "To", "Subject", "Date", "Message-Id", "Mime-Version", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Feedback-Id", "Precedence"}

// checkMails looks at every received mail: seal, headers, no furniture.
func checkMails(t *testing.T, p *Press, inbox *catch.Catcher) {
	t.Helper()
	all := inbox.Messages("")
	good, ids := 0, map[string]bool{}
	for _, m := range all {
		if _, err := p.Verify(context.Background(), m.Raw); err != nil {
			t.Errorf("mail to %v: %v", m.To, err)
			continue
		}
		good++
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range headerBlock {
			if len(msg.Header[h]) != 1 {
				t.Errorf("header %s stands %d times", h, len(msg.Header[h]))
			}
		}
		if got := msg.Header.Get("List-Unsubscribe-Post"); got != "List-Unsubscribe=One-Click" {
			t.Errorf("List-Unsubscribe-Post is %q", got)
		}
		if strings.Contains(msg.Header.Get("List-Unsubscribe"), "mailto:") {
			t.Error("a mailto: without a receiver")
		}
		ids[msg.Header.Get("Message-Id")] = true
		html, text := parts(t, msg)
		for _, word := range []string{"Read More", "+ posts", "cookie", "19.9", "Trending Now</h2><h2"} {
			if strings.Contains(text, word) {
				t.Errorf("the text part holds %q", word)
			}
		}
		if !strings.Contains(text, "TRENDING NOW") && !strings.Contains(text, "Trending Now") {
			t.Error("no Trending Now in the text part")
		}
		for _, mark := range []string{`lang="ur"`, `dir="rtl"`, `lang="ru"`} {
			if !strings.Contains(html, mark) {
				t.Errorf("the HTML part has no %s", mark)
			}
		}
	}
	t.Logf("%d of %d mails verify against their seal", good, len(all))
	if good != len(all) || len(ids) != len(all) || good == 0 {
		t.Errorf("%d of %d verify, with %d different Message-IDs", good, len(all), len(ids))
	}
}

// parts are the HTML and the text part of a mail.
func parts(t *testing.T, m *mail.Message) (html, text string) {
	t.Helper()
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	r := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return html, text
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/html") {
			html = string(b)
		} else {
			text = string(b)
		}
	}
}

// checkChoice looks at order, reasons, languages and summaries.
func checkChoice(t *testing.T, p *Press, issue int64, pages []samplePage) {
	t.Helper()
	chosen, err := p.Digest.Chosen(context.Background(), issue)
	if err != nil {
		t.Fatal(err)
	}
	byTitle := map[string]samplePage{}
	for _, page := range pages {
		byTitle[page.Title] = page
	}
	if len(chosen) < 4 || chosen[0].Title != pages[1].Title || chosen[1].Title != pages[0].Title {
		t.Errorf("order does not follow the counters: %q, %q", chosen[0].Title, chosen[1].Title)
	}
	if !strings.Contains(chosen[0].Reason, "200") {
		t.Errorf("reason %q does not tell the 200 views", chosen[0].Reason)
	}
	for _, c := range chosen {
		page, ok := byTitle[c.Title]
		if !ok {
			t.Errorf("story %q is not one of the pages", c.Title)
			continue
		}
		if page.Lang != "" && !strings.HasPrefix(page.Lang, c.Story.Language) || page.Dir != "" && c.Story.Direction != page.Dir {
			t.Errorf("%q: language %s %s, want %s %s", c.Title, c.Story.Language, c.Story.Direction, page.Lang, page.Dir)
		}
		if c.Title == pages[6].Title && c.Section == "trending" {
			t.Errorf("visits that came from our own mail put %q into Trending Now", c.Title)
		}
		for _, not := range page.Not {
			if strings.Contains(c.Summary, not.Text) {
				t.Errorf("%q: the summary holds %s: %q", c.Title, not.Kind, not.Text)
			}
		}
		if c.Summary == "" || len(strings.Fields(c.Summary)) > 60 {
			t.Errorf("%q: summary of %d words", c.Title, len(strings.Fields(c.Summary)))
		}
	}
}

// checkVerbs requires that the verbs give what the slot stored: the same calls
// with the same options.
func checkVerbs(t *testing.T, p *Press, issue int64, base string, pages []samplePage) {
	t.Helper()
	chosen, err := p.Digest.Chosen(context.Background(), issue)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chosen {
		i := slices.IndexFunc(pages, func(p samplePage) bool { return base+p.path == c.Story.URL })
		if i < 0 {
			t.Errorf("%s is not one of the pages", c.Story.URL)
			continue
		}
		var article struct{ Title, Text string }
		verb(t, pages[i].html, &article, "extract", "--url", c.Story.URL)
		if article.Text != c.Story.Body {
			t.Errorf("%q: the verb extract gives another text than the slot stored", c.Title)
		}
		line, _ := json.Marshal(map[string]string{"id": "1", "lang": c.Story.Language, "title": c.Story.Title, "text": c.Story.Body})
		var sum struct{ Summary string }
		verb(t, line, &sum, "summarize", "--words", "60")
		if sum.Summary != c.Summary {
			t.Errorf("%q: the verb summarize gives\n%s\nthe slot stored\n%s", c.Title, sum.Summary, c.Summary)
		}
	}
}

func verb(t *testing.T, in []byte, out any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), args, bytes.NewReader(in), &stdout, &stderr); code != 0 {
		t.Fatalf("pressrun %v: exit %d: %s", args, code, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("pressrun %v: %v: %s", args, err, stdout.String())
	}
}

// TestConfirmationLeavesAtOnce goes through the public pages as a reader does:
// form, letter, button, and then the digest's own unsubscribe link.
func TestConfirmationLeavesAtOnce(t *testing.T) {
	inbox, relay := receiver(t)
	p, l := pressAt(t, filepath.Join(t.TempDir(), "press.db"), "", relay)
	serving(t, p, l)
	ctx := context.Background()
	list, err := p.Subscribers.CreateList(ctx, subscribers.List{Name: "morning", Title: "Morning", Public: true})
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.Get(p.Config.PublicURL + "/subscribe?lang=ur")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(res.Body)
	res.Body.Close()
	value := regexp.MustCompile(`name="list"[^>]*value="([^"]+)"|value="([^"]+)"[^>]*name="list"`).FindSubmatch(page)
	if value == nil {
		t.Fatalf("the form offers no list: %s", page)
	}
	form := url.Values{templates.FieldEmail: {"eva@readers.example"}, templates.FieldList: {string(value[1]) + string(value[2])}, templates.FieldLanguage: {"ur"}}
	asked := time.Now()
	res, err = http.PostForm(p.Config.PublicURL+"/subscribe?lang=ur", form)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	within(t, 60*time.Second, "the confirmation letter arrives", func() bool { return len(inbox.Messages("eva@")) == 1 })
	if took := time.Since(asked); took > 10*time.Second {
		t.Errorf("the letter came after %s, want 10 s at most", took)
	}
	m, err := mail.ReadMessage(bytes.NewReader(inbox.Messages("eva@")[0].Raw))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Header.Get("Content-Language"); got != "ur" {
		t.Errorf("the letter is in %q, want the form's language", got)
	}
	_, text := parts(t, m)
	link := regexp.MustCompile(regexp.QuoteMeta(p.Config.PublicURL) + `/confirm/\S+`).FindString(text)
	if link == "" {
		t.Fatalf("no confirmation link in %s", text)
	}
	sub, err := p.Subscribers.Find(ctx, "eva@readers.example")
	if err != nil {
		t.Fatal(err)
	}
	state := func() subscribers.State {
		subs, err := p.Subscribers.Subscriptions(ctx, sub.ID)
		if err != nil || len(subs) != 1 {
			t.Fatalf("subscriptions: %v, %v", subs, err)
		}
		return subs[0].State
	}
	if res, err = http.Get(link); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if state() != subscribers.Pending {
		t.Errorf("opening the link made the subscription %s; a GET changes nothing", state())
	}
	if res, err = http.PostForm(link, nil); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if state() != subscribers.Active {
		t.Errorf("after the button: %s, want active", state())
	}
	oneClick(t, p.Subscribers.UnsubscribeURL(sub.ID, list.ID))
	if state() != subscribers.Unsubscribed {
		t.Errorf("after one click: %s, want unsubscribed", state())
	}
}
