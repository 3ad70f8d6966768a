package main

import (
	"database/sql"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"pressrun/cmd/pressrun/desk"
	"pressrun/digest"
	"pressrun/mailer"
	"pressrun/mailer/catch"
	"pressrun/templates"
)

// A red check is told to whoever lets an issue go out where he does not see it; a
// newsletter that was mended counts for the draft that is built anew.
func TestRedChecksBeforeAnIssueGoesOut(t *testing.T) {
	d, _ := newDeskless(t)
	_, toml, _ := d.verb("", "newsletter", "export", "morning")
	apply := func(postal string) {
		t.Helper()
		if code, _, errs := d.verb(strings.Replace(toml, "2 Quay Street, Port Ellery", postal, 1), "newsletter", "apply", "-f", "-"); code != 0 {
			t.Fatal(errs)
		}
		if code, _, errs := d.verb("", "issue", "rebuild", "1"); code != 0 {
			t.Fatal(errs)
		}
	}
	apply("Postal address missing: set brand.postal")
	for _, verb := range []string{"approve", "send"} {
		if code, _, errs := d.verb("", "issue", verb, "1"); code != exitFailed || !strings.Contains(errs, "postal address is missing") || !strings.Contains(errs, "--anyway") {
			t.Errorf("issue %s with a red check: exit %d, %s", verb, code, errs)
		}
	}
	if code, _, errs := d.verb("", "issue", "check", "1"); code != exitFailed || !strings.Contains(errs, "1 check is red") {
		t.Errorf("issue check with a red one: exit %d, %s", code, errs)
	}
	if _, out, _ := d.verb("", "issue", "ls"); !strings.Contains(out, "held") {
		t.Errorf("the issue did not stay held: %s", out)
	}
	apply("9 Lantern Quay, Port Ellery")
	if code, out, errs := d.verb("", "issue", "approve", "1"); code != 0 || !strings.Contains(out, "goes out now, to 0 readers") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
	d.verb("", "issue", "preview", "1", "--out", d.path("out"))
	if text, err := os.ReadFile(d.path("out/edition-en.txt")); err != nil || !strings.Contains(string(text), "9 Lantern Quay") {
		t.Errorf("the rebuilt issue does not show the new postal address (%v)", err)
	}
}

