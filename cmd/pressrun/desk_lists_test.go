package main

import (
	"database/sql"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer/intake"
)

var (
	bodyOfTable = regexp.MustCompile(`(?s)<tbody>(.*?)</tbody>`)
	sortedBy    = regexp.MustCompile(`<th[^>]* aria-sort="(\w+)"><a href="([^"]+)#rows"`)
	sortLink    = regexp.MustCompile(`<th[^>]*><a href="([^"]+)#rows"`)
	nextLink    = regexp.MustCompile(`rel="next" href="([^"]+)#rows"`)
	prevLink    = regexp.MustCompile(`rel="prev" href="([^"]+)#rows"`)
)

// TestDeskLists walks every list of the desk: each can be searched, sorted and
// paged, and one does not lose what another has chosen.
func TestDeskLists(t *testing.T) {
	p, get := deskOfTwos(t)
	for _, c := range []struct{ path, word string }{
		{"/desk/issues", "harbour"}, {"/desk/stories", "story"}, {"/desk/sources", "second paper"}, {"/desk/sources/1/items", "beginepa"}, {"/desk/newsletters", "evening"},
		{"/desk/lists", "evening"}, {"/desk/lists/segments", "urdu"}, {"/desk/subscribers", "ann@"}, {"/desk/subscribers/import", "fair"}, {"/desk/bounces", "elsewhere"}, {"/desk/bounces/mail", "ann@readers.example"},
		{"/desk/deliverability", "second"}, {"/desk/users", "ed@"}, {"/desk/users/audit", "sending"}, {"/desk/users/tokens", "cms"}, {"/desk/stories/ahead", "ferry"}, {"/desk/issues/1/readers", "ann@readers.example"},
	} {
		t.Run(strings.ReplaceAll(c.path[1:], "/", "-"), func(t *testing.T) {
			if page := get(c.path + "?q=no-such-thing"); strings.Contains(page, "<tbody>") && !strings.Contains(c.path, "/readers") {
				t.Error("a search for nothing finds something")
			} else if !strings.Contains(page, "matches “no-such-thing”") && !strings.Contains(c.path, "/readers") {
				t.Error("an empty list does not say that the search emptied it")
			}
			if page := get(c.path + "?page=999"); !strings.Contains(page, "The list ends before this page.") {
				t.Error("a page behind the end does not say so")
			}
			page := get(c.path + "?q=" + url.QueryEscape(c.word))
			if c.word != "story" && !strings.Contains(strings.ToLower(bodyOfTable.FindString(page)), c.word) || !strings.Contains(page, `name="q"`) {
				t.Errorf("the search for %q finds nothing", c.word)
			}
			first := get(c.path + "?per=1")
			next := nextLink.FindStringSubmatch(first)
			if next == nil {
				t.Fatal("no link to the next page")
			}
			second := get(html.UnescapeString(next[1]))
			prev := prevLink.FindStringSubmatch(second)
			if prev == nil || bodyOfTable.FindString(first) == bodyOfTable.FindString(second) {
				t.Fatal("the next page is the same, or has no way back")
			}
			if rowsOf(get(html.UnescapeString(prev[1]))) != rowsOf(first) {
				t.Error("the way back leads elsewhere")
			}
			links := sortLink.FindAllStringSubmatch(first, -1)
			if len(links) == 0 {
				t.Error("no column sorts")
			}
			for _, link := range links {
				to := html.UnescapeString(link[1])
				page := get(to)
				if !strings.Contains(page, "aria-sort=") || !strings.Contains(page, `name="per" value="1"`) {
					t.Errorf("%s does not say how it is sorted, or forgets the page's length", to)
				}
				if _, order, _ := strings.Cut(to, "sort="); !strings.Contains(page, `name="sort" value="`+order+`"`) {
					t.Errorf("%s: a search would forget the order", to)
				}
				if by := sortedBy.FindStringSubmatch(page); by != nil {
					if back := sortedBy.FindStringSubmatch(get(html.UnescapeString(by[2]))); back == nil || back[1] == by[1] {
						t.Errorf("%s is %s, and pressed again not the other way: %q", to, by[1], back)
					}
				}
			}
		})
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestDeskListsEmpty looks at lists of nothing: without a search they tell what
// would fill them, and a filter keeps a search and its order.
func TestDeskListsEmpty(t *testing.T) {
	p, get := deskOfTwos(t)
	subject := regexp.MustCompile(`<a href="/desk/issues/1"[^>]*>([^<]+)<`).FindStringSubmatch(get("/desk/issues"))
	if subject == nil || !strings.Contains(get("/desk/issues?q="+url.QueryEscape(html.UnescapeString(subject[1]))), `<a href="/desk/issues/1"`) {
		t.Errorf("a search for the subject %v of an issue does not find it", subject)
	}
	page := get("/desk/bounces?reason=complaint")
	if !strings.Contains(page, "Nothing of the chosen kind.") || !strings.Contains(page, `href="/desk/bounces">Show all`) {
		t.Error("a kind without addresses is not told from a list without any")
	}
	page = get("/desk/subscribers?q=ann&list=morning&sort=email")
	if !strings.Contains(page, `href="/desk/subscribers?list=morning&amp;q=ann&amp;sort=email&amp;state=active"`) || strings.Contains(get("/desk/subscribers?q=ann"), "list=&") {
		t.Error("a filter forgets the search, the list or the order")
	}
	if page = get("/desk/users/audit?q=sending"); !strings.Contains(page, `href="/desk/users/tokens"`) {
		t.Error("a search goes along to another page")
	}
	page = newCountingRoom(t, "").as(t, "lists@news.example", "list admin")(200, "GET", "/desk/bounces", "")
	if strings.Contains(page, "matches") || !strings.Contains(page, "No address is suppressed.") {
		t.Error("where no address is suppressed the page speaks of matches, or not of what would come")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// rowsOf are a page's rows without times, which go on.
func rowsOf(page string) string {
	return regexp.MustCompile(`\d+ (min|h)( \d+ min)? ago|in \d+ (min|h)( \d+ min)?|now`).ReplaceAllString(bodyOfTable.FindString(page), "")
}

// deskOfTwos is a desk with at least two of everything that it lists, and a way
// to look at a page of it as an operator.
func deskOfTwos(t *testing.T) (*Press, func(path string) string) {
	t.Helper()
	d, _ := newDeskless(t)
	toml, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	toml = append(toml, "\n[[relay]]\nname = \"first\"\nurl = \"smtp://127.0.0.1:1\"\n[[relay]]\nname = \"second\"\nurl = \"smtp://127.0.0.1:2\"\n[bounce]\naddress = \"bounces@b.example\"\nlisten = \"smtp://127.0.0.1:0\"\n"...)
	if err := os.WriteFile(d.config, toml, 0o600); err != nil {
		t.Fatal(err)
	}
	_, spec, _ := d.verb("", "newsletter", "export", "morning")
	if err := os.WriteFile(d.path("evening.toml"), []byte(strings.ReplaceAll(spec, "morning", "evening")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"club.csv", "fair.csv"} {
		if err := os.WriteFile(d.path(name), []byte("email\n"+name[:4]+"@readers.example\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"subscriber import " + d.path("club.csv") + " --list morning --source club --yes", "subscriber import " + d.path("fair.csv") + " --list morning --source fair --yes",
		"list add evening", "newsletter apply -f " + d.path("evening.toml"), "issue build evening", "segment set urdu language=='ur'", "segment set named name!=''",
		"subscriber add ann@readers.example --list morning --source fair", "subscriber add bob@readers.example --list morning --source fair",
		"suppression add eve@elsewhere.example --note asked", "suppression add eve@readers.example --note asked", "user add ed@news.example --role editor", "issue approve 1", "issue send 1", "stop", "start",
		"token add cms", "token add dashboard --role viewer", "story flag https://news.example/ferry legal", "story block https://news.example/court",
	} {
		if code, _, errs := d.verb("", strings.Fields(strings.ReplaceAll(line, "'", "\""))...); code != 0 {
			t.Fatalf("%s: %s", line, errs)
		}
	}
	e := env{ctx: t.Context(), err: &strings.Builder{}, config: d.config}
	p, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Digest.AddSource(t.Context(), digest.Source{URL: "https://second.example/feed", Title: "Second paper", Kind: "feed"}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"ann@readers.example", "bob@readers.example"} {
		reader, err := p.Subscribers.Find(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Mailer.TakeReturned(t.Context(), intake.Mail{To: p.leaveAddress(reader.ID, 0, false), Raw: fmt.Appendf(nil, "From: %s\r\nSubject: unsubscribe\r\n\r\n\r\n", a), Source: "smtp"}); err != nil {
			t.Fatal(err)
		}
	}
	session := operator(t, p)
	return p, func(path string) string {
		t.Helper()
		return deskPage(t, p, session, path)
	}
}

// deskPage is a page of the desk for somebody who has signed in, its addresses whole.
func deskPage(t *testing.T, p *Press, session, path string) string {
	t.Helper()
	req := httptest.NewRequest("GET", path, nil)
	req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
	w := httptest.NewRecorder()
	p.Handler().ServeHTTP(w, req)
	if w.Code != 200 {
		t.Errorf("GET %s: %d", path, w.Code)
	}
	return strings.ReplaceAll(w.Body.String(), "<wbr>", "")
}

// operator signs an operator in.
func operator(t *testing.T, p *Press) (session string) {
	t.Helper()
	return signedAs(t, p, "op@press.test", "operator")
}

// signedAs signs somebody in.
func signedAs(t *testing.T, p *Press, email, role string) (session string) {
	t.Helper()
	if _, err := p.Installation.AddUser(t.Context(), email, "", role); err != nil {
		t.Fatal(err)
	}
	token, err := p.Installation.SignInToken(t.Context(), email)
	if err != nil {
		t.Fatal(err)
	}
	if session, err = p.Installation.SignIn(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	return session
}

// TestDeskCopies: the page of an issue that goes out says how far it is.
func TestDeskCopies(t *testing.T) {
	p, get := deskOfTwos(t)
	i, err := p.Digest.Issue(t.Context(), 1)
	if err != nil || i.State != "sending" || i.Audience != 4 {
		t.Fatalf("issue %+v, %v", i, err)
	}
	page := get("/desk/issues/1")
	for _, want := range []string{`data-live="sending"`, "0 of 4 done", `href="/desk/issues/1/readers?state=queued">queued <span class="note">4<`} {
		if !strings.Contains(page, want) {
			t.Errorf("while it goes out, the page lacks %q", want)
		}
	}
	if err := p.DB.InTx(t.Context(), func(tx *sql.Tx) error { return p.Mailer.Cancel(t.Context(), tx, 1, "test") }); err != nil {
		t.Fatal(err)
	}
	if page := get("/desk/issues/1"); !strings.Contains(page, "4 of 4 done") {
		t.Errorf("nothing is left, and the page says %s", page)
	}
	if page := get("/desk/issues"); !strings.Contains(page, "/desk/issues/1/readers") {
		t.Error("the list of issues leads to no readers")
	}
}

// TestDeskHidesReaders: who may not see the subscribers does not see them in the
// ledger of an issue either, and learns of a reader whose address is known.
func TestDeskHidesReaders(t *testing.T) {
	p, get := deskOfTwos(t)
	const path = "/desk/issues/1/readers"
	if page := get(path); !strings.Contains(page, "ann@readers.example") || !strings.Contains(page, "/desk/subscribers/1") {
		t.Error("an operator does not see the readers")
	}
	approver := signedAs(t, p, "ap@press.test", "approver")
	for query, want := range map[string]string{"": "a…n@readers.example", "?q=readers": "", "?q=Ann": "", "?q=ann@readers.example": "ann@readers.example, morning #1: "} {
		page := deskPage(t, p, approver, path+query)
		_, page, _ = strings.Cut(page, "<table")
		if !strings.Contains(page, want) || strings.Contains(page, "/desk/subscribers/") || strings.Contains(page, "bob@") || want != "ann@readers.example, morning #1: " && strings.Contains(page, "ann@") {
			t.Errorf("%s: an approver sees %s", query, page)
		}
	}
}

// TestDeskOffersWhatARoleMay: nobody is offered a button that is answered with "not
// for your role", nor a link to such a page.
func TestDeskOffersWhatARoleMay(t *testing.T) {
	d, _ := newDeskless(t)
	d.verb("", "subscriber", "add", "ann@readers.example", "--list", "morning", "--source", "fair")
	log := &strings.Builder{}
	e := env{ctx: t.Context(), err: log, config: d.config}
	p, err := e.open()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	pages := []string{"/desk/", "/desk/issues", "/desk/issues/1", "/desk/issues/1/stories/en/1", "/desk/issues/1/readers", "/desk/stories", "/desk/stories/1", "/desk/stories/ahead", "/desk/sources", "/desk/sources/1",
		"/desk/newsletters", "/desk/newsletters/1", "/desk/lists", "/desk/lists/segments", "/desk/deliverability"}
	form := regexp.MustCompile(`<form[^>]* method="post" action="([^"]+)"`)
	link := regexp.MustCompile(`<a [^>]*href="(/desk/[^"?#]*)`)
	for role, want := range map[string][]string{
		"viewer":   {"/desk/sign-out"},
		"editor":   {"/desk/issues/1/stories/en/", "/desk/issues/1/subject", "/desk/issues/1/test", "/desk/sign-out", "/desk/stop", "/desk/stories/ahead", "/desk/stories/"},
		"approver": {"/desk/issues/1", "/desk/issues/1/stories/en/", "/desk/issues/1/subject", "/desk/issues/1/test", "/desk/sign-out", "/desk/stop", "/desk/stories/ahead", "/desk/stories/"},
	} {
		session := signedAs(t, p, "a@press.test", role)
		offered, followed := map[string]bool{}, map[string]bool{}
		for _, path := range pages {
			page := deskPage(t, p, session, path)
			for _, m := range form.FindAllStringSubmatch(page, -1) {
				offered[regexp.MustCompile(`(stories/|/en/)\d+$`).ReplaceAllString(m[1], "$1")] = true
			}
			for _, m := range link.FindAllStringSubmatch(page, -1) {
				if !followed[m[1]] {
					followed[m[1]] = true
					deskPage(t, p, session, m[1])
				}
			}
		}
		if got := slices.Sorted(maps.Keys(offered)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("a %s is offered %q, want %q", role, got, want)
		}
	}
	if log.Len() > 0 {
		t.Errorf("who looks at pages fills the log: %.300s", log)
	}
}

// TestDeskTimesHaveAZone: what is more than a day away is told with its time and zone,
// without a hand over it; an issue's slot in its newsletter's zone.
func TestDeskTimesHaveAZone(t *testing.T) {
	p, get := deskOfTwos(t)
	p.Now = func() time.Time { return time.Now().AddDate(0, 0, 2) }
	for path, zone := range map[string]string{"/desk/issues": "[A-Z]{3,4}", "/desk/users/audit": "UTC", "/desk/subscribers": "UTC", "/desk/": "[A-Z]{3,4}"} {
		if page := get(path); !regexp.MustCompile(`>\d{1,2} \w+ \d{4}, \d\d:\d\d ` + zone + `</span>`).MatchString(page) {
			t.Errorf("%s tells no time with its zone: %s", path, page)
		}
	}
}

// TestDeskListIsChanged: what readers see of a list, and whether they may join it by
// themselves, can be changed by who sees to lists, and the record says by whom.
func TestDeskListIsChanged(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers", "--title", "Readers", "--private")
	form := func() string { return r.ask("GET", "/subscribe", "", nil).Body.String() }
	if strings.Contains(form(), "Readers") {
		t.Fatal("a private list is offered")
	}
	admin := r.as(t, "lists@news.example", "list admin")
	if page := admin(200, "GET", "/desk/lists", ""); !strings.Contains(page, `href="/desk/lists/1" aria-label="Change: Readers">Change`) {
		t.Error("the page Lists leads to no change")
	}
	if page := admin(200, "GET", "/desk/lists/1", ""); !strings.Contains(page, `value="Readers"`) || !strings.Contains(page, `value="no" selected`) {
		t.Errorf("the form does not show what is: %s", page)
	}
	if page := admin(400, "POST", "/desk/lists/1", "title=Night+Owls&language=no-language-at-all&public=yes"); !strings.Contains(page, "not a language") || !strings.Contains(page, `value="Night Owls"`) {
		t.Errorf("a wrong language: %s", page)
	}
	admin(303, "POST", "/desk/lists/1", "title=Night+Owls&description=At+two&language=ur&public=yes")
	if page := form(); !strings.Contains(page, "Night Owls") || !strings.Contains(page, "At two") {
		t.Error("the sign-up page does not offer it")
	}
	if l, err := r.Subscribers.ListByName(t.Context(), "readers"); err != nil || l.Language != "ur" {
		t.Errorf("%+v, %v", l, err)
	}
	admin(303, "POST", "/desk/lists/1", "title=Night+Owls&description=At+two&language=en&public=yes&title-ur=%D8%A7%D9%84%D9%88&description-ur=")
	r.say(t, "list", "set", "readers", "--in", "de", "--title", "Nachteulen")
	if page := admin(200, "GET", "/desk/lists/1", ""); !strings.Contains(page, `value="الو"`) {
		t.Error("the form lacks the words in Urdu")
	}
	if page := r.ask("GET", "/subscribe?lang=ur", "", nil).Body.String(); !strings.Contains(page, "الو") || strings.Contains(page, "Night Owls") || !strings.Contains(page, "At two") {
		t.Error("readers of Urdu do not see the list's name in Urdu")
	}
	admin(303, "POST", "/desk/lists/1", "title=Night+Owls&description=At+two&language=en&public=yes&title-ur=%D8%A7%D9%84%D9%88")
	r.say(t, "list", "set", "readers", "--private")
	if l, err := r.Subscribers.ListByName(t.Context(), "readers"); err != nil || l.Public || l.Title != "Night Owls" || l.Words["de"].Title != "Nachteulen" || l.Words["ur"].Title != "الو" || strings.Contains(form(), "Night Owls") {
		t.Errorf("after the verb: %+v, %v", l, err)
	}
	r.say(t, "list", "set", "readers", "--language", "de")
	if l, err := r.Subscribers.ListByName(t.Context(), "readers"); err != nil || l.Title != "Nachteulen" || l.Words["en"].Title != "Night Owls" || l.Words["ur"].Title != "الو" || len(l.Words) != 2 {
		t.Errorf("German is its own language now: %+v, %v", l, err)
	}
	r.say(t, "list", "set", "readers", "--language", "fr")
	if l, err := r.Subscribers.ListByName(t.Context(), "readers"); err != nil || l.Title != "Nachteulen" || l.Language != "fr" || len(l.Words) != 2 {
		t.Errorf("French has no words, so its own become them: %+v, %v", l, err)
	}
	admin(303, "POST", "/desk/lists/1", "title=Night+Owls&language=en")
	list, _, err := r.Installation.Actions(t.Context(), "list readers", false, 20, 0)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, a := range list {
		said = append(said, fmt.Sprint(a))
	}
	for _, want := range []string{"lists@news.example set list readers Night Owls; At two; in ur; offered on the sign-up page", "in en; ur: الو", "set list readers de: Nachteulen", "set list readers not offered on the sign-up page",
		"set list readers Nachteulen; in de; en: Night Owls – At two; nothing in de", "set list readers in fr", "Night Owls; no description; in en; nothing in en"} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("the record lacks %q: %q", want, said)
		}
	}
	r.as(t, "ed@news.example", "editor")(403, "POST", "/desk/lists/1", "public=yes")
}