// A test mail goes to all the addresses or to none; what was typed stays.
func TestDeskTestIsRefusedWhole(t *testing.T) {
	d, _ := newDeskless(t)
	p, err := (&env{ctx: t.Context(), config: d.config, err: os.Stderr}).open()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	session := operator(t, p)
	letters := func() (n int64) {
		for {
			if _, _, err := p.Mailer.LetterState(t.Context(), n+1); errors.Is(err, mailer.ErrNoLetter) {
				return n
			}
			n++
		}
	}
	before := letters()
	for _, c := range []struct {
		to, as, want string
	}{
		{"ann@readers.example, zz", "", "&#34;zz&#34; is not a mail address"},
		{"ann@readers.example", "nobody@readers.example", "nobody reads with the address nobody@readers.example"},
		{" ", "", "give one to ten addresses"},
	} {
		req := httptest.NewRequest("POST", "/desk/issues/1/test", strings.NewReader(url.Values{"to": {c.to}, "as": {c.as}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.AddCookie(&http.Cookie{Name: desk.Cookie, Value: session})
		w := httptest.NewRecorder()
		p.Handler().ServeHTTP(w, req)
		page := w.Body.String()
		if w.Code != http.StatusBadRequest || !strings.Contains(page, c.want) || !strings.Contains(page, "No test was sent") ||
			!strings.Contains(page, `value="`+c.to+`"`) || c.as != "" && !strings.Contains(page, `value="`+c.as+`"`) {
			t.Errorf("%q as %q: %d, want %q and what was typed", c.to, c.as, w.Code, c.want)
		}
		if n := letters(); n != before {
			t.Errorf("%q as %q: no test was sent, and %d letters wait", c.to, c.as, n-before)
			before = n
		}
	}
}

// The last story of an issue stays: without one it could not be sealed.
func TestDeskKeepsTheLastStory(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	n, _, err := r.Digest.ApplyNewsletter(ctx, "morning", digest.Spec{List: "readers", From: "Morning <m@news.example>", Brand: testBrand, Settle: digest.Duration(time.Minute), MinStories: 1}, "test")
	if err != nil {
		t.Fatal(err)
	}
	slot, err := r.Digest.AddSlot(ctx, n.ID, time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	issue, err := r.Build(ctx, slot.ID)
	if err != nil {
		t.Fatal(err)
	}
	list, err := r.Digest.Chosen(ctx, issue.ID)
	if err != nil || len(list) < 2 {
		t.Fatal(list, err)
	}
	call := r.as(t, "ed@news.example", "approver")
	for k, c := range list {
		want := http.StatusOK
		if k == len(list)-1 {
			want = http.StatusConflict
		}
		if page := call(want, "POST", fmt.Sprintf("/desk/issues/%d/stories/en/%d", issue.ID, c.Story.ID), "do=drop"); want == http.StatusConflict && !strings.Contains(page, "nothing was changed") {
			t.Errorf("the page does not say that the story stays: %s", page)
		}
	}
	if issue, err = r.Digest.Issue(ctx, issue.ID); err != nil {
		t.Fatal(err)
	}
	call(http.StatusOK, "POST", fmt.Sprintf("/desk/issues/%d", issue.ID), fmt.Sprintf("do=approve:%d", issue.Revision))
}

// TestDeskSaysOnceThatItIsHeld: and when its time is, on the issue and on Today. No flag
// is chosen before somebody chooses one.
func TestDeskSaysOnceThatItIsHeld(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	look := r.as(t, "ap@news.example", "approver")
	path := fmt.Sprintf("/desk/issues/%d", issue.ID)
	look(303, "POST", path, "do=hold")
	for _, page := range []string{path, "/desk/"} {
		if text := look(200, "GET", page, ""); !regexp.MustCompile(`[^:] ?held by ap@news\.example; its time is in (1 h|\d+ min)`).MatchString(text) || strings.Contains(text, "held: held") {
			t.Errorf("%s says of an issue that is held: %s", page, text)
		}
	}
	if page := look(200, "GET", "/desk/stories/1", ""); !strings.Contains(page, `name="flag" required><option value="">`) {
		t.Error("a flag is chosen before anybody chose one")
	}
	if page := look(200, "GET", path+"/readers", ""); !strings.Contains(page, "whole address") {
		t.Error("who may not see readers does not learn how to ask about one")
	}
}

// TestDeskMovesPastDropped: at the desk the stories that are left are counted from 1,
// and each press on an arrow moves one of them past another one that is left.
func TestDeskMovesPastDropped(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	edit := r.as(t, "ed@news.example", "editor")
	path := fmt.Sprintf("/desk/issues/%d", issue.ID)
	shown := regexp.MustCompile(`(?s)<span class="story-position">(\d+)</span>.*?stories/en/(\d+)"`)
	order := func() (text string) {
		for _, m := range shown.FindAllStringSubmatch(edit(200, "GET", path, ""), -1) {
			text += m[1] + ":" + m[2] + " "
		}
		return text
	}
	before := strings.Fields(order())
	if len(before) != 3 {
		t.Fatalf("the desk shows %q", before)
	}
	_, second, _ := strings.Cut(before[1], ":")
	_, third, _ := strings.Cut(before[2], ":")
	edit(303, "POST", path+"/stories/en/"+second, "do=drop")
	if got, want := order(), before[0]+" 2:"+third+" "; got != want {
		t.Errorf("after the second was dropped: %q, want %q", got, want)
	}
	edit(303, "POST", path+"/stories/en/"+third, "do=up")
	if got := order(); !strings.HasPrefix(got, "1:"+third+" 2:") {
		t.Errorf("after one press on the arrow: %q", got)
	}
	approved := func() digest.Issue {
		i, err := r.Digest.Issue(t.Context(), issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	if err := r.Approve(t.Context(), issue.ID, 0, "ap@news.example"); err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"up", "down", "pin", "unpin"} { // from a page on which it was not dropped yet
		if page := edit(409, "POST", path+"/stories/en/"+second, "do="+do); !strings.Contains(page, "has left the issue") || approved().State != "approved" {
			t.Errorf("%s of a story that another has dropped: the issue is %s, and one reads %s", do, approved().State, page)
		}
	}
}

// What changes nothing leaves an approval as it is, at the desk and in the terminal;
// what voids it says so.
func TestDeskKeepsApprovalOfWhatStays(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	session := map[string]string{"Cookie": desk.Cookie + "=" + operator(t, r.Press), "Sec-Fetch-Site": "same-origin"}
	list, err := r.Digest.Chosen(t.Context(), issue.ID)
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	if err := r.Approve(t.Context(), issue.ID, issue.Revision, "ap@news.example"); err != nil {
		t.Fatal(err)
	}
	for _, edit := range [][]string{{"--to", "2"}, {"--title", list[1].Title, "--summary", list[1].Printed()}, {"--restore"}} {
		r.say(t, append([]string{"issue", "edit", fmt.Sprint(issue.ID), "--story", fmt.Sprint(list[1].Story.ID)}, edit...)...)
		r.say(t, "issue", "edit", fmt.Sprint(issue.ID), "--subject", "")
		if i, err := r.Digest.Issue(t.Context(), issue.ID); err != nil || i.State != "approved" {
			t.Errorf("issue edit %v leaves the issue %s, %v", edit, i.State, err)
		}
	}
	words := url.Values{"do": {"edit"}, "title": {list[1].Title}, "summary": {list[1].Printed()}}.Encode()
	story := func(n int) string { return fmt.Sprintf("%s/stories/en/%d", issuePath(issue.ID), list[n].Story.ID) }
	for _, c := range []struct{ path, form, said, state string }{
		{story(0), "do=up", "It stands first already: nothing was changed.", "approved"},
		{story(2), "do=down", "It stands last already: nothing was changed.", "approved"},
		{story(1), words, "It reads so already: nothing was changed.", "approved"},
		{story(0), "do=unpin", "It is so already: nothing was changed.", "approved"},
		{issuePath(issue.ID) + "/subject", "subject=&preheader=", "It reads so already: nothing was changed.", "approved"},
		{story(0), "do=down", "Moved down and sealed again. The approval is void: it waits for approval again.", "draft"},
		{story(0), "do=up", "Moved up and sealed again.", "draft"},
	} {
		w := r.ask("POST", c.path, c.form, session)
		flash := strings.TrimPrefix(w.Result().Cookies()[0].Value, "pressrun_flash=")
		if said, err := url.QueryUnescape(flash); err != nil || w.Code != 303 || said != c.said {
			t.Errorf("%s of %s: %d, %q; want %q", c.form, c.path, w.Code, said, c.said)
		}
		if i, err := r.Digest.Issue(t.Context(), issue.ID); err != nil || i.State != c.state {
			t.Errorf("%s of %s leaves the issue %s, want %s", c.form, c.path, i.State, c.state)
		}
	}
}

// Whoever lets an issue go out reads to how many; one that went out before its slot is
// told by when it began, also on Today.
func TestDeskTellsWhoGetsItAndWhenItWent(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "readers", "--source", "paper form")
	issue := r.draft(t)
	look := r.as(t, "ap@news.example", "approver")
	page := look(200, "GET", issuePath(issue.ID), "")
	for _, want := range []string{"Approve exactly what the preview shows? It goes out in ", " to 1 reader", "Send to 1 reader now, without waiting for the slot?"} {
		if !strings.Contains(page, want) {
			t.Errorf("the issue page does not ask %q", want)
		}
	}
	if !regexp.MustCompile(`its time is in (1 h|\d+ min), (at|on [^<]+,) \d\d:\d\d UTC<`).MatchString(page) {
		t.Error("who has no mouse does not read the time of the slot and its zone")
	}
	if err := r.SendNow(t.Context(), issue.ID, "ap@news.example"); err != nil {
		t.Fatal(err)
	}
	if page := look(200, "GET", issuePath(issue.ID), ""); !strings.Contains(page, ">sending</span> · <span title=") || !strings.Contains(page, ">began just now</span>") {
		about, _, _ := strings.Cut(page[strings.Index(page, `<p class="about">`):], "</p>")
		t.Errorf("an issue that is going out before its slot is told as %s", about)
	}
	admin := r.as(t, "li@news.example", "list admin")
	for _, call := range []func(int, string, string, string) string{look, admin} {
		for address, state := range map[string]string{"ann@readers.example": "queued", "nobody@readers.example": "no copy"} {
			if page := call(200, "GET", issuePath(issue.ID)+"/readers?q="+address, ""); !strings.Contains(page, ">"+state+"</span>") {
				t.Errorf("of %s the ledger does not say that it is %s", address, state)
			}
		}
	}
}

// sendNow is what the button Send now posts.
var sendNow = regexp.MustCompile(`send:\d+:\w+`)

// In the countdown one reads how many will get it and that it is a matter of seconds;
// afterwards that the slot of what was cancelled is none any more. Send now sends nothing
// that another has held since the page was opened.
func TestDeskTellsOfTheCountdown(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "readers", "--source", "paper form")
	issue := r.draft(t)
	if _, _, err := r.Digest.ApplyNewsletter(t.Context(), "morning", digest.Spec{List: "readers", Countdown: digest.Duration(50 * time.Second), From: "Morning <m@news.example>", Brand: testBrand, MinStories: 1}, "test"); err != nil {
		t.Fatal(err)
	}
	if err := r.Rebuild(t.Context(), issue.ID, "test"); err != nil {
		t.Fatal(err)
	}
	look := r.as(t, "ap@news.example", "approver")
	path := issuePath(issue.ID)
	seen := sendNow.FindString(look(200, "GET", path, ""))
	if err := r.Hold(t.Context(), issue.ID, "held by ed@news.example", "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	if page := look(409, "POST", path, "do="+seen); !strings.Contains(page, `href="`+path+`"`) {
		t.Error("who would send what another has held since is not led back to the issue")
	}
	look(303, "POST", path, "do="+sendNow.FindString(look(200, "GET", path, "")))
	page := look(200, "GET", path, "")
	for _, want := range []string{">goes out within a minute</span> · 1 reader now<", "Send to 1 reader now, without the rest of the countdown?", "Until then Hold stops it"} {
		if !strings.Contains(page, want) {
			t.Errorf("in the countdown the page does not say %q", want)
		}
	}
	look(303, "POST", path, "do=cancel")
	look(409, "POST", path, "do="+seen)
	if page := look(200, "GET", path, ""); !strings.Contains(page, "cancelled by ap@news.example; its time would be in ") || strings.Contains(page, "0 readers") {
		t.Error("the page of a cancelled issue tells of readers, or of a time to come")
	}
}

// A person's hold stands against whoever decides on a page from before it, and is named
// to him; that the clock alone has held the issue, or has begun its countdown, does not.
func TestDeskHoldStandsAgainstAnOldPage(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	look := r.as(t, "ap@news.example", "approver")
	path := issuePath(issue.ID)
	button := func(name string) string {
		t.Helper()
		return regexp.MustCompile(name + `:\d+:\w+`).FindString(look(200, "GET", path, ""))
	}
	state := func() string {
		i, err := r.Digest.Issue(t.Context(), issue.ID)
		if err != nil {
			t.Fatal(err)
		}
		return i.State
	}
	unapproved := button("approve")
	if err := r.Digest.MoveIssue(t.Context(), r.DB.Write, issue.ID, "held", digest.Unapproved, "draft"); err != nil {
		t.Fatal(err)
	}
	look(303, "POST", path, "do="+unapproved)
	if state() != "approved" {
		t.Errorf("the issue that only its slot had held is %s", state())
	}
	look(303, "POST", path+"/stories/en/"+fmt.Sprint(r.stories[0]), "do=pin") // a draft again
	if err := r.Subject(t.Context(), issue.ID, "Another", "", "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	if page := look(409, "POST", path, "do="+unapproved); !strings.Contains(page, "it was sealed again") {
		t.Errorf("who approves what has changed since is not told so: %s", page)
	}
	before := map[string]string{"approve": button("approve"), "send": button("send")}
	if err := r.Hold(t.Context(), issue.ID, "held by ed@news.example", "ed@news.example"); err != nil {
		t.Fatal(err)
	}
	for _, do := range before {
		if page := look(409, "POST", path, "do="+do); !strings.Contains(page, "It is held now: held by ed@news.example.") || strings.Contains(page, "sealed again") {
			t.Errorf("%s does not say who has held the issue: %s", do, page)
		}
	}
	if state() != "held" {
		t.Errorf("the issue that another has held is %s", state())
	}
	look(303, "POST", path, "do="+button("approve")) // who has read it may
	now := button("send")
	if err := r.DB.InTx(t.Context(), func(tx *sql.Tx) error {
		return r.Digest.Countdown(t.Context(), tx, issue.ID, r.Now().Add(time.Minute))
	}); err != nil {
		t.Fatal(err)
	}
	if said := look(303, "POST", path, "do="+now); said != "The countdown is running. Hold stops it." || state() != "countdown" {
		t.Errorf("Send now of a page from before the countdown: %q, %s", said, state())
	}
}

// The caught mail has readers' addresses and their own links in it: it is for those who
// may see readers, and nobody else is led there.
func TestInboxIsForThoseWhoSeeReaders(t *testing.T) {
	r := newCountingRoom(t, "")
	r.Catcher = &catch.Catcher{}
	t.Cleanup(func() { r.Catcher.Close() })
	for role, want := range map[string]int{"viewer": 403, "editor": 403, "approver": 403, "list admin": 200, "operator": 200} {
		look := r.as(t, strings.ReplaceAll(role, " ", "-")+"@news.example", role)
		look(want, "GET", "/inbox/", "")
		if led := strings.Contains(look(200, "GET", "/desk/", ""), "/inbox/"); led != (want == 200) {
			t.Errorf("%s is led to the inbox: %v", role, led)
		}
	}
	if w := r.ask("GET", "/inbox/", "", nil); w.Code != http.StatusUnauthorized {
		t.Errorf("who is not signed in: %d", w.Code)
	}
}

// Whoever blocks a story that went out reads what that does not change: at the desk
// before the click, in the terminal afterwards.
func TestBlockSaysWhatItLeaves(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "readers", "--source", "paper form")
	issue := r.draft(t)
	look := r.editor(t)
	path := fmt.Sprintf("/desk/stories/%d", r.stories[0])
	if page := look(200, "GET", path, ""); !strings.Contains(page, "It leaves those that wait") || !strings.Contains(page, `data-confirm="Make this story part of the other one?`) || strings.Contains(page, "archive") {
		t.Error("of a story that only waits the desk asks otherwise before Block, or nothing before Merge")
	}
	if err := r.SendNow(t.Context(), issue.ID, "ap@news.example"); err != nil {
		t.Fatal(err)
	}
	if page := look(200, "GET", path, ""); !strings.Contains(page, "morning #1 went out with it: mails that were delivered keep it, copies that are still to go out show it, and the archive goes on showing") || !strings.Contains(page, "<dt>Told in</dt>") {
		t.Error("the desk does not say what a block leaves as it is")
	}
	for _, story := range []string{fmt.Sprint(r.stories[0]), "https://news.example/story-1"} {
		if said := r.say(t, "story", "block", story); !strings.Contains(said, "kept out of every issue; morning #1 went out with it: ") {
			t.Errorf("story block %s says %q, and not what it leaves as it is", story, said)
		}
	}
}

// How the preview is looked at stays, whatever is pressed on the page, and the preview
// can be reached from the top.
func TestDeskKeepsTheLook(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	session := map[string]string{"Cookie": desk.Cookie + "=" + operator(t, r.Press), "Sec-Fetch-Site": "same-origin"}
	path := issuePath(issue.ID)
	look := "view=phone&scheme=dark"
	page := r.ask("GET", path+"?edition=en&"+look, "", session).Body.String()
	if !strings.Contains(page, `href="#preview"`) || !strings.Contains(page, `id="preview"`) || !strings.Contains(page, `id="stories" tabindex="-1"><h2>Stories`) {
		t.Error("nothing leads to the preview")
	}
	if !regexp.MustCompile(`<iframe class="phone" src="/desk/issues/\d+/frame/\d+\?scheme=dark&amp;view=phone"`).MatchString(page) {
		t.Error("the preview is not a phone's in the dark")
	}
	forms := regexp.MustCompile(`method="post" action="(`+path+`[^"]*)"`).FindAllStringSubmatch(page, -1)
	if len(forms) < 8 {
		t.Fatalf("%d forms on the page of a draft", len(forms))
	}
	for _, f := range forms {
		if !strings.HasSuffix(f[1], "?scheme=dark&amp;view=phone") && !strings.HasSuffix(f[1], "edition=en&amp;scheme=dark&amp;view=phone") {
			t.Errorf("a form forgets how the preview is looked at: %s", f[1])
		}
	}
	story := fmt.Sprintf("%s/stories/en/%d", path, r.stories[0])
	for address, form := range map[string]string{
		story:             "do=pin",
		path + "/subject": "subject=Another",
		path + "/test":    "to=ann@readers.example",
		path:              "do=hold",
	} {
		w := r.ask("POST", address+"?"+look, form, session)
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil || to.Query().Get("view") != "phone" || to.Query().Get("scheme") != "dark" {
			t.Errorf("%s of %s leads to %s", form, address, to)
		}
	}
}

// A reader's copy is shown to whoever may send it as a test, in the reader's own edition;
// why there is none is said in words, at the desk and in the terminal.
func TestPreviewAsReader(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	r.say(t, "subscriber", "add", "ann@readers.example", "--list", "readers", "--source", "paper form")
	r.say(t, "list", "add", "others")
	r.say(t, "subscriber", "add", "bob@readers.example", "--list", "others", "--source", "paper form")
	issue := r.draft(t)
	path := issuePath(issue.ID)
	edit, look := r.as(t, "ed@news.example", "editor"), r.as(t, "vi@news.example", "viewer")
	page := edit(200, "GET", path+"?view=phone&as=ann@readers.example", "")
	frame := regexp.MustCompile(`src="(/desk/issues/\d+/frame/\d+\?as=ann%40readers.example[^"]*)"`).FindStringSubmatch(page)
	if frame == nil || !strings.Contains(page, `name="as" type="email" value="ann@readers.example"`) || !strings.Contains(page, `<input type="hidden" name="view" value="phone">`) {
		t.Fatal("the preview is not that of the reader on a phone")
	}
	test := r.Subscribers.TestSlots(1, "")[templates.SlotUnsubscribe]
	if mail := edit(200, "GET", html.UnescapeString(frame[1]), ""); !strings.Contains(mail, test) {
		t.Errorf("the copy lacks the link %s, which changes nothing", test)
	}
	if page := look(200, "GET", path+"?as=ann@readers.example", ""); strings.Contains(page, `id="as-reader"`) || strings.Contains(page, "ann@readers.example") {
		t.Error("who may send no test is shown a reader's copy")
	}
	if mail := look(200, "GET", html.UnescapeString(frame[1]), ""); strings.Contains(mail, test) {
		t.Error("who may send no test gets a reader's copy")
	}
	r.say(t, "subscriber", "add", "staff@readers.example", "--list", "readers", "--source", "paper form")
	if _, err := r.Subscribers.SaveSegment(t.Context(), "staff", `email == "staff@readers.example"`); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Digest.ApplyNewsletter(t.Context(), "morning", digest.Spec{List: "readers", Exclude: []string{"staff"}, From: "Morning <m@news.example>", Brand: testBrand, MinStories: 1}, "test"); err != nil {
		t.Fatal(err)
	}
	if err := r.Rebuild(t.Context(), issue.ID, "test"); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"nobody@readers.example": "nobody reads with the address nobody@readers.example",
		"bob@readers.example":    "bob@readers.example would not get it: not on the list",
		"staff@readers.example":  "staff@readers.example would not get it: the newsletter goes to a segment, or leaves one out",
		"ann":                    "\"ann\" is not a mail address",
	} {
		if page := edit(200, "GET", path+"?as="+address, ""); !strings.Contains(html.UnescapeString(page), want) || strings.Contains(page, "<iframe") {
			t.Errorf("of %s the desk does not say %q, or shows a copy", address, want)
		}
		var errs strings.Builder
		if code := run(t.Context(), []string{"-q", "-c", r.config, "issue", "preview", "1", "--as", address, "--out", t.TempDir()}, strings.NewReader(""), io.Discard, &errs); code != exitFailed || !strings.Contains(errs.String(), want) {
			t.Errorf("of %s the terminal says %q, want %q", address, errs.String(), want)
		}
	}
}

// Two editors have a story open at once, or its issue's subject: who saves second does
// not overwrite what he has not seen, and keeps what he wrote.
func TestDeskTwoEditorsAtOnce(t *testing.T) {
	r := newCountingRoom(t, "")
	r.say(t, "list", "add", "readers")
	issue := r.draft(t)
	ann, bob := r.as(t, "ann@news.example", "editor"), r.as(t, "bob@news.example", "editor")
	path := issuePath(issue.ID)
	story := fmt.Sprintf("%s/stories/en/%d", path, r.stories[0])
	form := func(page, action string) string {
		m := regexp.MustCompile(`action="` + regexp.QuoteMeta(action) + `">(?:<input type="hidden" name="page" value="story">(?:<h3>[^<]*</h3>)?|<h3>[^<]*</h3><input type="hidden" name="page" value="story">)?<input type="hidden" name="over" value="([^"]+)">`).FindStringSubmatch(page)
		if m == nil {
			t.Fatalf("the form to %s does not say what it was written over", action)
		}
		return "&over=" + m[1]
	}
	for _, c := range []struct{ page, action, anns, bobs, now string }{
		{path, story, "do=edit&title=Of+Ann&summary=", "do=edit&title=Of+Bob&summary=", "Of Ann"},
		{story, story, "do=edit&title=Of+Ann+2&summary=", "do=edit&title=Of+Bob+2&summary=", "Of Ann 2"},
		{path, path + "/subject", "subject=Subject+of+Ann&preheader=", "subject=Subject+of+Bob&preheader=", "Subject of Ann"},
	} {
		over := form(ann(200, "GET", c.page, ""), c.action)
		ann(303, "POST", c.action, c.anns+over)
		ann(303, "POST", c.action, c.anns+over) // pressed twice
		mine := strings.Replace(c.now, "Ann", "Bob", 1)
		page := bob(409, "POST", c.action, c.bobs+over)
		for _, want := range []string{"Changed meanwhile", c.now, ">" + mine + "</textarea>", "nothing of yours was saved"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: who is second does not read %q", c.bobs, want)
			}
		}
		if page := bob(200, "GET", c.page, ""); !strings.Contains(page, c.now) || strings.Contains(page, mine) {
			t.Errorf("%s was overwritten", c.now)
		}
		bob(303, "POST", c.action, c.bobs+form(bob(200, "GET", c.page, ""), c.action))
		if page := bob(200, "GET", c.page, ""); !strings.Contains(page, mine) {
			t.Error("who has seen what is there cannot change it")
		}
	}
}
